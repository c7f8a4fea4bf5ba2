/* SPDX-License-Identifier: Apache-2.0 */
#include "base/settings.h"
#include <string.h>
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum { SETTINGS_FILE_SIZE_MAX = 1024 * 1024 };

static void clear_member(const Setting *setting, gpointer place)
{
	switch (setting->kind) {
	case SETTING_TEXT:
		g_clear_pointer((char **)place, g_free);
		return;
	case SETTING_TEXTS:
		g_clear_pointer((char ***)place, g_strfreev);
		return;
	case SETTING_VALUE:
		g_clear_pointer((json_t **)place, json_decref);
		return;
	case SETTING_BOOL:
	case SETTING_NUMBER:
		return;
	}
}

static gboolean unfit(GError **error, const char *what)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s", what);
	return FALSE;
}

static gboolean set_number(const Setting *setting, gint64 number, gpointer place, GError **error)
{
	gboolean bounded = setting->least != 0 || setting->most != 0;

	if (bounded && (number < setting->least || number > setting->most)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"must be from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, setting->least,
			setting->most);
		return FALSE;
	}
	*(gint64 *)place = number;
	return TRUE;
}

static gboolean set_texts(const json_t *value, gpointer place, GError **error)
{
	g_autoptr(GStrvBuilder) texts = g_strv_builder_new();

	if (!json_is_array(value))
		return unfit(error, "must be a list of texts");
	for (gsize i = 0; i < json_array_size(value); i++) {
		if (!json_is_string(json_array_get(value, i)))
			return unfit(error, "must be a list of texts");
		g_strv_builder_add(texts, json_string_value(json_array_get(value, i)));
	}
	*(char ***)place = g_strv_builder_end(texts);
	return TRUE;
}

static gboolean set_member(
	const Setting *setting, const json_t *value, gpointer place, GError **error)
{
	switch (setting->kind) {
	case SETTING_TEXT:
		if (!json_is_string(value))
			return unfit(error, "must be a text");
		*(char **)place = g_strdup(json_string_value(value));
		return TRUE;
	case SETTING_BOOL:
		if (!json_is_boolean(value))
			return unfit(error, "must be true or false");
		*(gboolean *)place = json_is_true(value);
		return TRUE;
	case SETTING_NUMBER:
		if (!json_is_integer(value))
			return unfit(error, "must be a whole number");
		return set_number(setting, json_integer_value(value), place, error);
	case SETTING_TEXTS:
		return set_texts(value, place, error);
	case SETTING_VALUE:
		*(json_t **)place = json_deep_copy(value);
		return TRUE;
	}
	g_return_val_if_reached(FALSE);
}

static void set_default(const Setting *setting, gpointer place)
{
	const char *fallback = setting->fallback;

	if (fallback == NULL)
		return;
	switch (setting->kind) {
	case SETTING_TEXT:
		*(char **)place = g_strdup(fallback);
		return;
	case SETTING_BOOL:
		*(gboolean *)place = strcmp(fallback, "true") == 0;
		return;
	case SETTING_NUMBER:
		*(gint64 *)place = g_ascii_strtoll(fallback, NULL, 10);
		return;
	case SETTING_TEXTS:
		*(char ***)place = g_strsplit(fallback, ",", -1);
		return;
	case SETTING_VALUE:
		*(json_t **)place = json_loads(fallback, JSON_DECODE_ANY, NULL);
		return;
	}
}

void settings_set_defaults(const Setting *settings, gpointer target)
{
	for (const Setting *setting = settings; setting->name != NULL; setting++)
		set_default(setting, G_STRUCT_MEMBER_P(target, setting->offset));
}

/* "A.B" is the member B of the object A. A name on the way that is no object hides what is below.
 */
static const json_t *find_value(const json_t *object, const char *name)
{
	g_auto(GStrv) parts = g_strsplit(name, ".", -1);

	for (gsize i = 0; parts[i] != NULL && object != NULL; i++)
		object = json_object_get(object, parts[i]);
	return object;
}

gboolean settings_read(const Setting *settings, const char *file, const json_t *object,
	gpointer target, GError **error)
{
	if (!json_is_object(object)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not a JSON object", file);
		return FALSE;
	}
	for (const Setting *setting = settings; setting->name != NULL; setting++) {
		const json_t *value = find_value(object, setting->name);
		gpointer place = G_STRUCT_MEMBER_P(target, setting->offset);

		if (value == NULL || json_is_null(value))
			continue;
		clear_member(setting, place);
		if (!set_member(setting, value, place, error)) {
			g_prefix_error(error, "%s: %s: ", file, setting->name);
			return FALSE;
		}
	}
	return TRUE;
}

gboolean settings_read_file(
	const Setting *settings, const char *path, gpointer target, GError **error)
{
	g_autoptr(GBytes) bytes = file_read(path, SETTINGS_FILE_SIZE_MAX, error);
	g_autoptr(json_t) object = NULL;
	gsize size;
	const char *data;

	if (bytes == NULL)
		return FALSE;
	data = g_bytes_get_data(bytes, &size);
	object = json_parse_strict(data != NULL ? data : "", size, error);
	if (object == NULL) {
		g_prefix_error(error, "%s: ", path);
		return FALSE;
	}
	return settings_read(settings, path, object, target, error);
}

void settings_clear(const Setting *settings, gpointer target)
{
	for (const Setting *setting = settings; setting->name != NULL; setting++)
		clear_member(setting, G_STRUCT_MEMBER_P(target, setting->offset));
}

char *settings_to_man(const Setting *settings)
{
	static const char *const words[] = {
		[SETTING_TEXT] = "text",
		[SETTING_BOOL] = "true or false",
		[SETTING_NUMBER] = "number",
		[SETTING_TEXTS] = "list of texts",
		[SETTING_VALUE] = "object or list",
	};
	GString *page = g_string_new(NULL);

	for (const Setting *setting = settings; setting->name != NULL; setting++) {
		g_string_append_printf(page, "*%s* (%s)\n\t%s.", setting->name,
			words[setting->kind], setting->help);
		if (setting->least != 0 || setting->most != 0)
			g_string_append_printf(page,
				" From %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ".",
				setting->least, setting->most);
		if (setting->fallback != NULL)
			g_string_append_printf(page, " Default: %s.", setting->fallback);
		g_string_append(page, "\n\n");
	}
	return g_string_free(page, FALSE);
}
