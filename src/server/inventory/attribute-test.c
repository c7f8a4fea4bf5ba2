/* SPDX-License-Identifier: Apache-2.0 */
/* Cases:
 *  - what a device may send, and how it is shown again
 *  - what is refused, with its path
 *  - the last of a name wins; order does not matter to the digest, values do
 *  - keys of texts: themselves up to the limit, beyond it longer than any text can be
 *  - the order of values: missing, numbers, texts byte by byte */
#include <string.h>
#include "base/error.h"
#include "base/json.h"
#include "server/inventory/attribute.h"

static GPtrArray *parse(const char *text, guint n_max, GError **error)
{
	g_autoptr(json_t) array = json_parse_strict(text, strlen(text), NULL);

	g_assert_nonnull(array);
	return attributes_read(array, SCOPE_INVENTORY, n_max, error);
}

static void test_shown_as_sent(void)
{
	static const char *const values[] = { "\"text\"", "\"\"", "7", "-1.5", "[]",
		"[\"a\",\"b\"]", "[1,2.5]" };

	for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
		g_autofree char *text = g_strdup_printf(
			"[{\"name\":\"n\",\"value\":%s,\"scope\":\"system\"}]", values[i]);
		g_autofree char *expected = g_strdup_printf(
			"{\"name\":\"n\",\"value\":%s,\"scope\":\"inventory\"}", values[i]);
		g_autoptr(GError) error = NULL;
		g_autoptr(GPtrArray) attributes = parse(text, 1, &error);
		g_autoptr(json_t) shown = NULL;
		g_autofree char *seen = NULL;

		g_assert_no_error(error);
		shown = attribute_to_json(g_ptr_array_index(attributes, 0));
		seen = json_to_text(shown);
		g_assert_cmpstr(seen, ==, expected);
	}
}

static void test_refused(void)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{ "{}", "not a list of attributes" },
		{ "[1]", "[0]: not an object" },
		{ "[{\"value\":1}]", "[0].name: missing" },
		{ "[{\"name\":\"\",\"value\":1}]", "[0].name: missing" },
		{ "[{\"name\":5,\"value\":1}]", "[0].name: missing" },
		{ "[{\"name\":\"a\",\"value\":1},{\"name\":\"b\"}]",
			"[1].value: neither text nor number nor a list of one of them" },
		{ "[{\"name\":\"a\",\"value\":true}]",
			"[0].value: neither text nor number nor a list of one of them" },
		{ "[{\"name\":\"a\",\"value\":null}]",
			"[0].value: neither text nor number nor a list of one of them" },
		{ "[{\"name\":\"a\",\"value\":{}}]",
			"[0].value: neither text nor number nor a list of one of them" },
		{ "[{\"name\":\"a\",\"value\":[1,\"b\"]}]",
			"[0].value: neither text nor number nor a list of one of them" },
		{ "[{\"name\":\"a\",\"value\":[[1]]}]",
			"[0].value: neither text nor number nor a list of one of them" },
		{ "[{\"name\":\"a\",\"value\":1,\"description\":2}]",
			"[0].description: not a text, or too long" },
		{ "[{\"name\":\"a\",\"value\":1},{\"name\":\"b\",\"value\":1},{\"name\":\"c\","
		  "\"value\":1}]",
			"too many attributes: more than 2" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(parse(rows[i].text, 2, &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
		g_assert_cmpstr(error->message, ==, rows[i].reason);
	}
}

static void test_digest(void)
{
	g_autoptr(GPtrArray) one =
		parse("[{\"name\":\"a\",\"value\":1},{\"name\":\"b\",\"value\":\"x\"}]", 9, NULL);
	g_autoptr(GPtrArray) turned = parse("[{\"name\":\"b\",\"value\":\"x\"},{\"name\":\"a\","
					    "\"value\":2},{\"name\":\"a\",\"value\":1}]",
		9, NULL);
	g_autoptr(GPtrArray) other = parse(
		"[{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"b\",\"value\":\"x\"}]", 9, NULL);
	g_autofree char *first = attributes_digest(one);
	g_autofree char *second = attributes_digest(turned);
	g_autofree char *third = attributes_digest(other);

	g_assert_cmpuint(turned->len, ==, 2);
	g_assert_cmpstr(first, ==, second);
	g_assert_cmpstr(first, !=, third);
}

static void test_keys(void)
{
	g_autofree char *longest = g_strnfill(ATTRIBUTE_KEY_SIZE_MAX, 'x');
	g_autofree char *longer = g_strconcat(longest, "x", NULL);
	g_autofree char *other = g_strconcat(longest, "y", NULL);
	g_autofree char *longest_key = attribute_text_key(longest);
	g_autofree char *longer_key = attribute_text_key(longer);
	g_autofree char *other_key = attribute_text_key(other);

	g_assert_cmpstr(longest_key, ==, longest);
	g_assert_cmpuint(strlen(longer_key), >, ATTRIBUTE_KEY_SIZE_MAX);
	g_assert_cmpstr(longer_key, !=, other_key);
}

static void test_order(void)
{
	const AttributeValue values[] = { { NULL, -1 }, { NULL, 10 }, attribute_value_of(""),
		attribute_value_of("10"), attribute_value_of("9"), attribute_value_of("\xc3\xa4") };

	g_assert_cmpint(attribute_value_compare(NULL, NULL), ==, 0);
	g_assert_cmpint(attribute_value_compare(NULL, &values[0]), <, 0);
	for (guint i = 0; i < G_N_ELEMENTS(values); i++)
		for (guint j = 0; j < G_N_ELEMENTS(values); j++) {
			int order = attribute_value_compare(&values[i], &values[j]);

			g_assert_true(i < j ? order < 0 : i > j ? order > 0 : order == 0);
		}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/attribute/shown-as-sent", test_shown_as_sent);
	g_test_add_func("/attribute/refused", test_refused);
	g_test_add_func("/attribute/digest", test_digest);
	g_test_add_func("/attribute/keys", test_keys);
	g_test_add_func("/attribute/order", test_order);
	return g_test_run();
}
