/* SPDX-License-Identifier: Apache-2.0 */
/* Cases:
 *  - one row each: what a device says, and which artifact of the release below it gets
 *  - what is kept of a request: only another name or type is another device
 *  - a request that lacks its name or type */
#include "base/error.h"
#include "base/json.h"
#include "server/campaigns/matching.h"

/* The release: id, size, depends. */
static const struct {
	const char *id;
	gint64 size_bytes;
	const char *depends;
} release[] = {
	{ "full", 1000, "{\"device_type\":[\"a\",\"b\"]}" },
	{ "full-c", 900, "{\"device_type\":[\"c\"]}" },
	{ "delta", 100, "{\"device_type\":[\"a\"],\"rootfs-image.checksum\":[\"one\",\"two\"]}" },
	{ "smaller-delta", 50,
		"{\"device_type\":[\"a\"],\"rootfs-image.checksum\":[\"two\"],\"artifact_name\":["
		"\"v1\"]}" },
	{ "group", 10, "{\"device_type\":[\"b\"],\"artifact_group\":[\"g\"]}" },
};

static const struct {
	const char *artifact_name, *device_type, *key, *value;
	gboolean is_complete;
	const char *expected; /* NULL: none */
} rows[] = {
	{ "v1", "a", NULL, NULL, TRUE, "full" },
	{ "v1", "a", "rootfs-image.checksum", "zero", TRUE, "full" },
	{ "v1", "a", "rootfs-image.checksum", "one", TRUE, "delta" },
	{ "v1", "a", "rootfs-image.checksum", "two", TRUE, "smaller-delta" },
	{ "v0", "a", "rootfs-image.checksum", "two", TRUE, "delta" },
	{ "v1", "b", "rootfs-image.checksum", "two", TRUE, "full" },
	{ "v1", "b", "artifact_group", "g", TRUE, "group" },
	{ "v1", "b", "artifact_group", "", TRUE, "full" },
	{ "v1", "c", NULL, NULL, TRUE, "full-c" },
	{ "v1", "d", NULL, NULL, TRUE, NULL },
	{ "v1", "A", NULL, NULL, TRUE, NULL },
	/* The oldest form of the call says no provides: only the name can rule something out. */
	{ "v1", "a", NULL, NULL, FALSE, "smaller-delta" },
	{ "v0", "a", NULL, NULL, FALSE, "delta" },
	{ "v1", "d", NULL, NULL, FALSE, NULL },
};

static GPtrArray *make_release(void)
{
	GPtrArray *artifacts = g_ptr_array_new_with_free_func((GDestroyNotify)artifact_free);

	for (guint i = 0; i < G_N_ELEMENTS(release); i++) {
		Artifact *artifact = g_new0(Artifact, 1);
		json_t *depends = json_loads(release[i].depends, 0, NULL);

		artifact->id = g_strdup(release[i].id);
		artifact->size_bytes = release[i].size_bytes;
		artifact->document = json_pack("{s:O, s:o}", "device_types_compatible",
			json_object_get(depends, "device_type"), "artifact_depends", depends);
		g_ptr_array_add(artifacts, artifact);
	}
	return artifacts;
}

static void test_choose(void)
{
	g_autoptr(GPtrArray) artifacts = make_release();

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(DeviceFacts) facts =
			device_facts_new(rows[i].artifact_name, rows[i].device_type);
		const Artifact *chosen;

		facts->is_complete = rows[i].is_complete;
		if (rows[i].key != NULL)
			g_hash_table_insert(
				facts->provides, g_strdup(rows[i].key), g_strdup(rows[i].value));
		chosen = matching_choose(artifacts, facts);
		g_test_message("row %u", i);
		g_assert_cmpstr(chosen != NULL ? chosen->id : NULL, ==, rows[i].expected);
	}
}

static void test_same(void)
{
	g_autoptr(DeviceFacts) facts = device_facts_new("v1", "a");
	g_autofree char *text = device_facts_to_text(facts);
	g_autoptr(DeviceFacts) other_name = device_facts_new("v2", "a");
	g_autoptr(DeviceFacts) other_type = device_facts_new("v1", "b");

	g_assert_cmpstr(text, ==, "{\"artifact_name\":\"v1\",\"device_type\":\"a\"}");
	g_assert_false(device_facts_are_same(other_name, text));
	g_assert_false(device_facts_are_same(other_type, text));
	g_hash_table_insert(facts->provides, g_strdup("x"), g_strdup("y"));
	g_assert_true(device_facts_are_same(facts, text));
}

static void test_incomplete(void)
{
	g_autoptr(GHashTable) provides =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(DeviceFacts) facts = NULL;
	g_autoptr(GError) error = NULL;

	g_hash_table_insert(provides, g_strdup("artifact_name"), g_strdup("v1"));
	g_assert_null(device_facts_from_provides(provides, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
	g_assert_cmpstr(error->message, ==, "device_type: missing");
	g_hash_table_insert(provides, g_strdup("device_type"), g_strdup("a"));
	facts = device_facts_from_provides(provides, NULL);
	g_assert_nonnull(facts);
	g_assert_true(facts->is_complete);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/matching/choose", test_choose);
	g_test_add_func("/matching/same", test_same);
	g_test_add_func("/matching/incomplete", test_incomplete);
	return g_test_run();
}
