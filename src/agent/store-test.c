/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's store:
 *  - what was written is read again, after closing too; a deleted key is gone; an absent one is no
 * error
 *  - one transaction is all or nothing
 *  - an empty file is a new store
 *  - a store that is garbage, cut short, or damaged in a page is kept aside, said, and never
 * replaced
 *  - a second damaged store does not take the first one's place */
#include "agent/store.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"

enum { PAGE_SIZE = 4096 };

typedef struct {
	char *folder;
	char *path;
	char *kept_aside;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
	fixture->folder = g_dir_make_tmp("rota-store-XXXXXX", NULL);
	fixture->path = g_build_filename(fixture->folder, "mender-store", NULL);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	g_assert_true(file_remove_tree(fixture->folder, NULL));
	g_free(fixture->kept_aside);
	g_free(fixture->folder);
	g_free(fixture->path);
}

static Store *open_store(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;
	Store *store = NULL;

	g_clear_pointer(&fixture->kept_aside, g_free);
	store = store_open(fixture->path, &fixture->kept_aside, &error);
	g_assert_no_error(error);
	return store;
}

static void put(Store *store, const char *key, const char *value)
{
	g_autoptr(StoreChanges) changes = store_changes_new();
	g_autoptr(GError) error = NULL;

	store_changes_set(changes, key, value);
	(void)!store_write(store, changes, &error);
	g_assert_no_error(error);
}

static void check(Store *store, const char *key, const char *expected)
{
	g_autofree char *value = NULL;
	g_autoptr(GError) error = NULL;

	(void)!store_get(store, key, &value, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(value, ==, expected);
}

static void test_write_and_read(Fixture *fixture, gconstpointer data)
{
	Store *store = open_store(fixture);
	struct stat status;

	check(store, STORE_STATE, NULL);
	put(store, STORE_STATE, "one");
	put(store, STORE_STATE, "two");
	put(store, STORE_ARTIFACT_NAME, "release-1");
	check(store, STORE_STATE, "two");
	store_close(store);
	store = open_store(fixture);
	g_assert_null(fixture->kept_aside);
	check(store, STORE_STATE, "two");
	put(store, STORE_STATE, NULL);
	put(store, STORE_STATE, NULL);
	check(store, STORE_STATE, NULL);
	check(store, STORE_ARTIFACT_NAME, "release-1");
	store_close(store);
	g_assert_cmpint(g_stat(fixture->path, &status), ==, 0);
	g_assert_cmpint(status.st_mode & 0777, ==, 0600);
}

static void test_all_or_nothing(Fixture *fixture, gconstpointer data)
{
	g_autoptr(Store) store = open_store(fixture);
	g_autoptr(StoreChanges) changes = store_changes_new();
	g_autofree char *big = g_strnfill(STORE_SIZE_MAX + 1, 'x');
	g_autoptr(GError) error = NULL;

	put(store, STORE_STATE, "before");
	store_changes_set(changes, STORE_STATE, "after");
	store_changes_set(changes, STORE_ARTIFACT_PROVIDES, big);
	g_assert_false(store_write(store, changes, &error));
	g_assert_nonnull(error);
	check(store, STORE_STATE, "before");
	put(store, STORE_STATE, "again");
	check(store, STORE_STATE, "again");
}

static void write_file(const char *path, const char *content, gsize size)
{
	g_assert_true(g_file_set_contents(path, content, (gssize)size, NULL));
}

static void test_empty_file(Fixture *fixture, gconstpointer data)
{
	g_autoptr(Store) store = NULL;

	write_file(fixture->path, "", 0);
	store = open_store(fixture);
	g_assert_null(fixture->kept_aside);
	put(store, STORE_STATE, "one");
	check(store, STORE_STATE, "one");
}

static void check_kept_aside(Fixture *fixture, const char *content, gsize size)
{
	g_autoptr(Store) store = open_store(fixture);
	g_autofree char *kept = NULL;
	gsize kept_size = 0;

	g_assert_nonnull(fixture->kept_aside);
	g_assert_true(g_file_get_contents(fixture->kept_aside, &kept, &kept_size, NULL));
	g_assert_cmpmem(kept, kept_size, content, size);
	check(store, STORE_ARTIFACT_NAME, NULL);
	put(store, STORE_ARTIFACT_NAME, "unknown");
	check(store, STORE_ARTIFACT_NAME, "unknown");
}

static void test_garbage(Fixture *fixture, gconstpointer data)
{
	char garbage[3 * PAGE_SIZE];
	g_autofree char *first = NULL;

	memset(garbage, 0x5a, sizeof(garbage));
	write_file(fixture->path, garbage, sizeof(garbage));
	check_kept_aside(fixture, garbage, sizeof(garbage));
	first = g_strdup(fixture->kept_aside);
	write_file(fixture->path, garbage, sizeof(garbage));
	check_kept_aside(fixture, garbage, sizeof(garbage));
	g_assert_cmpstr(first, !=, fixture->kept_aside);
	g_assert_true(g_file_test(first, G_FILE_TEST_EXISTS));
}

/* A store with some pages, as bytes. */
static char *make_store(Fixture *fixture, gsize *ret_size)
{
	Store *store = open_store(fixture);
	char *content = NULL;

	for (guint i = 0; i < 200; i++) {
		g_autofree char *key = g_strdup_printf("key-%u", i);
		g_autofree char *value = g_strnfill(300, 'v');

		put(store, key, value);
	}
	store_close(store);
	g_assert_true(g_file_get_contents(fixture->path, &content, ret_size, NULL));
	return content;
}

static void test_cut_short(Fixture *fixture, gconstpointer data)
{
	gsize size = 0;
	g_autofree char *content = make_store(fixture, &size);

	write_file(fixture->path, content, 4 * PAGE_SIZE);
	check_kept_aside(fixture, content, 4 * PAGE_SIZE);
}

static void test_damaged_pages(Fixture *fixture, gconstpointer data)
{
	gsize size = 0;
	g_autofree char *content = make_store(fixture, &size);

	/* The two meta pages say that all is well; what they lead to is not. */
	memset(content + 2 * PAGE_SIZE, 0xff, size - 2 * PAGE_SIZE);
	write_file(fixture->path, content, size);
	check_kept_aside(fixture, content, size);
}

/* clang-format off */
static const struct {
	const char *name;
	void (*run)(Fixture *fixture, gconstpointer data);
} tests[] = {
	{ "/agent/store/write-and-read", test_write_and_read },
	{ "/agent/store/all-or-nothing", test_all_or_nothing },
	{ "/agent/store/empty-file", test_empty_file },
	{ "/agent/store/garbage", test_garbage },
	{ "/agent/store/cut-short", test_cut_short },
	{ "/agent/store/damaged-pages", test_damaged_pages },
};
/* clang-format on */

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].run, tear_down);
	return g_test_run();
}
