/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Times are gint64 microseconds since 1970 (suffix _us) unless a name says otherwise. */

gint64 clock_now_us(void); /* wall clock */

/* (transfer full): RFC 3339 in UTC with milliseconds: 2026-01-01T10:00:00.123Z */
char *clock_format_rfc3339(gint64 time_us);

gboolean clock_parse_rfc3339(
	const char *text, gint64 *ret_time_us, GError **error) G_GNUC_WARN_UNUSED_RESULT;
