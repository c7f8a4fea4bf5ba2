/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <jansson.h>
#include "base/clock.h"
#include "base/file.h"

/* Set once by log_setup() before any thread starts, read by all. */
static gboolean is_installed;
static LogFormat chosen_format;
static GLogLevelFlags chosen_least = G_LOG_LEVEL_INFO;

static LogListener current_listener;
static gpointer current_listener_data;

/* Mender's words for what GLib calls a level; GLib's numbers grow as the weight falls. */
static const struct {
	const char *name;
	GLogLevelFlags level;
} names[] = {
	{ "trace", G_LOG_LEVEL_DEBUG },
	{ "debug", G_LOG_LEVEL_DEBUG },
	{ "info", G_LOG_LEVEL_INFO },
	{ "warning", G_LOG_LEVEL_WARNING },
	{ "warn", G_LOG_LEVEL_WARNING },
	{ "error", G_LOG_LEVEL_CRITICAL },
	{ "fatal", G_LOG_LEVEL_ERROR },
	{ "panic", G_LOG_LEVEL_ERROR },
};

gboolean log_level_from_name(const char *name, GLogLevelFlags *ret_level)
{
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		if (g_ascii_strcasecmp(names[i].name, name) == 0) {
			*ret_level = names[i].level;
			return TRUE;
		}
	}
	return FALSE;
}

const char *log_level_name(GLogLevelFlags level)
{
	if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
		return "ERROR";
	if (level & G_LOG_LEVEL_WARNING)
		return "WARNING";
	return level & G_LOG_LEVEL_DEBUG ? "DEBUG" : "INFO";
}

static const char *message_of(const GLogField *fields, gsize n_fields)
{
	for (gsize i = 0; i < n_fields; i++) {
		if (strcmp(fields[i].key, "MESSAGE") == 0)
			return fields[i].value;
	}
	return "";
}

static char *format_text(const char *time, const char *level, const char *message)
{
	g_autofree char *line = g_strdup_printf("%s %s %s", time, level, message);

	/* One record is one line, whatever somebody else put into a name. */
	for (char *at = line; *at != '\0'; at++) {
		if ((guchar)*at < ' ' || *at == 0x7f)
			*at = ' ';
	}
	return g_strconcat(line, "\n", NULL);
}

static char *format_json(const char *time, const char *level, const char *message)
{
	g_autofree char *valid = g_utf8_make_valid(message, -1);
	json_t *record = json_pack("{s:s,s:s,s:s}", "time", time, "level", level, "message", valid);
	char *text = json_dumps(record, JSON_COMPACT);
	char *line = g_strconcat(text, "\n", NULL);

	free(text);
	json_decref(record);
	return line;
}

static GLogWriterOutput write_record(
	GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
	static char *(*const formats[])(const char *, const char *, const char *) = {
		[LOG_FORMAT_TEXT] = format_text,
		[LOG_FORMAT_JSON] = format_json,
	};
	const char *message = message_of(fields, n_fields);
	gint64 now_us = clock_now_us();
	g_autofree char *time = NULL;
	g_autofree char *line = NULL;

	if ((level & G_LOG_LEVEL_MASK) > chosen_least)
		return G_LOG_WRITER_HANDLED;
	time = clock_format_rfc3339(now_us);
	line = formats[chosen_format](time, log_level_name(level), message);
	/* A log that cannot be written (a closed pipe) must not stop the work it tells of. */
	if (!file_write_all(STDERR_FILENO, line, strlen(line), NULL))
		return G_LOG_WRITER_UNHANDLED;
	if (current_listener != NULL)
		current_listener(now_us, log_level_name(level), message, current_listener_data);
	return G_LOG_WRITER_HANDLED;
}

void log_setup(LogFormat format, GLogLevelFlags least_level)
{
	chosen_format = format;
	chosen_least = least_level;
	if (!is_installed)
		g_log_set_writer_func(write_record, NULL, NULL);
	is_installed = TRUE;
}

void log_set_listener(LogListener listener, gpointer data)
{
	current_listener_data = data;
	current_listener = listener;
}
