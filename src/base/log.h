/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Where GLib's own logging calls go: g_debug, g_info, g_message (notable), g_warning (something is
 * wrong, work goes on), g_critical (an operation failed). g_error is not used: it aborts.
 * Never log a secret: no token, password, key or signed link. */
typedef enum {
	LOG_FORMAT_TEXT, /* 2026-01-01T10:00:00.123Z INFO message */
	LOG_FORMAT_JSON, /* {"time":...,"level":...,"message":...} one object a line */
} LogFormat;

/* Installs the writer, before any thread starts; a later call changes format and level. */
void log_setup(LogFormat format, GLogLevelFlags least_level);

/* FALSE for a name that is none of trace, debug, info, warning (warn), error, fatal, panic: the
 * words of Mender's clients, in whatever case. */
gboolean log_level_from_name(const char *name, GLogLevelFlags *ret_level) G_GNUC_WARN_UNUSED_RESULT;

/* Called with every record at or above the least level, beside the ordinary output. One listener.
 */
typedef void (*LogListener)(gint64 time_us, const char *level, const char *message, gpointer data);
void log_set_listener(LogListener listener, gpointer data);

/* DEBUG, INFO, WARNING or ERROR. */
const char *log_level_name(GLogLevelFlags level);
