/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/document.h"
#include <string.h>
#include "artifact/names.h"

/* Counted before parsing, so that no parser ever recurses deeper than we said. */
static gboolean too_deep(const char *text, gsize size)
{
	guint depth = 0;
	gboolean in_text = FALSE;

	for (gsize i = 0; i < size; i++) {
		char c = text[i];

		if (in_text && c == '\\')
			i++;
		else if (c == '"')
			in_text = !in_text;
		else if (!in_text && (c == '[' || c == '{') && ++depth > JSON_DEPTH_MAX)
			return TRUE;
		else if (!in_text && (c == ']' || c == '}') && depth > 0)
			depth--;
	}
	return FALSE;
}

json_t *document_parse(GBytes *bytes, Place *place, GError **error)
{
	gsize size;
	const char *text = g_bytes_get_data(bytes, &size);
	json_error_t reason;

	if (too_deep(text, size)) {
		place_refuse(place, 15, ARTIFACT_ERROR_LIMIT, error, "nested deeper than %d levels",
			JSON_DEPTH_MAX);
		return NULL;
	}
	/* A NUL escaped in a text is judged with the text; a key may not have one. */
	json_t *value = json_loadb(
		text ? text : "", size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &reason);
	if (!value) {
		g_autofree char *shown = place_printable(reason.text);
		place_refuse(
			place, 14, ARTIFACT_ERROR_JSON, error, "line %d: %s", reason.line, shown);
		return NULL;
	}
	if (json_is_object(value))
		return value;
	json_decref(value);
	place_refuse(place, 14, ARTIFACT_ERROR_JSON, error, "not a JSON object");
	return NULL;
}

gboolean document_check_keys(const json_t *object, const char *const *names, const char *where,
	Place *place, GError **error)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(guintptr)object, key, value) {
		if (g_strv_contains(names, key))
			continue;
		g_autofree char *shown = place_printable(key);
		return place_refuse(place, 17, ARTIFACT_ERROR_SCHEMA, error, "%s: unknown key %s",
			where, shown);
	}
	return TRUE;
}

const json_t *document_get(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

gboolean document_text(const json_t *value, const char *what, gsize size_max, const char **ret_text,
	Place *place, GError **error)
{
	if (!json_is_string(value))
		return place_refuse(place, 14, ARTIFACT_ERROR_JSON, error, "%s: not a text", what);
	const char *text = json_string_value(value);
	if (!*text && json_string_length(value) == 0 && size_max < DOCUMENT_VALUE_SIZE_MAX)
		return place_refuse(place, 17, ARTIFACT_ERROR_SCHEMA, error, "%s: empty", what);
	if (strlen(text) != json_string_length(value) || !text_is_printable(text, size_max))
		return place_refuse(place, 17, ARTIFACT_ERROR_SCHEMA, error,
			"%s: longer than %" G_GSIZE_FORMAT " bytes, or with unprintable characters",
			what, size_max);
	*ret_text = text;
	return TRUE;
}

char **document_texts(
	const json_t *value, const char *what, gsize size_max, Place *place, GError **error)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

	if (value && !json_is_array(value)) {
		place_refuse(place, 14, ARTIFACT_ERROR_JSON, error, "%s: not a list", what);
		return NULL;
	}
	for (gsize i = 0; i < json_array_size(value); i++) {
		const char *text;

		if (!document_text(json_array_get(value, i), what, size_max, &text, place, error))
			return NULL;
		g_ptr_array_add(texts, g_strdup(text));
	}
	g_ptr_array_add(texts, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&texts), FALSE);
}

gboolean document_object(const json_t *object, const char *key, const json_t **ret_object,
	Place *place, GError **error)
{
	*ret_object = document_get(object, key);
	if (*ret_object && !json_is_object(*ret_object))
		return place_refuse(
			place, 14, ARTIFACT_ERROR_JSON, error, "%s: not an object", key);
	return TRUE;
}
