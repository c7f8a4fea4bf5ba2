/* SPDX-License-Identifier: Apache-2.0 */
/* What an update does to the installed software, in the store:
 *  - the cases of provides and clears, among them those other clients get wrong: a clears pattern
 * longer than the key, and clearing all
 *  - an update that could not be taken back: the name says so once, provides are kept or not
 *  - a group comes, is cleared, and stays away */
#include "agent/software.h"
#include "base/file.h"
#include <glib/gstdio.h>
#include <string.h>

/* "a=1,b=2"; NULL = none at all */
static GHashTable *table_of(const char *text)
{
	GHashTable *table = NULL;
	g_auto(GStrv) pairs = NULL;

	if (text == NULL)
		return NULL;
	table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	pairs = g_strsplit(text, ",", -1);
	for (char **pair = pairs; *pair != NULL; pair++) {
		char *value = strchr(*pair, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		g_hash_table_insert(table, g_strdup(*pair), g_strdup(value));
	}
	return table;
}

static int compare_texts(gconstpointer a, gconstpointer b)
{
	return strcmp(a, b);
}

static char *text_of(GHashTable *table)
{
	g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(table), compare_texts);
	GString *text = g_string_new(NULL);

	for (GList *key = keys; key != NULL; key = key->next)
		g_string_append_printf(text, "%s%s=%s", text->len > 0 ? "," : "", (char *)key->data,
			(char *)g_hash_table_lookup(table, key->data));
	return g_string_free(text, FALSE);
}

typedef struct {
	const char *stored;   /* JSON */
	const char *group;    /* before */
	const char *provides; /* of the artifact */
	const char *clears;   /* with commas; NULL = absent, "" = an empty list */
	const char *new_group;
	const char *expected;
	const char *expected_group;
} Case;

/* clang-format off */
static const Case cases[] = {
	{ "{\"a.v\":\"1\"}", NULL, "b.v=2", "b.*", NULL, "a.v=1,b.v=2", NULL },
	{ "{\"rootfs-image.version\":\"1\",\"rootfs-image.app.version\":\"3\"}", NULL,
		"rootfs-image.checksum=X,rootfs-image.version=2", "artifact_group,rootfs_image_checksum,rootfs-image.*",
		NULL, "rootfs-image.checksum=X,rootfs-image.version=2", NULL },
	{ "{\"rootfs-image.version\":\"1\"}", NULL, "rootfs-image.app.version=3", "rootfs-image.app.*", NULL,
		"rootfs-image.app.version=3,rootfs-image.version=1", NULL },
	{ "{\"x\":\"1\"}", "g", "y=2", NULL, NULL, "y=2", NULL },
	{ "{\"x\":\"1\"}", NULL, NULL, "*", NULL, "", NULL },
	{ "{\"x\":\"1\"}", NULL, NULL, NULL, NULL, "", NULL },
	{ "{\"x\":\"1\"}", "g", "y=2", "", NULL, "x=1,y=2", "g" },
	{ "{\"key\":\"1\"}", NULL, NULL, "*.pattern-longer-than-key", NULL, "key=1", NULL },
	{ "{\"x\":\"1\"}", "g", "y=2", "artifact_group", NULL, "x=1,y=2", NULL },
	{ "{}", NULL, "y=2", "y", "fleet", "y=2", "fleet" },
};
/* clang-format on */

typedef struct {
	char *folder;
	Store *store;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
	g_autofree char *path = NULL;
	g_autofree char *aside = NULL;

	fixture->folder = g_dir_make_tmp("rota-software-XXXXXX", NULL);
	path = g_build_filename(fixture->folder, "mender-store", NULL);
	fixture->store = store_open(path, &aside, NULL);
	g_assert_nonnull(fixture->store);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	store_close(fixture->store);
	g_assert_true(file_remove_tree(fixture->folder, NULL));
	g_free(fixture->folder);
}

static void put(Store *store, const char *key, const char *value)
{
	g_autoptr(StoreChanges) changes = store_changes_new();

	store_changes_set(changes, key, value);
	g_assert_true(store_write(store, changes, NULL));
}

static void apply(Store *store, RecordArtifact *artifact, SoftwareVerdict verdict)
{
	g_autoptr(StoreChanges) changes = store_changes_new();
	g_autoptr(GError) error = NULL;

	(void)!software_apply(store, artifact, verdict, changes, &error);
	g_assert_no_error(error);
	g_assert_true(store_write(store, changes, NULL));
}

static void check_case(Store *store, const Case *example)
{
	g_autoptr(GHashTable) provides = table_of(example->provides);
	g_auto(GStrv) clears =
		example->clears != NULL ? g_strsplit(example->clears, ",", -1) : NULL;
	g_autofree char *name = g_strdup("release-2");
	g_autofree char *group = g_strdup(example->new_group);
	RecordArtifact artifact = {
		.name = name, .group = group, .provides = provides, .clears = clears
	};
	g_auto(Software) software = { 0 };
	g_autofree char *after = NULL;

	put(store, STORE_ARTIFACT_NAME, "release-1");
	put(store, STORE_ARTIFACT_GROUP, example->group);
	put(store, STORE_ARTIFACT_PROVIDES, example->stored);
	apply(store, &artifact, SOFTWARE_IS_NEW);
	g_assert_true(software_load(store, &software, NULL));
	after = text_of(software.provides);
	g_assert_cmpstr(after, ==, example->expected);
	g_assert_cmpstr(software.name, ==, "release-2");
	g_assert_cmpstr(software.group, ==, example->expected_group);
}

static void test_cases(Fixture *fixture, gconstpointer data)
{
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		check_case(fixture->store, &cases[i]);
}

static void test_mixed(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GHashTable) provides = table_of("y=2");
	g_auto(GStrv) clears = g_strsplit("x", ",", -1);
	g_autofree char *name = g_strdup("release-2");
	RecordArtifact artifact = { .name = name, .provides = provides, .clears = clears };
	g_auto(Software) kept = { 0 };
	g_auto(Software) applied = { 0 };

	put(fixture->store, STORE_ARTIFACT_PROVIDES, "{\"x\":\"1\"}");
	apply(fixture->store, &artifact, SOFTWARE_IS_MIXED);
	apply(fixture->store, &artifact, SOFTWARE_IS_MIXED);
	g_assert_true(software_load(fixture->store, &kept, NULL));
	g_assert_cmpstr(kept.name, ==, "release-2_INCONSISTENT");
	g_assert_true(g_hash_table_contains(kept.provides, "x"));
	apply(fixture->store, &artifact, SOFTWARE_IS_MIXED_WITH_PROVIDES);
	g_assert_true(software_load(fixture->store, &applied, NULL));
	g_assert_false(g_hash_table_contains(applied.provides, "x"));
	g_assert_true(g_hash_table_contains(applied.provides, "y"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/agent/software/cases", Fixture, NULL, set_up, test_cases, tear_down);
	g_test_add("/agent/software/mixed", Fixture, NULL, set_up, test_mixed, tear_down);
	return g_test_run();
}
