/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>

/* Configuration files as a table: name, kind, place, default, help. The same rows read the file,
 * say what is wrong with which key, and make the man page. */

typedef enum {
	SETTING_TEXT,   /* char * */
	SETTING_BOOL,   /* gboolean */
	SETTING_NUMBER, /* gint64, within .least and .most */
	SETTING_TEXTS,  /* char ** */
	SETTING_VALUE,  /* json_t *: for what has a shape of its own */
} SettingKind;

typedef struct {
	const char *name; /* dots for nesting: "HttpsClient.Certificate" */
	SettingKind kind;
	gsize offset;
	const char *fallback; /* default as text, or NULL */
	gint64 least, most;   /* for numbers; both 0 = any */
	const char *help;
} Setting;

/* Sets every member to its default. @target must be zeroed before. */
void settings_set_defaults(const Setting *settings, gpointer target);

/**
 * settings_read:
 * @file: name for messages
 * @object: the file's content; keys that are not in the table are skipped
 *
 * Overrides the members whose keys are present. An unfit value is ROTA_ERROR_INVALID as
 * "FILE: KEY: what is wrong"; @target may then be half changed and must not be used.
 */
gboolean settings_read(const Setting *settings, const char *file, const json_t *object,
	gpointer target, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads a JSON file of at most 1 MiB. A missing file is ROTA_ERROR_NOT_FOUND. */
gboolean settings_read_file(const Setting *settings, const char *path, gpointer target,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Frees what the members own. */
void settings_clear(const Setting *settings, gpointer target);

/* (transfer full): the table in scdoc's language. */
char *settings_to_man(const Setting *settings);
