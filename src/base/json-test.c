/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: every kind of field is read, written and freed; absent and null fields keep their zero; a
 * required text or list may not be empty; named maxima hold; errors carry the path; strict parsing
 * refuses repeated keys, NUL, bad UTF-8, a second value, too deep nesting; canonical text is
 * sorted. */
#include "base/json.h"
#include <string.h>
#include "base/error.h"

typedef struct {
	gint64 weight;
	char *label;
} Part;

typedef struct {
	char *name;
	gboolean flag;
	gint64 number;
	gint64 time;
	char **words;
	GHashTable *map;
	json_t *value;
	Part part;
	GPtrArray *parts;
} Whole;

static const JsonField part_fields[] = {
	JSON_FIELD(Part, weight, JSON_NUMBER, REQUIRED),
	JSON_FIELD(Part, label, JSON_TEXT, OPTIONAL, 4),
	{ 0 },
};
static const JsonRecord part_record = { sizeof(Part), part_fields };

static const JsonField whole_fields[] = {
	JSON_FIELD(Whole, name, JSON_TEXT, REQUIRED),
	JSON_FIELD(Whole, flag, JSON_BOOL, OPTIONAL),
	JSON_FIELD(Whole, number, JSON_NUMBER, OPTIONAL),
	JSON_FIELD(Whole, time, JSON_TIME, OPTIONAL),
	JSON_FIELD(Whole, words, JSON_TEXTS, OPTIONAL, 2),
	JSON_FIELD(Whole, map, JSON_TEXT_MAP, OPTIONAL, 1),
	JSON_FIELD_NAMED("any", Whole, value, JSON_VALUE, OPTIONAL),
	JSON_FIELD(Whole, part, JSON_RECORD, OPTIONAL, .record = &part_record),
	JSON_FIELD(Whole, parts, JSON_RECORDS, OPTIONAL, 2, &part_record),
	{ 0 },
};
static const JsonRecord whole_record = { sizeof(Whole), whole_fields };

static const char full[] =
	"{\"name\":\"n\",\"flag\":true,\"number\":9007199254740993,\"time\":\"2026-01-02T03:04:05."
	"006Z\","
	"\"words\":[\"a\",\"b\"],\"map\":{\"k\":\"v\"},\"any\":[1,{\"x\":null}],"
	"\"part\":{\"weight\":1,\"label\":\"l\"},\"parts\":[{\"weight\":0},{\"weight\":2}]}";

static void test_all_kinds(void)
{
	Whole *whole = json_record_parse(&whole_record, full, strlen(full), NULL);
	g_autoptr(json_t) written = NULL;
	g_autofree char *text = NULL;

	g_assert_nonnull(whole);
	g_assert_cmpint(whole->number, ==, 9007199254740993);
	g_assert_cmpstr(g_hash_table_lookup(whole->map, "k"), ==, "v");
	written = json_record_write(&whole_record, whole);
	text = json_to_text(written);
	g_assert_cmpstr(text, ==, full);
	json_record_free(&whole_record, whole);
}

static void test_absent(void)
{
	static const char text[] = "{\"name\":\"n\",\"flag\":null,\"unknown\":{}}";
	Whole *whole = json_record_parse(&whole_record, text, strlen(text), NULL);
	g_autoptr(json_t) written = NULL;
	g_autofree char *back = NULL;

	g_assert_nonnull(whole);
	g_assert_null(whole->words);
	written = json_record_write(&whole_record, whole);
	back = json_to_text(written);
	g_assert_cmpstr(back, ==, "{\"name\":\"n\"}");
	json_record_free(&whole_record, whole);
}

static const struct {
	const char *text;
	const char *message;
} faults[] = {
	{ "{\"name\":\"\"}", "name: missing" },
	{ "{\"name\":\"n\",\"flag\":1}", "flag: not true or false" },
	{ "{\"name\":\"n\",\"number\":1.5}", "number: not a whole number" },
	{ "{\"name\":\"n\",\"words\":\"a\"}", "words: not a list" },
	{ "{\"name\":\"n\",\"words\":[\"a\",\"b\",\"c\"]}", "words: more than 2 entries" },
	{ "{\"name\":\"n\",\"words\":[\"a\",1]}",
		"words: entry 1 is not a text of at most 4096 bytes" },
	{ "{\"name\":\"n\",\"map\":{\"a\":\"\",\"b\":\"\"}}", "map: more than 1 entries" },
	{ "{\"name\":\"n\",\"map\":{\"a\":1}}", "map: a is not a text of at most 4096 bytes" },
	{ "{\"name\":\"n\",\"part\":{}}", "part: weight: missing" },
	{ "{\"name\":\"n\",\"part\":{\"weight\":1,\"label\":\"12345\"}}",
		"part: label: more than 4 bytes" },
	{ "{\"name\":\"n\",\"parts\":[{\"weight\":1},{\"weight\":\"2\"}]}",
		"parts[1].weight: not a whole number" },
	{ "{\"name\":\"n\",\"parts\":[7]}", "parts[0].not an object" },
};

static void test_faults(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(json_record_parse(
			&whole_record, faults[i].text, strlen(faults[i].text), &error));
		g_assert_nonnull(error);
		g_assert_cmpstr(error->message, ==, faults[i].message);
	}
}

static void test_strict(void)
{
	static const struct {
		const char *data;
		gsize size;
	} bad[] = {
		{ "", 0 },
		{ "{\"a\":1,\"a\":2}", 13 },
		{ "{} {}", 5 },
		{ "{}x", 3 },
		{ "[\"\xff\"]", 5 },
		{ "[\"a\\u0000b\"]", 12 },
		{ "{}\0", 3 },
		{ "['a']", 5 },
		{ "[1,]", 4 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(json_parse_strict(bad[i].data, bad[i].size, &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
	}
}

static void test_depth(void)
{
	g_autofree char *fits = g_strnfill(2 * JSON_DEPTH_MAX, '[');
	g_autofree char *deep = g_strnfill(2 * JSON_DEPTH_MAX + 2, '[');
	g_autoptr(json_t) value = NULL;

	memset(fits + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	value = json_parse_strict(fits, 2 * JSON_DEPTH_MAX, NULL);
	g_assert_nonnull(value);
	g_assert_null(json_parse_strict(deep, 2 * JSON_DEPTH_MAX + 2, NULL));
}

static void test_canonical(void)
{
	g_autoptr(json_t) value = json_parse_strict("{\"b\":1,\"a\":{\"d\":2,\"c\":3}}", 25, NULL);
	g_autofree char *text = json_to_canonical_text(value);

	g_assert_cmpstr(text, ==, "{\"a\":{\"c\":3,\"d\":2},\"b\":1}");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/base/json/all-kinds", test_all_kinds);
	g_test_add_func("/base/json/absent", test_absent);
	g_test_add_func("/base/json/faults", test_faults);
	g_test_add_func("/base/json/strict", test_strict);
	g_test_add_func("/base/json/depth", test_depth);
	g_test_add_func("/base/json/canonical", test_canonical);
	return g_test_run();
}
