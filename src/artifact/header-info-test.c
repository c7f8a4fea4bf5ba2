/* SPDX-License-Identifier: Apache-2.0 */
/* What the documents of a header mean:
 *   merge  augmented meta-data over the meta-data that is there, kind by kind, as mender-artifact
 *          3.9.0 was seen to do it */
#include "artifact/header-info.h"
#include "artifact/header-private.h"
#include "base/json.h"

typedef struct {
	const char *base, *augmented;
	const char *merged; /* NULL: refused by R11 */
} MergeCase;

static const MergeCase merge_cases[] = {
	{ "{\"a\":true}", "{\"a\":false}", "{\"a\":false}" },
	{ "{\"a\":1}", "{\"a\":1.5}", "{\"a\":1.5}" },
	{ "{\"a\":1}", "{\"a\":\"s\"}", "{\"a\":\"s\"}" },
	{ "{\"a\":null}", "{\"a\":\"s\"}", "{\"a\":\"s\"}" },
	{ "{\"a\":\"s\"}", "{\"a\":null}", "{\"a\":null}" },
	{ "{\"a\":[1]}", "{\"a\":[2,3]}", "{\"a\":[2,3]}" },
	{ "{\"a\":{\"b\":1}}", "{\"a\":{\"c\":2},\"d\":3}", "{\"a\":{\"b\":1,\"c\":2},\"d\":3}" },
	{ "", "{\"a\":1}", "{\"a\":1}" },
	{ "{\"a\":1}", "", "{\"a\":1}" },
	{ "{\"a\":[1]}", "{\"a\":\"s\"}", NULL },
	{ "{\"a\":{}}", "{\"a\":\"s\"}", NULL },
	{ "{\"a\":null}", "{\"a\":{}}", NULL },
	{ "{\"a\":\"s\"}", "{\"a\":[]}", NULL },
	{ "{\"a\":{\"b\":[]}}", "{\"a\":{\"b\":{}}}", NULL },
};

static GBytes *bytes_of(const char *text)
{
	return g_bytes_new_static(text, strlen(text));
}

static void check_merge(const MergeCase *row)
{
	g_autoptr(ArtifactHeader) header = artifact_header_new();
	ArtifactPayload *payload = artifact_header_add_payload(header, "module");
	g_autoptr(GBytes) base = bytes_of(row->base);
	g_autoptr(GBytes) augmented = bytes_of(row->augmented);
	g_autoptr(GError) error = NULL;
	guint64 position = 0;
	ArtifactRefusal refusal;
	Place place;

	place_init(&place, &position, &refusal);
	place_enter(&place, "header-augment.tar", 0, 1);
	g_assert_true(meta_data_parse(payload, base, &place, &error));
	gboolean merged = augment_meta_data_parse(payload, augmented, &place, &error);
	place_clear(&place);
	g_assert_true(merged == (row->merged != NULL));
	if (!merged) {
		g_assert_cmpint(refusal.rule, ==, 11);
		return;
	}
	g_autofree char *text = json_to_canonical_text(payload->meta_data);
	g_assert_cmpstr(text, ==, row->merged);
}

static void test_merge(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(merge_cases); i++)
		check_merge(&merge_cases[i]);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/header-info/merge", test_merge);
	return g_test_run();
}
