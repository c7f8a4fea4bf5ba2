/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: names that would leave the folder; what is kept after a restart, after a power cut
 * (another boot) and without a record; a record that promises more than there is; another
 * download's rest; discard and drop; the limit counts the room. */
#include "agent/spool.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"

typedef struct {
	char *data;
} Folder;

static Folder make_folder(void)
{
	return (Folder){ g_dir_make_tmp("rota-spool-XXXXXX", NULL) };
}

static void remove_folder(Folder *folder)
{
	g_assert_true(file_remove_tree(folder->data, NULL));
	g_free(folder->data);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Folder, remove_folder)

static char *path_in(const Folder *folder, const char *name)
{
	return g_build_filename(folder->data, "spool", name, NULL);
}

static void fill(const Folder *folder, const char *name, gsize size, gint64 noted)
{
	g_autoptr(Spool) spool = spool_open(folder->data, name, NULL);
	g_autofree char *bytes = g_malloc0(size);

	g_assert_nonnull(spool);
	g_assert_cmpint(pwrite(spool_fd(spool), bytes, size, 0), ==, (gssize)size);
	if (noted >= 0)
		g_assert_true(spool_note(spool, noted, 1000000, "\"etag\"", NULL));
}

static gint64 have_after_opening(const Folder *folder, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Spool) spool = spool_open(folder->data, name, &error);
	gint64 have = -1;

	g_assert_no_error(error);
	g_assert_true(spool_have(spool, &have, NULL));
	if (have > 0)
		g_assert_cmpstr(spool_etag(spool), ==, "\"etag\"");
	else
		g_assert_null(spool_etag(spool));
	return have;
}

static void write_record(const Folder *folder, const char *name, const char *text)
{
	g_autofree char *path = path_in(folder, name);

	g_assert_true(file_write_atomic(path, text, strlen(text), 0600, NULL));
}

static void test_names(void)
{
	g_auto(Folder) folder = make_folder();
	const char *names[] = { "", ".", "..", "a/b", "../a", "a.json", "a b", "a\n" };

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(spool_open(folder.data, names[i], &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
	}
}

static void test_restart(void)
{
	g_auto(Folder) folder = make_folder();

	fill(&folder, "one", 5000, 3000);
	g_assert_cmpint(have_after_opening(&folder, "one"), ==, 5000);
}

static void test_power_cut(void)
{
	g_auto(Folder) folder = make_folder();

	fill(&folder, "one", 5000, 3000);
	write_record(&folder, "one.json",
		"{\"size\":1000000,\"synced\":2000,\"etag\":\"\\\"etag\\\"\",\"boot\":"
		"\"earlier\"}");
	g_assert_cmpint(have_after_opening(&folder, "one"), ==, 2000);
	write_record(&folder, "one.json",
		"{\"size\":1000000,\"synced\":9000,\"etag\":\"\\\"etag\\\"\",\"boot\":"
		"\"earlier\"}");
	g_assert_cmpint(have_after_opening(&folder, "one"), ==, 2000);
}

static void test_worthless(void)
{
	g_auto(Folder) folder = make_folder();

	fill(&folder, "one", 5000, -1);
	g_assert_cmpint(have_after_opening(&folder, "one"), ==, 0);
	fill(&folder, "one", 5000, 3000);
	write_record(&folder, "one.json", "{\"size\":");
	g_assert_cmpint(have_after_opening(&folder, "one"), ==, 0);
	fill(&folder, "one", 5000, 3000);
	write_record(&folder, "one.json",
		"{\"size\":4000,\"synced\":5000,\"etag\":\"\\\"etag\\\"\",\"boot\":\"earlier\"}");
	g_assert_cmpint(have_after_opening(&folder, "one"), ==, 0);
}

static void test_others(void)
{
	g_auto(Folder) folder = make_folder();
	g_autofree char *old = path_in(&folder, "one");
	g_autofree char *old_record = path_in(&folder, "one.json");

	fill(&folder, "one", 5000, 3000);
	fill(&folder, "two", 5000, 3000);
	g_assert_cmpint(access(old, F_OK), ==, -1);
	g_assert_cmpint(access(old_record, F_OK), ==, -1);
	g_assert_cmpint(have_after_opening(&folder, "two"), ==, 5000);
}

static void test_drop(void)
{
	g_auto(Folder) folder = make_folder();
	g_autofree char *bytes = path_in(&folder, "one");
	g_autofree char *record = path_in(&folder, "one.json");

	g_assert_true(spool_drop(folder.data, "one", NULL));
	fill(&folder, "one", 5000, 3000);
	g_assert_true(spool_drop(folder.data, "one", NULL));
	g_assert_cmpint(access(bytes, F_OK), ==, -1);
	g_assert_cmpint(access(record, F_OK), ==, -1);
	fill(&folder, "one", 5000, 3000);
	g_assert_true(spool_drop(folder.data, NULL, NULL));
	g_assert_cmpint(access(bytes, F_OK), ==, -1);
	g_assert_false(spool_drop(folder.data, "..", NULL));
}

static void test_limit(void)
{
	g_auto(Folder) folder = make_folder();
	g_autoptr(Spool) spool = spool_open(folder.data, "one", NULL);

	g_assert_cmpint(spool_limit(spool, 1), ==, 1);
	g_assert_cmpint(spool_limit(spool, G_MAXINT64), <, G_MAXINT64);
	g_assert_cmpint(spool_limit(spool, G_MAXINT64), >, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/agent/spool/names", test_names);
	g_test_add_func("/agent/spool/restart", test_restart);
	g_test_add_func("/agent/spool/power-cut", test_power_cut);
	g_test_add_func("/agent/spool/worthless", test_worthless);
	g_test_add_func("/agent/spool/others", test_others);
	g_test_add_func("/agent/spool/drop", test_drop);
	g_test_add_func("/agent/spool/limit", test_limit);
	return g_test_run();
}
