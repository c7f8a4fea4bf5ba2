/* SPDX-License-Identifier: Apache-2.0 */
/* A file system that anyone may have made: whatever it claims, it is read, changed and closed
 * without a fault, and nothing is written behind its end. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"
#include "image/image.h"

enum {
	SUPERBLOCK = 1024,
	SIZE_MIN = 2 * SUPERBLOCK,
	SIZE_MAX_HERE = 1024 * 1024,
	STATE = SUPERBLOCK + 58,
	CLEAN = 1,
	INCOMPAT = SUPERBLOCK + 96,
	RECOVER = 0x4,
	RO_COMPAT_HIGH = SUPERBLOCK + 102,
	ORPHANS = 0x1,
	LAST_ORPHAN = SUPERBLOCK + 232,
	READ_MAX = 1024 * 1024,
	GUARD_SIZE = 4096,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gboolean count_bytes(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	gsize *total = user_data;

	*total += size;
	if (*total <= READ_MAX)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE, "enough");
	return FALSE;
}

static gboolean note_name(const char *name, gpointer user_data, GError **error)
{
	GPtrArray *names = user_data;

	if (names->len < 64)
		g_ptr_array_add(names, g_strconcat("/", name, NULL));
	return TRUE;
}

static void look_at(ImageFileSystem *image, const char *path)
{
	ImageStat image_stat;
	gsize total = 0;

	if (image->operations->stat(image, path, &image_stat, NULL))
		(void)!image->operations->read(image, path, count_bytes, &total, NULL);
}

static void look_at_all(ImageFileSystem *image)
{
	static const char *const paths[] = { "/", "/a/b/c", "/link", "/a/../link/x",
		"/lost+found" };
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

	(void)!image->operations->list(image, "/", note_name, names, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(paths); i++)
		look_at(image, paths[i]);
	for (guint i = 0; i < names->len; i++)
		look_at(image, names->pdata[i]);
}

static void write_some(ImageFileSystem *image, const char *path, gsize size)
{
	autofd int fd = memfd_create("source", MFD_CLOEXEC);
	g_autofree guint8 *bytes = g_malloc(size);
	const ImageNewFile file = { fd, 0644, TRUE };

	memset(bytes, 'x', size);
	g_assert_true(file_write_all(fd, bytes, size, NULL));
	g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
	(void)!image->operations->write(image, path, &file, NULL);
}

static void change_all(ImageFileSystem *image)
{
	write_some(image, "/a/new", 3000);
	write_some(image, "/link", 10);
	write_some(image, "/big", 70000);
	(void)!image->operations->make_folders(image, "/a/x/y", NULL);
	(void)!image->operations->set_mode(image, "/a", 0700, NULL);
	(void)!image->operations->remove(image, "/file", FALSE, NULL);
	(void)!image->operations->remove(image, "/a", TRUE, NULL);
	(void)!image->operations->remove(image, "/lost+found/", FALSE, NULL);
	(void)!image->operations->finish(image, NULL);
}

/* What must be repaired first would start a program: here it is taken as repaired. */
static void forget_journal(guint8 *image)
{
	image[INCOMPAT] &= (guint8)~RECOVER;
	image[RO_COMPAT_HIGH] &= (guint8)~ORPHANS;
	memset(image + LAST_ORPHAN, 0, 4);
	image[STATE] = CLEAN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const guint8 guard[GUARD_SIZE];
	guint8 behind[GUARD_SIZE];

	if (size < SIZE_MIN || size > SIZE_MAX_HERE)
		return 0;
	g_autofree guint8 *copy = g_memdup2(data, size);
	autofd int fd = memfd_create("image", MFD_CLOEXEC);
	forget_journal(copy);
	g_assert_true(file_write_all(fd, copy, size, NULL));
	g_assert_true(file_write_all(fd, guard, sizeof guard, NULL));
	const ImageRange range = { .fd = fd, .size = size, .writable = TRUE, .now_s = 1 };
	if (image_format(&range) != IMAGE_EXT)
		return 0;
	g_autoptr(ImageFileSystem) image = image_open(&range, NULL);
	if (!image)
		return 0;
	look_at_all(image);
	change_all(image);
	look_at_all(image);
	g_assert_cmpint(pread(fd, behind, sizeof behind, (off_t)size), ==, sizeof behind);
	g_assert_cmpint(memcmp(behind, guard, sizeof guard), ==, 0);
	return 0;
}
