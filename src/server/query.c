/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query.h"

#include <string.h>
#include "base/error.h"

/* Most texts are what they decode to. */
static gboolean is_plain(const char *text, gsize length)
{
	for (gsize i = 0; i < length; i++)
		if (!g_ascii_isgraph(text[i]) || text[i] == '%' || text[i] == '+')
			return FALSE;
	return TRUE;
}

char *url_decode(const char *text, gsize length, gboolean plus_is_space)
{
	g_autofree char *decoded = NULL;
	gsize size = 0;

	if (is_plain(text, length))
		return g_strndup(text, length);
	decoded = g_malloc(length + 1);

	for (gsize i = 0; i < length; i++) {
		if (text[i] == '+' && plus_is_space) {
			decoded[size++] = ' ';
		} else if (text[i] != '%') {
			decoded[size++] = text[i];
		} else {
			if (i + 2 >= length || !g_ascii_isxdigit(text[i + 1]) ||
				!g_ascii_isxdigit(text[i + 2]))
				return NULL;
			decoded[size++] = (char)(g_ascii_xdigit_value(text[i + 1]) << 4 |
						 g_ascii_xdigit_value(text[i + 2]));
			i += 2;
		}
	}
	decoded[size] = '\0';
	if (strlen(decoded) != size || !g_utf8_validate(decoded, (gssize)size, NULL))
		return NULL;
	return g_steal_pointer(&decoded);
}

char *url_encode(const char *text)
{
	return g_uri_escape_string(text, NULL, FALSE);
}

static void pair_clear(gpointer data)
{
	QueryPair *pair = data;

	g_free(pair->name);
	g_free(pair->value);
}

static gboolean parse_pair(GArray *pairs, const char *text, gsize length, GError **error)
{
	const char *equals = memchr(text, '=', length);
	gsize name_length = equals ? (gsize)(equals - text) : length;
	QueryPair pair = { 0 };

	pair.name = url_decode(text, name_length, TRUE);
	pair.value = equals ? url_decode(equals + 1, length - name_length - 1, TRUE) : g_strdup("");
	if (!pair.name || !pair.value) {
		pair_clear(&pair);
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID, "malformed query");
		return FALSE;
	}
	g_array_append_val(pairs, pair);
	return TRUE;
}

GArray *query_parse(const char *text, GError **error)
{
	g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(QueryPair));

	g_array_set_clear_func(pairs, pair_clear);
	while (text && *text) {
		gsize length = strcspn(text, "&");

		if (pairs->len == QUERY_PAIRS_MAX) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
				"more than %d query parameters", QUERY_PAIRS_MAX);
			return NULL;
		}
		if (length && !parse_pair(pairs, text, length, error))
			return NULL;
		text += length + (text[length] == '&');
	}
	return g_steal_pointer(&pairs);
}

/* --- Links --- */

static int compare_texts(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_text(GPtrArray *texts, const char *name, const char *value)
{
	g_autofree char *encoded_name = url_encode(name);
	g_autofree char *encoded_value = url_encode(value);

	g_ptr_array_add(texts, g_strconcat(encoded_name, "=", encoded_value, NULL));
}

static void add_number(GPtrArray *texts, const char *name, gint64 value)
{
	g_ptr_array_add(texts, g_strdup_printf("%s=%" G_GINT64_FORMAT, name, value));
}

char *query_with_page(const GArray *pairs, gint64 page, gint64 per_page)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < pairs->len; i++) {
		const QueryPair *pair = &g_array_index(pairs, QueryPair, i);

		if (!g_str_equal(pair->name, "page") && !g_str_equal(pair->name, "per_page"))
			add_text(texts, pair->name, pair->value);
	}
	add_number(texts, "page", page);
	add_number(texts, "per_page", per_page);
	g_ptr_array_sort(texts, compare_texts);
	g_ptr_array_add(texts, NULL);
	return g_strjoinv("&", (char **)texts->pdata);
}

gboolean query_positive(const char *name, const char *text, gint64 *ret_value, GError **error)
{
	gint64 value;

	if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &value, NULL)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "invalid %s query: \"%.64s\"",
			name, text);
		return FALSE;
	}
	if (value < 1 || value > G_MAXINT32) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"invalid %s query: value must be a non-zero positive integer", name);
		return FALSE;
	}
	*ret_value = value;
	return TRUE;
}
