/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/error.h"

/* One row of this table per kind: how it is read from JSON, written to JSON, freed. */
typedef gboolean (*ReadValue)(
	const JsonField *field, const json_t *value, gpointer place, GError **error);
typedef json_t *(*WriteValue)(const JsonField *field, gconstpointer place);
typedef void (*FreeValue)(const JsonField *field, gpointer place);

static gboolean read_members(
	const JsonRecord *record, const json_t *object, gpointer data, GError **error);
static json_t *write_members(const JsonRecord *record, gconstpointer data);
static void free_members(const JsonRecord *record, gpointer data);

static gboolean wrong_kind(GError **error, const char *wanted)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "not %s", wanted);
	return FALSE;
}

static gboolean too_long(GError **error, gsize max, const char *unit)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE, "more than %" G_GSIZE_FORMAT " %s",
		max, unit);
	return FALSE;
}

static gboolean missing(GError **error)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "missing");
	return FALSE;
}

static gboolean read_text(
	const JsonField *field, const json_t *value, gpointer place, GError **error)
{
	gsize max = field->max != 0 ? field->max : JSON_TEXT_MAX;

	if (!json_is_string(value))
		return wrong_kind(error, "a text");
	if (json_string_length(value) > max)
		return too_long(error, max, "bytes");
	if (field->presence == JSON_REQUIRED && json_string_length(value) == 0)
		return missing(error);
	*(char **)place = g_strdup(json_string_value(value));
	return TRUE;
}

static json_t *write_text(const JsonField *field, gconstpointer place)
{
	const char *text = *(char *const *)place;

	return text != NULL ? json_string(text) : NULL;
}

static void free_text(const JsonField *field, gpointer place)
{
	g_free(*(char **)place);
}

static gboolean read_bool(
	const JsonField *field, const json_t *value, gpointer place, GError **error)
{
	if (!json_is_boolean(value))
		return wrong_kind(error, "true or false");
	*(gboolean *)place = json_is_true(value);
	return TRUE;
}

static json_t *write_bool(const JsonField *field, gconstpointer place)
{
	gboolean flag = *(const gboolean *)place;

	return flag || field->presence == JSON_REQUIRED ? json_boolean(flag) : NULL;
}

static gboolean read_number(
	const JsonField *field, const json_t *value, gpointer place, GError **error)
{
	if (!json_is_integer(value))
		return wrong_kind(error, "a whole number");
	*(gint64 *)place = json_integer_value(value);
	return TRUE;
}

static json_t *write_number(const JsonField *field, gconstpointer place)
{
	gint64 number = *(const gint64 *)place;

	return number != 0 || field->presence == JSON_REQUIRED ? json_integer(number) : NULL;
}

static gboolean read_time(
	const JsonField *field, const json_t *value, gpointer place, GError **error)
{
	if (!json_is_string(value))
		return wrong_kind(error, "an RFC 3339 time");
	return clock_parse_rfc3339(json_string_value(value), place, error);
}

static json_t *write_time(const JsonField *field, gconstpointer place)
{
	gint64 time_us = *(const gint64 *)place;
	g_autofree char *text = NULL;

	if (time_us == 0)
		return NULL;
	text = clock_format_rfc3339(time_us);
	return json_string(text);
}

/* Checks that @value is a list of a fit length. */
static gboolean check_list(const JsonField *field, const json_t *value, GError **error)
{
	gsize max = field->max != 0 ? field->max : JSON_LIST_MAX;

	if (!json_is_array(value))
		return wrong_kind(error, "a list");
	if (json_array_size(value) > max)
		return too_long(error, max, "entries");
	if (field->presence == JSON_REQUIRED && json_array_size(value) == 0)
		return missing(error);
	return TRUE;
}

static gboolean read_texts(
	const JsonField *field, const json_t *value, gpointer place, GError **error)
{
	g_autoptr(GStrvBuilder) texts = g_strv_builder_new();

	if (!check_list(field, value, error))
		return FALSE;
	for (gsize i = 0; i < json_array_size(value); i++) {
		const json_t *entry = json_array_get(value, i);

		if (!json_is_string(entry) || json_string_length(entry) > JSON_TEXT_MAX) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
				"entry %" G_GSIZE_FORMAT " is not a text of at most %d bytes", i,
				JSON_TEXT_MAX);
			return FALSE;
		}
		g_strv_builder_add(texts, json_string_value(entry));
	}
	*(char ***)place = g_strv_builder_end(texts);
	return TRUE;
}

static json_t *write_texts(const JsonField *field, gconstpointer place)
{
	char *const *texts = *(char **const *)place;
	json_t *list;

	if (texts == NULL)
		return field->presence == JSON_REQUIRED ? json_array() : NULL;
	list = json_array();
	for (gsize i = 0; texts[i] != NULL; i++)
		json_array_append_new(list, json_string(texts[i]));
	return list;
}

static void free_texts(const JsonField *field, gpointer place)
{
	g_strfreev(*(char ***)place);
}

static gboolean read_text_map(
	const JsonField *field, const json_t *value, gpointer place, GError **error)
{
	g_autoptr(GHashTable) map = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	gsize max = field->max != 0 ? field->max : JSON_LIST_MAX;

	if (!json_is_object(value))
		return wrong_kind(error, "an object");
	if (json_object_size(value) > max)
		return too_long(error, max, "entries");
	/* jansson's iterator wants a value it may change; it is only read here. */
	for (void *at = json_object_iter((json_t *)(guintptr)value); at != NULL;
		at = json_object_iter_next((json_t *)(guintptr)value, at)) {
		const json_t *entry = json_object_iter_value(at);

		if (!json_is_string(entry) || json_string_length(entry) > JSON_TEXT_MAX) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
				"%s is not a text of at most %d bytes", json_object_iter_key(at),
				JSON_TEXT_MAX);
			return FALSE;
		}
		g_hash_table_insert(map, g_strdup(json_object_iter_key(at)),
			g_strdup(json_string_value(entry)));
	}
	*(GHashTable **)place = g_steal_pointer(&map);
	return TRUE;
}

static json_t *write_text_map(const JsonField *field, gconstpointer place)
{
	GHashTable *map = *(GHashTable *const *)place;
	json_t *object;
	GHashTableIter iterator;
	gpointer key, value;

	if (map == NULL)
		return field->presence == JSON_REQUIRED ? json_object() : NULL;
	object = json_object();
	g_hash_table_iter_init(&iterator, map);
	while (g_hash_table_iter_next(&iterator, &key, &value))
		json_object_set_new(object, key, json_string(value));
	return object;
}

static void free_text_map(const JsonField *field, gpointer place)
{
	g_clear_pointer((GHashTable **)place, g_hash_table_unref);
}

static gboolean read_value(
	const JsonField *field, const json_t *value, gpointer place, GError **error)
{
	*(json_t **)place = json_deep_copy(value);
	return TRUE;
}

static json_t *write_value(const JsonField *field, gconstpointer place)
{
	json_t *value = *(json_t *const *)place;

	return value != NULL ? json_incref(value) : NULL;
}

static void free_value(const JsonField *field, gpointer place)
{
	json_decref(*(json_t **)place);
}

static gboolean read_record(
	const JsonField *field, const json_t *value, gpointer place, GError **error)
{
	return read_members(field->record, value, place, error);
}

/* A part whose every byte is zero was never set. */
static gboolean is_unset(gconstpointer place, gsize size)
{
	const guint8 *bytes = place;

	for (gsize i = 0; i < size; i++) {
		if (bytes[i] != 0)
			return FALSE;
	}
	return TRUE;
}

static json_t *write_record(const JsonField *field, gconstpointer place)
{
	if (field->presence == JSON_OPTIONAL && is_unset(place, field->record->size))
		return NULL;
	return write_members(field->record, place);
}

static void free_record(const JsonField *field, gpointer place)
{
	free_members(field->record, place);
}

static void free_records(const JsonField *field, gpointer place)
{
	GPtrArray *list = *(GPtrArray **)place;

	if (list == NULL)
		return;
	for (guint i = 0; i < list->len; i++)
		json_record_free(field->record, list->pdata[i]);
	g_ptr_array_free(list, TRUE);
}

static gboolean read_records(
	const JsonField *field, const json_t *value, gpointer place, GError **error)
{
	GPtrArray *list;

	if (!check_list(field, value, error))
		return FALSE;
	list = g_ptr_array_sized_new((guint)json_array_size(value));
	*(GPtrArray **)place = list; /* from here on the caller frees it, filled as far as it is */
	for (gsize i = 0; i < json_array_size(value); i++) {
		gpointer item = json_record_read(field->record, json_array_get(value, i), error);

		if (item == NULL) {
			g_prefix_error(error, "[%" G_GSIZE_FORMAT "]: ", i);
			return FALSE;
		}
		g_ptr_array_add(list, item);
	}
	return TRUE;
}

static json_t *write_records(const JsonField *field, gconstpointer place)
{
	GPtrArray *list = *(GPtrArray *const *)place;
	json_t *array;

	if (list == NULL)
		return field->presence == JSON_REQUIRED ? json_array() : NULL;
	array = json_array();
	for (guint i = 0; i < list->len; i++)
		json_array_append_new(array, write_members(field->record, list->pdata[i]));
	return array;
}

static const struct {
	ReadValue read;
	WriteValue write;
	FreeValue free;
} kinds[] = {
	[JSON_TEXT] = { read_text, write_text, free_text },
	[JSON_BOOL] = { read_bool, write_bool, NULL },
	[JSON_NUMBER] = { read_number, write_number, NULL },
	[JSON_TIME] = { read_time, write_time, NULL },
	[JSON_TEXTS] = { read_texts, write_texts, free_texts },
	[JSON_TEXT_MAP] = { read_text_map, write_text_map, free_text_map },
	[JSON_VALUE] = { read_value, write_value, free_value },
	[JSON_RECORD] = { read_record, write_record, free_record },
	[JSON_RECORDS] = { read_records, write_records, free_records },
};

/* "phases" + "[2]: batch_size: ..." reads "phases[2].batch_size: ..." */
static void prefix_path(GError **error, const char *name)
{
	GError *inner = error != NULL ? *error : NULL;
	char *close;

	if (inner == NULL)
		return;
	if (inner->message[0] == '[' && (close = strstr(inner->message, "]: ")) != NULL) {
		char *rest = close + 3;
		char *joined = g_strdup_printf(
			"%s%.*s.%s", name, (int)(close + 1 - inner->message), inner->message, rest);

		g_free(inner->message);
		inner->message = joined;
		return;
	}
	g_prefix_error(error, "%s: ", name);
}

static gboolean read_members(
	const JsonRecord *record, const json_t *object, gpointer data, GError **error)
{
	if (!json_is_object(object))
		return wrong_kind(error, "an object");
	for (const JsonField *field = record->fields; field->name != NULL; field++) {
		const json_t *value = json_object_get(object, field->name);
		gboolean present = value != NULL && !json_is_null(value);
		gpointer place = G_STRUCT_MEMBER_P(data, field->offset);

		if (!present && field->presence == JSON_OPTIONAL)
			continue;
		if (present ? !kinds[field->kind].read(field, value, place, error)
			    : !missing(error)) {
			prefix_path(error, field->name);
			return FALSE;
		}
	}
	return TRUE;
}

static json_t *write_members(const JsonRecord *record, gconstpointer data)
{
	json_t *object = json_object();

	for (const JsonField *field = record->fields; field->name != NULL; field++) {
		gconstpointer place = (const guint8 *)data + field->offset;
		json_t *value = kinds[field->kind].write(field, place);

		if (value != NULL)
			json_object_set_new(object, field->name, value);
	}
	return object;
}

static void free_members(const JsonRecord *record, gpointer data)
{
	for (const JsonField *field = record->fields; field->name != NULL; field++) {
		if (kinds[field->kind].free != NULL)
			kinds[field->kind].free(field, G_STRUCT_MEMBER_P(data, field->offset));
	}
}

gpointer json_record_read(const JsonRecord *record, const json_t *value, GError **error)
{
	gpointer data = g_malloc0(record->size);

	if (!read_members(record, value, data, error)) {
		json_record_free(record, data);
		return NULL;
	}
	return data;
}

json_t *json_record_write(const JsonRecord *record, gconstpointer data)
{
	return write_members(record, data);
}

void json_record_free(const JsonRecord *record, gpointer data)
{
	if (data == NULL)
		return;
	free_members(record, data);
	g_free(data);
}

gpointer json_record_parse(const JsonRecord *record, const char *data, gsize size, GError **error)
{
	g_autoptr(json_t) value = json_parse_strict(data, size, error);

	return value != NULL ? json_record_read(record, value, error) : NULL;
}

/* Deeper nesting than the bound, outside of texts. Looked for before parsing: jansson's own bound
 * is a build-time constant of another program. */
static gboolean nested_too_deep(const char *data, gsize size)
{
	gsize depth = 0;
	gboolean in_text = FALSE;

	for (gsize i = 0; i < size; i++) {
		if (in_text) {
			if (data[i] == '\\')
				i++;
			else if (data[i] == '"')
				in_text = FALSE;
		} else if (data[i] == '"') {
			in_text = TRUE;
		} else if (data[i] == '[' || data[i] == '{') {
			if (++depth > JSON_DEPTH_MAX)
				return TRUE;
		} else if ((data[i] == ']' || data[i] == '}') && depth > 0) {
			depth--;
		}
	}
	return FALSE;
}

json_t *json_parse_strict(const char *data, gsize size, GError **error)
{
	json_error_t reason;
	json_t *value;

	if (nested_too_deep(data, size)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "nested deeper than %d",
			JSON_DEPTH_MAX);
		return NULL;
	}
	value = json_loadb(data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &reason);
	if (value == NULL)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "line %d, column %d: %s",
			reason.line, reason.column, reason.text);
	return value;
}

static char *dump(const json_t *value, size_t flags)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | flags);
	char *copy = g_strdup(text);

	free(text);
	return copy;
}

char *json_to_text(const json_t *value)
{
	return dump(value, 0);
}

char *json_to_canonical_text(const json_t *value)
{
	return dump(value, JSON_SORT_KEYS);
}
