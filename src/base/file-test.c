/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: a file is replaced whole, with its mode, and nothing is left beside it, also when it
 * cannot be written; reading stops at the maximum and tells a missing file apart; a tree is removed
 * without following links out of it. */
#include "base/file.h"
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"

typedef struct {
	char *folder;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
	fixture->folder = g_dir_make_tmp("rota-file-XXXXXX", NULL);
	g_assert_nonnull(fixture->folder);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	g_assert_true(file_remove_tree(fixture->folder, NULL));
	g_assert_false(g_file_test(fixture->folder, G_FILE_TEST_EXISTS));
	g_free(fixture->folder);
}

static guint count_entries(const char *folder)
{
	g_autoptr(GDir) entries = g_dir_open(folder, 0, NULL);
	guint n = 0;

	while (g_dir_read_name(entries) != NULL)
		n++;
	return n;
}

static void test_atomic(Fixture *fixture, gconstpointer data)
{
	g_autofree char *path = g_build_filename(fixture->folder, "f", NULL);
	g_autoptr(GBytes) bytes = NULL;
	struct stat facts;

	g_assert_true(file_write_atomic(path, "old", 3, 0644, NULL));
	g_assert_true(file_write_atomic(path, "newer", 5, 0600, NULL));
	bytes = file_read(path, 5, NULL);
	g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), "newer", 5);
	g_assert_cmpint(stat(path, &facts), ==, 0);
	g_assert_cmpint(facts.st_mode & 07777, ==, 0600);
	g_assert_cmpuint(count_entries(fixture->folder), ==, 1);
}

static void test_atomic_failure(Fixture *fixture, gconstpointer data)
{
	g_autofree char *path = g_build_filename(fixture->folder, "taken", NULL);
	g_autofree char *inside = g_build_filename(path, "x", NULL);
	g_autoptr(GError) error = NULL;

	g_assert_true(file_make_folders(inside, 0700, NULL));
	g_assert_false(file_write_atomic(path, "x", 1, 0644, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_IO);
	g_assert_cmpuint(count_entries(fixture->folder), ==, 1);
}

static void test_read(Fixture *fixture, gconstpointer data)
{
	g_autofree char *path = g_build_filename(fixture->folder, "f", NULL);
	g_autoptr(GError) missing = NULL, large = NULL;

	g_assert_null(file_read(path, 10, &missing));
	g_assert_error(missing, ROTA_ERROR, ROTA_ERROR_NOT_FOUND);
	g_assert_true(file_write_atomic(path, "12345", 5, 0644, NULL));
	g_assert_null(file_read(path, 4, &large));
	g_assert_error(large, ROTA_ERROR, ROTA_ERROR_TOO_LARGE);
}

/* An empty one is text, too. */
static void test_read_text(Fixture *fixture, gconstpointer data)
{
	static const char *const texts[] = { "", "a\n", "no end" };

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *path = g_build_filename(fixture->folder, "text", NULL);
		g_autofree char *text = NULL;

		g_assert_true(g_file_set_contents(path, texts[i], -1, NULL));
		text = file_read_text(path, 6, NULL);
		g_assert_cmpstr(text, ==, texts[i]);
	}
}

static void test_remove_tree(Fixture *fixture, gconstpointer data)
{
	g_autofree char *outside = g_build_filename(fixture->folder, "outside", NULL);
	g_autofree char *tree = g_build_filename(fixture->folder, "tree", NULL);
	g_autofree char *deep = g_build_filename(tree, "a", "b", NULL);
	g_autofree char *link = g_build_filename(deep, "link", NULL);

	g_assert_true(file_make_folders(deep, 0700, NULL));
	g_assert_true(file_write_atomic(outside, "stay", 4, 0644, NULL));
	g_assert_cmpint(symlink(fixture->folder, link), ==, 0);
	g_assert_true(file_remove_tree(tree, NULL));
	g_assert_false(g_file_test(tree, G_FILE_TEST_EXISTS));
	g_assert_true(g_file_test(outside, G_FILE_TEST_EXISTS));
	g_assert_true(file_remove_tree(tree, NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/base/file/atomic", Fixture, NULL, set_up, test_atomic, tear_down);
	g_test_add(
		"/base/file/atomic-failure", Fixture, NULL, set_up, test_atomic_failure, tear_down);
	g_test_add("/base/file/read", Fixture, NULL, set_up, test_read, tear_down);
	g_test_add("/base/file/read-text", Fixture, NULL, set_up, test_read_text, tear_down);
	g_test_add("/base/file/remove-tree", Fixture, NULL, set_up, test_remove_tree, tear_down);
	return g_test_run();
}
