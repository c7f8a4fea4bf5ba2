/* SPDX-License-Identifier: Apache-2.0 */
/* Images with partitions, made by sfdisk, mkfs.vfat and mke2fs:
 *
 * paths      /uboot, /boot/efi, /boot/grub and /data by whole names; the rest to both root file
 *            systems; in an artifact's payload only the root file system
 * fat        written, read, listed, replaced, removed; folders; names that are none, or that
 *            would become another; a full one; boot sectors that claim more than there is; a
 *            broken one
 * refusals   no table, other numbers of partitions, partitions that overlap or end behind the file,
 *            a root partition without a file system */
#include "image/disk.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"
#include "image/fat.h"
#include "image/partitions.h"

enum { MIB = 1024 * 1024, PART_MB = 4, N_PARTS = 4, DISK_MB = 1 + N_PARTS * PART_MB + 1 };

typedef struct {
	char *folder, *path;
	int fd;
} Fixture;

static void run(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void run(const char *format, ...)
{
	g_autoptr(GError) error = NULL;
	va_list arguments;
	int status;

	va_start(arguments, format);
	g_autofree char *words = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_autofree char *line = g_strdup_printf(
		"PATH=$PATH:/usr/sbin:/sbin; set -e; { %s; } >/dev/null 2>&1", words);
	char shell[] = "/bin/sh", option[] = "-c";
	char *argv[] = { shell, option, line, NULL };
	g_spawn_sync(NULL, argv, NULL, 0, NULL, NULL, NULL, NULL, &status, &error);
	g_assert_no_error(error);
	g_assert_cmpint(status, ==, 0);
}

/* @data: the label: "dos" or "gpt" */
static void setup(Fixture *fixture, gconstpointer data)
{
	fixture->folder = g_dir_make_tmp("rota-disk-XXXXXX", NULL);
	fixture->path = g_build_filename(fixture->folder, "disk", NULL);
	run("cd %s; truncate -s %dM disk; printf 'label: %s\\nstart=2048, size=%dM\\n"
	    "size=%dM\\nsize=%dM\\nsize=%dM\\n' | sfdisk -q disk; mkdir -p tree/etc; echo a > "
	    "tree/etc/old; mkfs.vfat -C boot %d; mke2fs -q -t ext4 -d tree root %dM; mke2fs -q "
	    "-t ext4 data %dM",
		fixture->folder, DISK_MB, (const char *)data, PART_MB, PART_MB, PART_MB, PART_MB,
		PART_MB * 1024, PART_MB, PART_MB);
	run("cd %s; at=1; for part in boot root root data; do dd if=$part of=disk bs=1M seek=$at "
	    "conv=notrunc; at=$((at + %d)); done",
		fixture->folder, PART_MB);
	fixture->fd = open(fixture->path, O_RDWR | O_CLOEXEC);
	g_assert_cmpint(fixture->fd, >=, 0);
}

static void teardown(Fixture *fixture, gconstpointer data)
{
	file_close_fd(&fixture->fd);
	g_assert_true(file_remove_tree(fixture->folder, NULL));
	g_free(fixture->folder);
	g_free(fixture->path);
}

static ImageRange range_of(Fixture *fixture, guint part)
{
	return (ImageRange){ .fd = fixture->fd,
		.start = (1 + (guint64)part * PART_MB) * MIB,
		.size = PART_MB * MIB,
		.writable = TRUE };
}

static int text_fd(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	g_assert_true(file_write_all(fd, text, strlen(text), NULL));
	g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
	return fd;
}

static gboolean append(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	g_string_append_len(user_data, data, (gssize)size);
	return TRUE;
}

static void write_text(Disk *disk, const char *path, const char *text)
{
	g_autoptr(GError) error = NULL;
	autofd int fd = text_fd(text);
	const ImageNewFile file = { fd, 0644, FALSE };

	(void)!disk_write(disk, path, &file, &error);
	g_assert_no_error(error);
}

static void assert_text(Disk *disk, const char *path, const char *text)
{
	g_autoptr(GString) found = g_string_new(NULL);
	g_autoptr(GError) error = NULL;

	(void)!disk_read(disk, path, append, found, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(found->str, ==, text);
}

static void assert_part_text(Fixture *fixture, guint part, const char *path, const char *text)
{
	ImageRange range = range_of(fixture, part);
	g_autoptr(ImageFileSystem) image = image_open(&range, NULL);
	g_autoptr(GString) found = g_string_new(NULL);

	g_assert_nonnull(image);
	g_assert_true(image->operations->read(image, path, append, found, NULL));
	g_assert_cmpstr(found->str, ==, text);
}

/* --- paths --- */

static void test_paths(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Disk) disk = disk_open(fixture->fd, TRUE, FALSE, 0, &error);

	g_assert_no_error(error);
	write_text(disk, "/uboot/one", "1");
	write_text(disk, "//boot/efi/two", "2");
	write_text(disk, "/boot/grub//three", "3");
	write_text(disk, "/data/four", "4");
	write_text(disk, "/database", "5");
	g_assert_true(disk_make_folders(disk, "/boot/grubby", NULL));
	write_text(disk, "/boot/grubby/six", "6");
	assert_text(disk, "/boot/efi/one", "1");
	assert_text(disk, "/etc/old", "a\n");
	g_assert_true(disk_remove(disk, "/etc/old", FALSE, NULL));
	g_assert_true(disk_set_mode(disk, "/etc", 0700, NULL));
	g_assert_true(disk_finish(disk, NULL));
	g_clear_pointer(&disk, disk_free);
	assert_part_text(fixture, 0, "/two", "2");
	assert_part_text(fixture, 0, "/three", "3");
	assert_part_text(fixture, 3, "/four", "4");
	for (guint part = 1; part <= 2; part++) {
		ImageRange range = range_of(fixture, part);
		g_autoptr(ImageFileSystem) image = image_open(&range, NULL);
		ImageStat image_stat;

		assert_part_text(fixture, part, "/database", "5");
		assert_part_text(fixture, part, "/boot/grubby/six", "6");
		g_assert_true(image->operations->stat(image, "/etc", &image_stat, NULL));
		g_assert_cmpuint(image_stat.mode, ==, 0700);
		g_assert_false(image->operations->stat(image, "/etc/old", &image_stat, NULL));
	}
}

static void test_payload(Fixture *fixture, gconstpointer data)
{
	static const char *const refused[] = { "/data/x", "/data", "/uboot", "/boot/efi/x" };
	g_autofree char *path = g_build_filename(fixture->folder, "root", NULL);
	autofd int fd = open(path, O_RDWR | O_CLOEXEC);
	g_autoptr(Disk) disk = disk_open(fd, TRUE, TRUE, 0, NULL);
	ImageStat image_stat;

	for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_false(disk_stat(disk, refused[i], &image_stat, &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
	}
	write_text(disk, "/database", "x");
	assert_text(disk, "/database", "x");
	/* One with partitions is no payload. */
	g_assert_null(disk_open(fixture->fd, TRUE, TRUE, 0, NULL));
}

/* --- FAT --- */

static gboolean add_name(const char *name, gpointer user_data, GError **error)
{
	g_ptr_array_add(user_data, g_strdup(name));
	return TRUE;
}

static void assert_write_fails(
	ImageFileSystem *image, const char *path, const ImageNewFile *file, RotaError code)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(image->operations->write(image, path, file, &error));
	g_assert_error(error, ROTA_ERROR, (int)code);
}

static void assert_removal_fails(
	ImageFileSystem *image, const char *path, gboolean recursive, RotaError code)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(image->operations->remove(image, path, recursive, &error));
	g_assert_error(error, ROTA_ERROR, (int)code);
}

static void test_fat(Fixture *fixture, gconstpointer data)
{
	ImageRange range = range_of(fixture, 0);
	g_autoptr(ImageFileSystem) image = image_open(&range, NULL);
	const ImageOperations *act = image->operations;
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	autofd int fd = text_fd("text");
	const ImageNewFile file = { fd, 0644, FALSE };
	ImageStat image_stat;

	g_assert_cmpstr(act->name, ==, "FAT");
	g_assert_true(act->make_folders(image, "/EFI/../EFI/a long name/", NULL));
	g_assert_true(act->make_folders(image, "/EFI", NULL));
	g_assert_true(act->write(image, "/EFI/file.txt", &file, NULL));
	g_assert_true(act->stat(image, "EFI/./file.txt", &image_stat, NULL));
	g_assert_cmpuint(image_stat.size, ==, 4);
	g_assert_cmpint(image_stat.kind, ==, IMAGE_FILE);
	g_assert_true(act->stat(image, "/", &image_stat, NULL));
	g_assert_cmpint(image_stat.kind, ==, IMAGE_FOLDER);
	g_assert_true(act->list(image, "/EFI", add_name, names, NULL));
	g_assert_cmpuint(names->len, ==, 2);
	g_assert_true(g_ptr_array_find_with_equal_func(names, "file.txt", g_str_equal, NULL));
	g_assert_true(g_ptr_array_find_with_equal_func(names, "a long name", g_str_equal, NULL));
	lseek(fd, 1, SEEK_SET);
	g_assert_true(act->write(image, "/EFI/file.txt", &file, NULL));
	assert_part_text(fixture, 0, "/EFI/file.txt", "ext");
	g_assert_true(act->remove(image, "/EFI/a long name/", FALSE, NULL));
	g_assert_true(act->remove(image, "/EFI/file.txt", FALSE, NULL));
	g_assert_true(act->remove(image, "/EFI", TRUE, NULL));
	g_assert_false(act->stat(image, "/EFI", &image_stat, NULL));
}

static void test_fat_refusals(Fixture *fixture, gconstpointer data)
{
	static const char *const no_names[] = { "/a*", "/a?", "/a[b]", "/a\\b", "/a\nb", "/\xff" };
	ImageRange range = range_of(fixture, 0);
	g_autoptr(ImageFileSystem) image = image_open(&range, NULL);
	const ImageOperations *act = image->operations;
	autofd int fd = open(fixture->path, O_RDONLY | O_CLOEXEC);
	const ImageNewFile file = { fd, 0644, FALSE };

	g_assert_true(act->make_folders(image, "/folder/in", NULL));
	for (gsize i = 0; i < G_N_ELEMENTS(no_names); i++)
		assert_write_fails(image, no_names[i], &file, ROTA_ERROR_INVALID);
	assert_write_fails(image, "/folder", &file, ROTA_ERROR_CONFLICT);
	assert_write_fails(image, "/nowhere/file", &file, ROTA_ERROR_NOT_FOUND);
	assert_write_fails(image, "/whole-disk", &file, ROTA_ERROR_UNAVAILABLE);
	assert_removal_fails(image, "/folder", FALSE, ROTA_ERROR_CONFLICT);
	assert_removal_fails(image, "/folder/in", FALSE, ROTA_ERROR_CONFLICT);
	assert_removal_fails(image, "/nowhere", TRUE, ROTA_ERROR_NOT_FOUND);
	assert_removal_fails(image, "/", TRUE, ROTA_ERROR_INVALID);
}

/* mtools would write each of the first by another name, and says nothing. */
static void test_fat_names(Fixture *fixture, gconstpointer data)
{
	static const char *const refused[] = { "/a:b", "/a.", "/a ", "/\xe2\x82\xac" };
	static const char *const kept[] = { "/A.b", "/a+b;c", "/.a", "/-a", "/\xc3\xbc" };
	ImageRange range = range_of(fixture, 0);
	g_autoptr(ImageFileSystem) image = image_open(&range, NULL);
	const ImageOperations *act = image->operations;
	g_autofree char *longest = g_strnfill(256, 'a');
	autofd int fd = text_fd("text");
	const ImageNewFile file = { fd, 0644, FALSE };

	longest[0] = '/';
	g_assert_true(act->write(image, longest, &file, NULL));
	g_autofree char *longer = g_strconcat(longest, "a", NULL);
	assert_write_fails(image, longer, &file, ROTA_ERROR_INVALID);
	for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
		g_autofree char *folder = g_strconcat("/folder", refused[i] + 1, NULL);

		assert_write_fails(image, refused[i], &file, ROTA_ERROR_INVALID);
		g_assert_false(act->make_folders(image, folder, NULL));
	}
	for (gsize i = 0; i < G_N_ELEMENTS(kept); i++) {
		g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
		g_assert_true(act->write(image, kept[i], &file, NULL));
		assert_part_text(fixture, 0, kept[i], "text");
	}
}

static void test_fat_claims(Fixture *fixture, gconstpointer data)
{
	static const struct {
		guint offset;
		guint8 bytes[4];
	} claims[] = {
		{ 11, { 0, 0, 4, 1 } },       /* no size of a sector */
		{ 11, { 1, 2, 4, 1 } },       /* and one that is no power of two */
		{ 11, { 0, 2, 0, 1 } },       /* no size of a cluster */
		{ 14, { 0, 0, 2, 0 } },       /* nothing reserved, not even the boot sector */
		{ 19, { 1, 0x20, 0xf8, 8 } }, /* a sector more than the partition has */
		{ 19, { 8, 0, 0xf8, 8 } },    /* fewer than the tables take */
		{ 22, { 0, 0x20, 32, 0 } },   /* a table as large as the partition */
	};
	ImageRange range = range_of(fixture, 0);
	guint8 good[512];

	g_assert_cmpint(pread(fixture->fd, good, 512, (off_t)range.start), ==, 512);
	for (gsize i = 0; i < G_N_ELEMENTS(claims); i++) {
		g_autoptr(GError) error = NULL;
		off_t at = (off_t)(range.start + claims[i].offset);

		g_assert_cmpint(pwrite(fixture->fd, claims[i].bytes, 4, at), ==, 4);
		g_assert_null(image_open(&range, &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT);
		g_assert_cmpint(pwrite(fixture->fd, good, 512, (off_t)range.start), ==, 512);
	}
	g_autoptr(ImageFileSystem) image = image_open(&range, NULL);
	g_assert_nonnull(image);
}

/* What mtools cannot read is not taken for a file that is not there. */
static void test_fat_broken(Fixture *fixture, gconstpointer data)
{
	static const guint8 table[] = { 0xf8, 0, 0 };
	ImageRange range = range_of(fixture, 0);
	g_autoptr(ImageFileSystem) image = image_open(&range, NULL);
	static const char *const paths[] = { "/", "/file" };
	ImageStat image_stat;

	g_assert_cmpint(pwrite(fixture->fd, table, sizeof table, (off_t)range.start + 512), ==,
		sizeof table);
	for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_false(image->operations->stat(image, paths[i], &image_stat, &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_IO);
		g_assert_null(strchr(error->message, '\n'));
	}
}

/* --- tables --- */

typedef struct {
	guint32 start, size; /* in sectors of 512 bytes */
} Row;

/* A master boot record with these rows, in a file of 1 MiB. */
static int make_table(const Row *rows, guint n_rows)
{
	int fd = memfd_create("disk", MFD_CLOEXEC);
	guint8 record[512] = { 0 };

	for (guint i = 0; i < n_rows; i++) {
		guint8 *at = record + 446 + 16 * i;
		guint32 start = GUINT32_TO_LE(rows[i].start), size = GUINT32_TO_LE(rows[i].size);

		at[4] = 0x83;
		memcpy(at + 8, &start, 4);
		memcpy(at + 12, &size, 4);
	}
	record[510] = 0x55;
	record[511] = 0xaa;
	g_assert_true(file_write_all(fd, record, sizeof record, NULL));
	g_assert_cmpint(ftruncate(fd, MIB), ==, 0);
	return fd;
}

static void test_tables(void)
{
	static const struct {
		Row rows[4];
		guint n_rows;
		RotaError code;
	} cases[] = {
		{ { { 64, 64 } }, 1, ROTA_ERROR_UNSUPPORTED },
		{ { { 64, 64 }, { 100, 64 }, { 300, 10 }, { 400, 10 } }, 4, ROTA_ERROR_CORRUPT },
		{ { { 64, 64 }, { 128, 64 }, { 300, 10 }, { 2047, 2 } }, 4, ROTA_ERROR_CORRUPT },
		{ { { 64, 64 }, { 128, 64 }, { 300, 10 }, { 400, G_MAXUINT32 } }, 4,
			ROTA_ERROR_CORRUPT },
	};
	static const Row unordered[] = { { 400, 10 }, { 64, 64 }, { 300, 10 }, { 128, 64 } };

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		autofd int fd = make_table(cases[i].rows, cases[i].n_rows);
		g_autoptr(GError) error = NULL;

		g_assert_null(disk_open(fd, FALSE, FALSE, 0, &error));
		g_assert_error(error, ROTA_ERROR, (int)cases[i].code);
	}
	autofd int fd = make_table(unordered, G_N_ELEMENTS(unordered));
	g_autoptr(GArray) partitions = NULL;
	g_assert_true(partitions_read(fd, &partitions, NULL));
	g_assert_cmpuint(partitions->len, ==, 4);
	g_assert_cmpuint(g_array_index(partitions, Partition, 0).start, ==, 64 * 512);
	g_assert_cmpuint(g_array_index(partitions, Partition, 3).start, ==, 400 * 512);

	g_autoptr(Disk) disk = disk_open(fd, FALSE, FALSE, 0, NULL);
	g_autoptr(GError) error = NULL;
	ImageStat image_stat;
	g_assert_false(disk_stat(disk, "/etc", &image_stat, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED);
}

static void test_no_table(void)
{
	autofd int fd = memfd_create("disk", MFD_CLOEXEC);
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(ftruncate(fd, MIB), ==, 0);
	g_assert_null(disk_open(fd, FALSE, FALSE, 0, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/disk/paths/mbr", Fixture, "dos", setup, test_paths, teardown);
	g_test_add("/disk/paths/gpt", Fixture, "gpt", setup, test_paths, teardown);
	g_test_add("/disk/payload", Fixture, "dos", setup, test_payload, teardown);
	g_test_add("/disk/fat", Fixture, "dos", setup, test_fat, teardown);
	g_test_add("/disk/fat-refusals", Fixture, "dos", setup, test_fat_refusals, teardown);
	g_test_add("/disk/fat-names", Fixture, "dos", setup, test_fat_names, teardown);
	g_test_add("/disk/fat-broken", Fixture, "dos", setup, test_fat_broken, teardown);
	g_test_add("/disk/fat-claims", Fixture, "dos", setup, test_fat_claims, teardown);
	g_test_add_func("/disk/tables", test_tables);
	g_test_add_func("/disk/no-table", test_no_table);
	return g_test_run();
}
