/* SPDX-License-Identifier: Apache-2.0 */
/* Cases:
 *  - one row each: operator, operand, value, whether it matches
 *  - which operators are negated, and which take what is missing
 *  - what is refused, with its reason
 *  - a pattern that takes too many steps ends with an error, not with the server */
#include <string.h>
#include "base/error.h"
#include "base/json.h"
#include "server/inventory/predicate.h"

static Predicate *parse(const char *type, const char *value, GError **error)
{
	g_autofree char *text = g_strdup_printf(
		"{\"scope\":\"inventory\",\"attribute\":\"a\",\"type\":\"%s\",\"value\":%s}", type,
		value);
	g_autoptr(json_t) object = json_parse_strict(text, strlen(text), NULL);

	g_assert_nonnull(object);
	return predicate_read(object, error);
}

/* shows: I3 */
static void test_matches(void)
{
	static const struct {
		const char *type, *operand, *text; /* text NULL: the number */
		double number;
		gboolean expected;
	} rows[] = {
		{ "$eq", "\"1\"", "1", 0, TRUE },
		{ "$eq", "\"1\"", NULL, 1, FALSE },
		{ "$eq", "1", NULL, 1, TRUE },
		{ "$eq", "1.0", NULL, 1, TRUE },
		{ "$eq", "1", "1", 0, FALSE },
		{ "$ne", "\"x\"", "x", 0,
			TRUE }, /* the simple condition, which is then turned round */
		{ "$in", "[\"x\",2]", "x", 0, TRUE },
		{ "$in", "[\"x\",2]", NULL, 2, TRUE },
		{ "$in", "[\"x\",2]", "2", 0, FALSE },
		{ "$in", "[]", "x", 0, FALSE },
		{ "$gt", "\"b\"", "c", 0, TRUE },
		{ "$gt", "\"b\"", "b", 0, FALSE },
		{ "$gt", "\"b\"", NULL, 9, FALSE },
		{ "$gte", "\"b\"", "b", 0, TRUE },
		{ "$gte", "10", NULL, 9, FALSE },
		{ "$lt", "10", NULL, 9, TRUE },
		{ "$lt", "\"10\"", "9", 0, FALSE },
		{ "$lt", "10", "9", 0, FALSE },
		{ "$lte", "10", NULL, 10, TRUE },
		{ "$ltne", "\"b\"", "a", 0, TRUE },
		{ "$exists", "true", "", 0, TRUE },
		{ "$regex", "\"^v1\\\\.\"", "v1.2", 0, TRUE },
		{ "$regex", "\"1.2\"", "v1.2", 0, TRUE },
		{ "$regex", "\"^1\"", "v1.2", 0, FALSE },
		{ "$regex", "\"1\"", NULL, 1, FALSE },
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		const AttributeValue number = { NULL, rows[i].number };
		const AttributeValue value =
			rows[i].text != NULL ? attribute_value_of(rows[i].text) : number;
		g_autoptr(GError) error = NULL;
		g_autoptr(Predicate) predicate = parse(rows[i].type, rows[i].operand, &error);
		gboolean matches;

		g_assert_no_error(error);
		g_assert_true(predicate_matches(predicate, &value, &matches, &error));
		g_test_message("row %u", i);
		g_assert_cmpint(matches, ==, rows[i].expected);
	}
}

static void test_kinds(void)
{
	static const struct {
		const char *type, *operand;
		gboolean negated, takes_missing;
	} rows[] = {
		{ "$eq", "1", FALSE, FALSE },
		{ "$ne", "1", TRUE, FALSE },
		{ "$in", "[1]", FALSE, FALSE },
		{ "$nin", "[1]", TRUE, FALSE },
		{ "$exists", "true", FALSE, FALSE },
		{ "$exists", "false", TRUE, FALSE },
		{ "$ltne", "1", FALSE, TRUE },
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(Predicate) predicate = parse(rows[i].type, rows[i].operand, NULL);

		g_assert_cmpint(predicate_is_negated(predicate), ==, rows[i].negated);
		g_assert_cmpint(predicate_takes_missing(predicate), ==, rows[i].takes_missing);
	}
}

static void test_refused(void)
{
	static const struct {
		const char *type, *operand, *reason;
	} rows[] = {
		{ "$like", "1", "type: $like: no such operator" },
		{ "eq", "1", "type: eq: no such operator" },
		{ "$eq", "null", "value: neither text nor number" },
		{ "$eq", "true", "value: neither text nor number" },
		{ "$eq", "[1]", "value: neither text nor number" },
		{ "$gt", "{}", "value: neither text nor number" },
		{ "$in", "1", "value: not a list, or too long" },
		{ "$in", "[[1]]", "value: not a list of texts or numbers" },
		{ "$in", "[null]", "value: not a list of texts or numbers" },
		{ "$exists", "1", "value: neither true nor false" },
		{ "$regex", "1", "value: not a pattern, or too long" },
		{ "$regex", "\"(\"", "value: pattern: missing closing parenthesis at 1" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(parse(rows[i].type, rows[i].operand, &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
		g_assert_cmpstr(error->message, ==, rows[i].reason);
	}
}

static void test_costly_pattern(void)
{
	g_autofree char *text = g_strnfill(5000, 'a');
	const AttributeValue value = attribute_value_of(text);
	g_autoptr(Predicate) predicate = parse("$regex", "\"^(a+)+b?c$\"", NULL);
	g_autoptr(GError) error = NULL;
	gboolean matches;

	g_assert_false(predicate_matches(predicate, &value, &matches, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/predicate/matches", test_matches);
	g_test_add_func("/predicate/kinds", test_kinds);
	g_test_add_func("/predicate/refused", test_refused);
	g_test_add_func("/predicate/costly-pattern", test_costly_pattern);
	return g_test_run();
}
