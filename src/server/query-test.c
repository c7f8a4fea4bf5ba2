/* SPDX-License-Identifier: Apache-2.0 */
/* Cases:
 *   decode     escapes, plus signs, NUL, bytes that are no UTF-8
 *   parse      order, repetition, empty parts, too many
 *   links      sorted keys, page and per_page replaced, values encoded again
 *   positive   numbers of pages as clients are told of bad ones
 *   status     every code of the project has its status; a stranger's error is ours */
#include <string.h>
#include "base/error.h"
#include "server/query.h"
#include "server/status.h"

static void assert_decodes(const char *text, gboolean plus, const char *expected)
{
	g_autofree char *decoded = url_decode(text, strlen(text), plus);

	g_assert_cmpstr(decoded, ==, expected);
}

static void test_decode(void)
{
	assert_decodes("a%20b%2Fc", FALSE, "a b/c");
	assert_decodes("a+b", FALSE, "a+b");
	assert_decodes("a+b%2B", TRUE, "a b+");
	assert_decodes("%", FALSE, NULL);
	assert_decodes("%4", FALSE, NULL);
	assert_decodes("%4x", FALSE, NULL);
	assert_decodes("a%00b", FALSE, NULL);
	assert_decodes("%c3%28", FALSE, NULL);
}

static void test_parse(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GArray) pairs = query_parse("a=1&&b&a=2=3&c=", &error);
	g_autofree char *many = NULL;

	g_assert_no_error(error);
	g_assert_cmpuint(pairs->len, ==, 4);
	g_assert_cmpstr(g_array_index(pairs, QueryPair, 1).name, ==, "b");
	g_assert_cmpstr(g_array_index(pairs, QueryPair, 1).value, ==, "");
	g_assert_cmpstr(g_array_index(pairs, QueryPair, 2).value, ==, "2=3");
	g_assert_null(query_parse("a=%zz", &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
	g_clear_error(&error);
	many = g_strnfill(2 * QUERY_PAIRS_MAX + 2, '&');
	for (guint i = 0; i < 2 * QUERY_PAIRS_MAX + 2; i += 2)
		many[i] = 'x';
	g_assert_null(query_parse(many, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE);
}

static void test_links(void)
{
	g_autoptr(GArray) pairs = query_parse("status=pending&page=7&name=a%26b&id=2&id=1", NULL);
	g_autofree char *query = query_with_page(pairs, 3, 20);

	g_assert_cmpstr(query, ==, "id=1&id=2&name=a%26b&page=3&per_page=20&status=pending");
}

static void assert_not_positive(const char *text, const char *message)
{
	g_autoptr(GError) error = NULL;
	gint64 value = 0;

	g_assert_false(query_positive("page", text, &value, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
	g_assert_cmpstr(error->message, ==, message);
}

static void test_positive(void)
{
	gint64 value = 0;

	g_assert_true(query_positive("page", "12", &value, NULL));
	g_assert_cmpint(value, ==, 12);
	assert_not_positive("x", "invalid page query: \"x\"");
	assert_not_positive("", "invalid page query: \"\"");
	assert_not_positive("1.5", "invalid page query: \"1.5\"");
	assert_not_positive("0", "invalid page query: value must be a non-zero positive integer");
	assert_not_positive("-1", "invalid page query: value must be a non-zero positive integer");
	assert_not_positive(
		"9999999999", "invalid page query: value must be a non-zero positive integer");
}

static void test_status(void)
{
	for (gint code = 0; code <= ROTA_ERROR_INTERNAL; code++) {
		g_autoptr(GError) error = g_error_new_literal(ROTA_ERROR, code, "x");
		ErrorStatus how = error_status(error);

		g_assert_cmpuint(how.status, >=, 400);
		g_assert_cmpint(how.is_ours, ==, how.status == 500);
	}
	{
		g_autoptr(GError) stranger =
			g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_NOENT, "x");

		g_assert_true(error_status(stranger).is_ours);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server/query/decode", test_decode);
	g_test_add_func("/server/query/parse", test_parse);
	g_test_add_func("/server/query/links", test_links);
	g_test_add_func("/server/query/positive", test_positive);
	g_test_add_func("/server/query/status", test_status);
	return g_test_run();
}
