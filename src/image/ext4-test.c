/* SPDX-License-Identifier: Apache-2.0 */
/* Images that mke2fs makes in several feature sets, each changed by us and judged by e2fsck:
 *
 * files       written, read back, replaced; empty, small, with holes, larger than the cache
 * folders     made with their parents; a folder of thousands of names grows and is removed
 * removal     files, links, hard links, trees; what is not empty stays
 * links       absolute, relative, through folders, rings, out of the image; a written file takes a
 *             link's place
 * refusals    a full image, folders in the way, names that are not there, encrypted folders
 * journal     one that must be replayed: asked for on a read-only range, done on a writable one
 * unclean     looked at as it is, repaired before it is changed
 * features    quota and read-only file systems are not changed
 * bounds      a superblock that claims more than its range holds
 * read only   nothing is written */
#include "image/ext4.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"

enum { NOW_S = 1700000000, N_NAMES = 3000, N_NAMES_ELSEWHERE = 300, SIZE_MB = 24 };

/* A path that begins so is written through its link. */
#define FOLLOWED "/followed"

typedef struct {
	const char *name;
	const char *options; /* of mke2fs */
} Kind;

/* Each feature set writes inodes, folders or bitmaps in a way of its own. */
static const Kind kinds[] = {
	{ "plain", "-t ext4 -b 4096" },
	{ "small-blocks", "-t ext4 -b 1024" },
	{ "no-checksums", "-t ext4 -b 1024 -O ^metadata_csum" },
	{ "no-journal", "-t ext4 -b 4096 -O ^has_journal" },
	{ "32-bit", "-t ext4 -b 4096 -O ^64bit,^metadata_csum" },
	{ "inline", "-t ext4 -b 4096 -I 256 -O inline_data" },
	{ "clusters", "-t ext4 -b 4096 -C 16384 -O bigalloc" },
	{ "ext2", "-t ext2 -b 1024" },
	{ "ext3", "-t ext3 -b 4096" },
	{ "no-index", "-t ext4 -b 1024 -O ^dir_index" },
	{ "small-inodes", "-t ext4 -b 1024 -I 128" },
	{ "large-folders", "-t ext4 -b 1024 -O large_dir,ea_inode" },
	{ "orphan-file", "-t ext4 -b 4096 -O orphan_file" },
};

typedef struct {
	char *folder, *path, *tree;
	int fd;
	ImageFileSystem *image;
} Fixture;

static gboolean succeeds(const char *format, ...) G_GNUC_PRINTF(1, 2);

static gboolean succeeds(const char *format, ...)
{
	g_autoptr(GError) error = NULL;
	va_list arguments;
	int status;

	va_start(arguments, format);
	g_autofree char *words = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_autofree char *line =
		g_strdup_printf("PATH=$PATH:/usr/sbin:/sbin; { %s; } >/dev/null 2>&1", words);
	char shell[] = "/bin/sh", option[] = "-c";
	char *argv[] = { shell, option, line, NULL };
	g_spawn_sync(NULL, argv, NULL, 0, NULL, NULL, NULL, NULL, &status, &error);
	g_assert_no_error(error);
	return status == 0;
}

static void open_image(Fixture *fixture, gboolean writable)
{
	g_autoptr(GError) error = NULL;
	struct stat status;

	fixture->fd = open(fixture->path, O_RDWR | O_CLOEXEC);
	g_assert_cmpint(fstat(fixture->fd, &status), ==, 0);
	const ImageRange range = { fixture->fd, 0, (guint64)status.st_size, writable, NOW_S };
	fixture->image = image_open(&range, &error);
	g_assert_no_error(error);
}

static void close_image(Fixture *fixture)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(fixture->image->operations->finish(fixture->image, &error));
	g_clear_pointer(&fixture->image, image_free);
	file_close_fd(&fixture->fd);
}

/* An image with /etc/mender/mender.conf, and links to it. */
static void setup(Fixture *fixture, gconstpointer data)
{
	const Kind *kind = data;

	fixture->folder = g_dir_make_tmp("rota-ext4-XXXXXX", NULL);
	fixture->path = g_build_filename(fixture->folder, "image", NULL);
	fixture->tree = g_build_filename(fixture->folder, "tree", NULL);
	g_assert_true(succeeds("mkdir -p %s/etc/mender %s/usr/bin", fixture->tree, fixture->tree));
	g_assert_true(
		succeeds("cd %s; echo old > etc/mender/mender.conf; ln etc/mender/mender.conf "
			 "etc/hard; ln -s /etc/mender usr/abs; ln -s ../etc/mender usr/rel; "
			 "ln -s /ring1 ring2; ln -s /ring2 ring1; ln -s ../../../../etc out; "
			 "ln -s rel/mender.conf usr/file; ln -s etc/./new followed",
			fixture->tree));
	g_assert_true(succeeds("mke2fs -q -F %s -N 8000 -d %s %s %dM", kind->options, fixture->tree,
		fixture->path, SIZE_MB));
	open_image(fixture, TRUE);
}

static void teardown(Fixture *fixture, gconstpointer data)
{
	g_clear_pointer(&fixture->image, image_free);
	file_close_fd(&fixture->fd);
	g_assert_true(file_remove_tree(fixture->folder, NULL));
	g_free(fixture->folder);
	g_free(fixture->path);
	g_free(fixture->tree);
}

static void finish_and_check(Fixture *fixture)
{
	close_image(fixture);
	g_assert_true(succeeds("e2fsck -fn %s", fixture->path));
}

static gboolean append(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	g_byte_array_append(user_data, data, (guint)size);
	return TRUE;
}

static GByteArray *read_file(Fixture *fixture, const char *path)
{
	g_autoptr(GError) error = NULL;
	GByteArray *bytes = g_byte_array_new();

	fixture->image->operations->read(fixture->image, path, append, bytes, &error);
	g_assert_no_error(error);
	return bytes;
}

static void assert_content(Fixture *fixture, const char *path, const guint8 *data, gsize size)
{
	g_autoptr(GByteArray) bytes = read_file(fixture, path);

	g_assert_cmpmem(bytes->data, bytes->len, data, size);
}

static gboolean try_write(
	Fixture *fixture, const char *path, const guint8 *data, gsize size, GError **error)
{
	autofd int fd = open(fixture->folder, O_TMPFILE | O_RDWR, 0600);

	g_assert_true(file_write_all(fd, data, size, NULL));
	lseek(fd, 0, SEEK_SET);
	const ImageNewFile file = { fd, 0640, g_str_has_prefix(path, FOLLOWED) };
	return fixture->image->operations->write(fixture->image, path, &file, error);
}

static void write_file(Fixture *fixture, const char *path, const guint8 *data, gsize size)
{
	g_autoptr(GError) error = NULL;

	try_write(fixture, path, data, size, &error);
	g_assert_no_error(error);
}

static void write_text(Fixture *fixture, const char *path, const char *text)
{
	write_file(fixture, path, (const guint8 *)text, strlen(text));
}

static void remove_path(Fixture *fixture, const char *path, gboolean recursive)
{
	g_autoptr(GError) error = NULL;

	fixture->image->operations->remove(fixture->image, path, recursive, &error);
	g_assert_no_error(error);
}

static void assert_stat_fails(Fixture *fixture, const char *path, RotaError code)
{
	g_autoptr(GError) error = NULL;
	ImageStat image_stat;

	g_assert_false(fixture->image->operations->stat(fixture->image, path, &image_stat, &error));
	g_assert_error(error, ROTA_ERROR, (int)code);
}

/* --- cases --- */

static void test_files(Fixture *fixture, gconstpointer data)
{
	gsize size = 3 * 1024 * 1024 + 77;
	g_autofree guint8 *bytes = g_malloc0(size);
	ImageStat image_stat;

	for (gsize i = 0; i < size; i += 3)
		bytes[i] = i > 1024 * 1024 && i < 2 * 1024 * 1024 ? 0 : (guint8)(i * 7);
	write_file(fixture, "/etc/big", bytes, size);
	write_text(fixture, "/etc/empty", "");
	write_text(fixture, "/small", "small");
	write_text(fixture, "etc/mender/mender.conf", "new");
	g_assert_true(
		fixture->image->operations->stat(fixture->image, "/etc/big", &image_stat, NULL));
	g_assert_cmpint(image_stat.kind, ==, IMAGE_FILE);
	g_assert_cmpuint(image_stat.mode, ==, 0640);
	g_assert_cmpuint(image_stat.user + image_stat.group, ==, 0);
	g_assert_cmpuint(image_stat.size, ==, size);
	g_assert_cmpint(image_stat.modified_s, ==, NOW_S);
	finish_and_check(fixture);
	open_image(fixture, FALSE);
	assert_content(fixture, "/etc/big", bytes, size);
	assert_content(fixture, "/etc/empty", bytes, 0);
	assert_content(fixture, "/small", (const guint8 *)"small", 5);
	assert_content(fixture, "/etc/mender/mender.conf", (const guint8 *)"new", 3);
	assert_content(fixture, "/etc/hard", (const guint8 *)"old\n", 4);
	/* What libext2fs itself reads is what was written. */
	g_assert_true(succeeds("test \"$(debugfs -R 'cat /small' %s)\" = small", fixture->path));
}

static gboolean count(const char *name, gpointer user_data, GError **error)
{
	++*(guint *)user_data;
	return TRUE;
}

static void test_folders(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	ImageStat image_stat;
	guint n_wanted = data == &kinds[0] || data == &kinds[1] ? N_NAMES : N_NAMES_ELSEWHERE;
	guint n_names = 0;

	fixture->image->operations->make_folders(fixture->image, "/var/lib/many/", &error);
	g_assert_no_error(error);
	fixture->image->operations->make_folders(fixture->image, "/var/lib/many", &error);
	g_assert_no_error(error);
	g_assert_true(fixture->image->operations->stat(
		fixture->image, "/var/lib/many", &image_stat, NULL));
	g_assert_cmpuint(image_stat.mode, ==, 0755);
	for (guint i = 0; i < n_wanted; i++) {
		g_autofree char *path =
			g_strdup_printf("/var/lib/many/a-rather-long-name-%u", i * 7919u);

		write_text(fixture, path, i % 10 == 0 ? "x" : "");
	}
	finish_and_check(fixture);
	open_image(fixture, TRUE);
	fixture->image->operations->list(fixture->image, "/var/lib/many", count, &n_names, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(n_names, ==, n_wanted);
	remove_path(fixture, "/var/lib/many/a-rather-long-name-7919", FALSE);
	remove_path(fixture, "/var", TRUE);
	finish_and_check(fixture);
	open_image(fixture, FALSE);
	assert_stat_fails(fixture, "/var", ROTA_ERROR_NOT_FOUND);
}

static void assert_removal_fails(Fixture *fixture, const char *path, gboolean recursive, int code)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(fixture->image->operations->remove(fixture->image, path, recursive, &error));
	g_assert_error(error, ROTA_ERROR, code);
}

static void test_removal(Fixture *fixture, gconstpointer data)
{
	assert_removal_fails(fixture, "/etc", FALSE, ROTA_ERROR_CONFLICT);
	assert_removal_fails(fixture, "/etc/", FALSE, ROTA_ERROR_CONFLICT);
	assert_removal_fails(fixture, "/", TRUE, ROTA_ERROR_INVALID);
	assert_removal_fails(fixture, "/etc/.", TRUE, ROTA_ERROR_INVALID);
	assert_removal_fails(fixture, "/etc/..", TRUE, ROTA_ERROR_INVALID);
	assert_removal_fails(fixture, "/nowhere", TRUE, ROTA_ERROR_NOT_FOUND);
	remove_path(fixture, "/usr/abs", FALSE); /* the link, not where it leads */
	remove_path(fixture, "/etc/mender/mender.conf", FALSE);
	assert_content(fixture, "/etc/hard", (const guint8 *)"old\n", 4);
	remove_path(fixture, "/etc/hard", FALSE);
	assert_removal_fails(fixture, "/etc/mender", FALSE, ROTA_ERROR_CONFLICT);
	remove_path(fixture, "/etc/mender/", FALSE);
	remove_path(fixture, "/usr", TRUE);
	finish_and_check(fixture);
	open_image(fixture, FALSE);
	assert_stat_fails(fixture, "/etc/hard", ROTA_ERROR_NOT_FOUND);
}

static void test_links(Fixture *fixture, gconstpointer data)
{
	static const char *const ways[] = { "/usr/abs/mender.conf", "/usr/rel/mender.conf",
		"/usr/file", "/out/mender/mender.conf", "/../../etc/./mender/../hard",
		"/usr/rel/../hard" };
	g_autoptr(GError) error = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(ways); i++)
		assert_content(fixture, ways[i], (const guint8 *)"old\n", 4);
	assert_stat_fails(fixture, "/ring1", ROTA_ERROR_CONFLICT);
	assert_stat_fails(fixture, "/ring1/x", ROTA_ERROR_CONFLICT);
	write_text(fixture, "/usr/abs/new", "through a link");
	assert_content(fixture, "/etc/mender/new", (const guint8 *)"through a link", 14);
	write_text(fixture, "/usr/file", "in place of a link");
	assert_content(fixture, "/etc/mender/mender.conf", (const guint8 *)"old\n", 4);
	write_text(fixture, FOLLOWED, "through the last link");
	assert_content(fixture, "/etc/new", (const guint8 *)"through the last link", 21);
	write_text(fixture, "/ring1", "no ring");
	finish_and_check(fixture);
}

static void assert_write_fails(
	Fixture *fixture, const char *path, const guint8 *data, gsize size, RotaError code)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(try_write(fixture, path, data, size, &error));
	g_assert_error(error, ROTA_ERROR, (int)code);
}

static void test_refusals(Fixture *fixture, gconstpointer data)
{
	gsize size = SIZE_MB * 1024 * 1024;
	g_autofree guint8 *bytes = g_malloc(size);

	memset(bytes, 'x', size);
	assert_write_fails(fixture, "/etc", bytes, 1, ROTA_ERROR_CONFLICT);
	assert_write_fails(fixture, "/etc/", bytes, 1, ROTA_ERROR_CONFLICT);
	assert_write_fails(fixture, "/etc/..", bytes, 1, ROTA_ERROR_CONFLICT);
	assert_write_fails(fixture, "/nowhere/file", bytes, 1, ROTA_ERROR_NOT_FOUND);
	assert_write_fails(fixture, "/etc/hard/file", bytes, 1, ROTA_ERROR_CONFLICT);
	assert_stat_fails(fixture, "/etc/hard/", ROTA_ERROR_CONFLICT);
	assert_stat_fails(fixture, "/etc/hard/..", ROTA_ERROR_CONFLICT);
	assert_write_fails(fixture, "/full", bytes, size, ROTA_ERROR_UNAVAILABLE);
}

static void test_journal(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	close_image(fixture);
	/* debugfs writes a transaction that only the journal holds. */
	g_assert_true(succeeds("debugfs -w -R 'feature needs_recovery' %s", fixture->path));
	fixture->fd = open(fixture->path, O_RDWR | O_CLOEXEC);
	ImageRange range = { fixture->fd, 0, SIZE_MB * 1024 * 1024, FALSE, NOW_S };
	g_assert_null(image_open(&range, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_PRECONDITION);
	g_clear_error(&error);
	range.writable = TRUE;
	fixture->image = image_open(&range, &error);
	g_assert_no_error(error);
	write_text(fixture, "/after", "replay");
	finish_and_check(fixture);
}

/* Without a journal: e2fsck looks at all of it, and mends what it mends unasked. */
static void test_unclean(Fixture *fixture, gconstpointer data)
{
	close_image(fixture);
	g_assert_true(succeeds("debugfs -w -R 'ssv state 0' %s", fixture->path));
	open_image(fixture, FALSE);
	assert_content(fixture, "/etc/hard", (const guint8 *)"old\n", 4);
	close_image(fixture);
	open_image(fixture, TRUE);
	write_text(fixture, "/after", "repair");
	finish_and_check(fixture);
}

static void assert_not_changed(Fixture *fixture, RotaError code)
{
	g_autoptr(GError) error = NULL;

	fixture->fd = open(fixture->path, O_RDWR | O_CLOEXEC);
	const ImageRange range = { fixture->fd, 0, SIZE_MB * 1024 * 1024, TRUE, NOW_S };
	g_assert_null(image_open(&range, &error));
	g_assert_error(error, ROTA_ERROR, (int)code);
	file_close_fd(&fixture->fd);
}

static void test_features(Fixture *fixture, gconstpointer data)
{
	close_image(fixture);
	g_assert_true(succeeds("debugfs -w -R 'feature shared_blocks' %s", fixture->path));
	assert_not_changed(fixture, ROTA_ERROR_UNSUPPORTED);
	g_assert_true(succeeds("debugfs -w -R 'feature ^shared_blocks quota' %s", fixture->path));
	assert_not_changed(fixture, ROTA_ERROR_UNSUPPORTED);
}

static void test_bounds(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	close_image(fixture);
	fixture->fd = open(fixture->path, O_RDWR | O_CLOEXEC);
	const ImageRange range = { fixture->fd, 0, SIZE_MB * 1024 * 1024 - 4096, TRUE, NOW_S };
	g_assert_null(image_open(&range, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT);
}

static void test_read_only(Fixture *fixture, gconstpointer data)
{
	g_autofree char *before = NULL, *after = NULL;
	gsize size_before, size_after;

	close_image(fixture);
	g_assert_true(g_file_get_contents(fixture->path, &before, &size_before, NULL));
	open_image(fixture, FALSE);
	assert_content(fixture, "/etc/hard", (const guint8 *)"old\n", 4);
	close_image(fixture);
	g_assert_true(g_file_get_contents(fixture->path, &after, &size_after, NULL));
	g_assert_cmpmem(before, size_before, after, size_after);
}

static void test_encrypted(Fixture *fixture, gconstpointer data)
{
	close_image(fixture);
	g_assert_true(succeeds("debugfs -w -R 'feature encrypt' %s", fixture->path));
	g_assert_true(succeeds("debugfs -w -R 'sif /etc/mender flags 0x80800' %s", fixture->path));
	open_image(fixture, TRUE);
	assert_stat_fails(fixture, "/etc/mender/mender.conf", ROTA_ERROR_UNSUPPORTED);
	assert_write_fails(
		fixture, "/etc/mender/x", (const guint8 *)"x", 1, ROTA_ERROR_UNSUPPORTED);
	assert_content(fixture, "/etc/hard", (const guint8 *)"old\n", 4);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(Fixture *, gconstpointer);
		gboolean each_kind;
	} cases[] = {
		{ "files", test_files, TRUE },
		{ "folders", test_folders, TRUE },
		{ "removal", test_removal, TRUE },
		{ "links", test_links, TRUE },
		{ "refusals", test_refusals, TRUE },
		{ "journal", test_journal, FALSE },
		{ "unclean", test_unclean, FALSE },
		{ "features", test_features, FALSE },
		{ "bounds", test_bounds, FALSE },
		{ "read-only", test_read_only, FALSE },
		{ "encrypted", test_encrypted, FALSE },
	};

	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		for (gsize kind = 0; kind < (cases[i].each_kind ? G_N_ELEMENTS(kinds) : 1);
			kind++) {
			g_autofree char *path =
				g_strdup_printf("/ext4/%s/%s", cases[i].name, kinds[kind].name);

			g_test_add(path, Fixture, &kinds[kind], setup, cases[i].run, teardown);
		}
	return g_test_run();
}
