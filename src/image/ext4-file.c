/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "image/ext4-private.h"

enum {
	CHUNK_SIZE = 256 * 1024,
	FOLDER_MODE = 0755,
	FOLDER_LINKS_MAX = 64000, /* ext4's own is 65000, less some for what may come */
};

/* --- reading --- */

/* libext2fs gives more than there is of what lies inside its inode: @size is where it ends. */
static gboolean copy_out(ext2_file_t file, guint64 size, const char *path, ImageSink sink,
	gpointer user_data, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(CHUNK_SIZE);

	while (size > 0) {
		unsigned int got = 0;
		errcode_t code = ext2fs_file_read(file, buffer, CHUNK_SIZE, &got);

		if (code != 0)
			return ext4_fail(error, code, "%s", path);
		got = (unsigned int)MIN(got, size);
		if (got == 0)
			break;
		if (!sink(buffer, got, user_data, error))
			return FALSE;
		size -= got;
	}
	return TRUE;
}

/* What lies inside the inode is not longer than what is there: libext2fs believes the inode. */
static gboolean check_inline(
	Ext4 *ext4, ext2_ino_t number, const struct ext2_inode *inode, GError **error)
{
	size_t size = 0;

	if (!(inode->i_flags & EXT4_INLINE_DATA_FL))
		return TRUE;
	errcode_t code = ext2fs_inline_data_size(ext4->fs, number, &size);
	if (code != 0)
		return ext4_fail(error, code, "read inode %u", number);
	return (size <= ext4->fs->blocksize && EXT2_I_SIZE(inode) <= size) ||
	       ext4_fail_inconsistent(error, "the size of a file inside its inode");
}

static gboolean read_inode_content(Ext4 *ext4, ext2_ino_t number, const struct ext2_inode *inode,
	const char *path, ImageSink sink, gpointer user_data, GError **error)
{
	ext2_file_t file;

	if (!check_inline(ext4, number, inode, error))
		return FALSE;
	errcode_t code = ext2fs_file_open(ext4->fs, number, 0, &file);
	if (code != 0)
		return ext4_fail(error, code, "%s", path);
	gboolean good = copy_out(file, EXT2_I_SIZE(inode), path, sink, user_data, error);
	code = ext2fs_file_close(file);
	return good && (code == 0 || ext4_fail(error, code, "%s", path));
}

/* A file may claim any size: with nothing behind it, all would be zeros, for ever. */
static gboolean check_size(Ext4 *ext4, const char *path, guint64 size, GError **error)
{
	guint64 size_max = G_GUINT64_CONSTANT(1) << 44;

	if (size <= size_max)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
		"%s: claims to be larger than any file of ext4", path);
	return FALSE;
}

gboolean ext4_read(ImageFileSystem *image, const char *path, ImageSink sink, gpointer user_data,
	GError **error)
{
	Ext4 *ext4 = (Ext4 *)image;
	struct ext2_inode inode;
	Ext4Place place;

	if (!ext4_find_existing(ext4, path, TRUE, &place, &inode, error))
		return FALSE;
	if (!LINUX_S_ISREG(inode.i_mode)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "%s: %s", path,
			LINUX_S_ISDIR(inode.i_mode) ? "is a folder" : "is not a file");
		return FALSE;
	}
	if (inode.i_flags & EXT4_ENCRYPT_FL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED, "%s: is encrypted", path);
		return FALSE;
	}
	return check_size(ext4, path, EXT2_I_SIZE(&inode), error) &&
	       read_inode_content(ext4, place.inode, &inode, path, sink, user_data, error);
}

static gboolean append_text(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	g_string_append_len(user_data, data, (gssize)size);
	return TRUE;
}

char *ext4_read_text(Ext4 *ext4, ext2_ino_t number, const struct ext2_inode *inode, gsize size_max,
	GError **error)
{
	guint64 size = EXT2_I_SIZE(inode);
	struct ext2_inode copy = *inode;

	if (size > size_max) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
			"a symbolic link is longer than %" G_GSIZE_FORMAT " bytes", size_max);
		return NULL;
	}
	if (ext2fs_is_fast_symlink(&copy))
		return g_strndup(
			(const char *)inode->i_block, MIN((gsize)size, sizeof inode->i_block));
	g_autoptr(GString) text = g_string_new(NULL);
	if (!read_inode_content(ext4, number, inode, "symbolic link", append_text, text, error))
		return NULL;
	return g_strdup(text->str);
}

/* --- writing --- */

static gboolean is_zero(const guint8 *data, gsize size)
{
	return size > 0 && data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

/* As many bytes as fit, or as there are. */
static gboolean fill(
	int fd, guint8 *buffer, gsize size, gsize *ret_size, const char *path, GError **error)
{
	for (*ret_size = 0; *ret_size < size;) {
		ssize_t got = TEMP_FAILURE_RETRY(read(fd, buffer + *ret_size, size - *ret_size));

		if (got < 0) {
			rota_set_errno_error(error, errno, "read what %s is to hold", path);
			return FALSE;
		}
		if (got == 0)
			break;
		*ret_size += (gsize)got;
	}
	return TRUE;
}

static gboolean write_chunk(
	ext2_file_t file, const guint8 *data, gsize size, const char *path, GError **error)
{
	while (size > 0) {
		unsigned int written = 0;
		errcode_t code = ext2fs_file_write(file, data, (unsigned int)size, &written);

		if (code != 0)
			return ext4_fail(error, code, "%s", path);
		data += written;
		size -= written;
	}
	return TRUE;
}

/* A chunk of zeros becomes a hole. */
static gboolean write_or_skip(
	ext2_file_t file, const guint8 *data, gsize size, const char *path, GError **error)
{
	if (size < CHUNK_SIZE || !is_zero(data, size))
		return write_chunk(file, data, size, path, error);
	errcode_t code = ext2fs_file_llseek(file, size, EXT2_SEEK_CUR, NULL);
	return code == 0 || ext4_fail(error, code, "%s", path);
}

static gboolean copy_in(ext2_file_t file, int source_fd, const char *path, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(CHUNK_SIZE);
	guint64 total = 0;
	gsize size;

	do {
		if (!fill(source_fd, buffer, CHUNK_SIZE, &size, path, error) ||
			!write_or_skip(file, buffer, size, path, error))
			return FALSE;
		total += size;
	} while (size == CHUNK_SIZE);
	errcode_t code = ext2fs_file_set_size2(file, (ext2_off64_t)total);
	return code == 0 || ext4_fail(error, code, "%s", path);
}

static gboolean fill_inode(
	Ext4 *ext4, ext2_ino_t number, int source_fd, const char *path, GError **error)
{
	ext2_file_t file;
	errcode_t code = ext2fs_file_open(ext4->fs, number, EXT2_FILE_WRITE, &file);

	if (code != 0)
		return ext4_fail(error, code, "%s", path);
	gboolean good = copy_in(file, source_fd, path, error);
	code = ext2fs_file_close(file);
	return good && (code == 0 || ext4_fail(error, code, "%s", path));
}

/* An empty file: without blocks, and with the kind of map the file system uses. Never inside its
 * inode, also where that is possible: libext2fs cannot end such a file where it should. */
static errcode_t make_inode(Ext4 *ext4, ext2_ino_t number, guint mode)
{
	struct ext2_inode inode = { .i_mode = (guint16)(LINUX_S_IFREG | (mode & 07777u)) };
	ext2_extent_handle_t extents;
	errcode_t code = 0;

	inode.i_links_count = 1;
	inode.i_atime = inode.i_ctime = inode.i_mtime = ext4_now(ext4);
	if (ext2fs_has_feature_extents(ext4->fs->super)) {
		code = ext2fs_extent_open2(ext4->fs, number, &inode, &extents);
		if (code == 0)
			ext2fs_extent_free(extents);
	}
	return code ? code : ext2fs_write_new_inode(ext4->fs, number, &inode);
}

/* A folder without room for one more name grows by a block. */
static errcode_t link_name(Ext4 *ext4, const Ext4Place *place, ext2_ino_t number)
{
	errcode_t code =
		ext2fs_link(ext4->fs, place->folder, place->name, number, EXT2_FT_REG_FILE);

	if (code != EXT2_ET_DIR_NO_SPACE)
		return code;
	code = ext2fs_expand_dir(ext4->fs, place->folder);
	return code ? code
		    : ext2fs_link(ext4->fs, place->folder, place->name, number, EXT2_FT_REG_FILE);
}

static gboolean make_file(
	Ext4 *ext4, const Ext4Place *place, guint mode, ext2_ino_t *ret_number, GError **error)
{
	errcode_t code = ext2fs_new_inode(
		ext4->fs, place->folder, (int)(LINUX_S_IFREG | mode), NULL, ret_number);

	if (code == 0)
		ext2fs_inode_alloc_stats2(ext4->fs, *ret_number, +1, 0);
	if (code == 0)
		code = make_inode(ext4, *ret_number, mode);
	if (code == 0)
		code = link_name(ext4, place, *ret_number);
	return code == 0 || ext4_fail(error, code, "%s", place->name);
}

/* A file or link of the name makes way; a folder does not. */
static gboolean clear_place(Ext4 *ext4, const Ext4Place *place, const char *path, GError **error)
{
	struct ext2_inode inode;

	if (place->inode == 0)
		return TRUE;
	if (!ext4_read_inode(ext4, place->inode, &inode, error))
		return FALSE;
	if (LINUX_S_ISDIR(inode.i_mode)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
			"%s: is a folder in the image; a path that ends in / puts the file into it",
			path);
		return FALSE;
	}
	return ext4_remove_name(ext4, place, error);
}

gboolean ext4_write(
	ImageFileSystem *image, const char *path, const ImageNewFile *file, GError **error)
{
	Ext4 *ext4 = (Ext4 *)image;
	ext2_ino_t number;
	Ext4Place place;

	if (!ext4_find(ext4, path, file->follow, &place, error) ||
		!clear_place(ext4, &place, path, error))
		return FALSE;
	if (!place.is_name) {
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: does not name a file", path);
		return FALSE;
	}
	return make_file(ext4, &place, file->mode, &number, error) &&
	       fill_inode(ext4, number, file->source_fd, path, error) &&
	       ext4_touch(ext4, place.folder, error);
}

/* --- folders --- */

static gboolean make_folder(Ext4 *ext4, const Ext4Place *place, const char *path, GError **error)
{
	struct ext2_inode inode;

	if (!ext4_read_inode(ext4, place->folder, &inode, error))
		return FALSE;
	if (inode.i_links_count > FOLDER_LINKS_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"%s: its folder has too many folders", path);
		return FALSE;
	}
	ext4->fs->umask = 0777u & ~(guint)FOLDER_MODE;
	errcode_t code = ext2fs_mkdir(ext4->fs, place->folder, 0, place->name);
	if (code == EXT2_ET_DIR_NO_SPACE) {
		code = ext2fs_expand_dir(ext4->fs, place->folder);
		if (code == 0)
			code = ext2fs_mkdir(ext4->fs, place->folder, 0, place->name);
	}
	return code == 0 ? ext4_touch(ext4, place->folder, error)
			 : ext4_fail(error, code, "%s", path);
}

static gboolean make_one(Ext4 *ext4, const char *path, GError **error)
{
	struct ext2_inode inode;
	Ext4Place place;

	if (!ext4_find(ext4, path, TRUE, &place, error))
		return FALSE;
	if (place.inode == 0)
		return make_folder(ext4, &place, path, error);
	if (!ext4_read_inode(ext4, place.inode, &inode, error))
		return FALSE;
	if (LINUX_S_ISDIR(inode.i_mode))
		return TRUE;
	g_set_error(
		error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "%s: is there and is not a folder", path);
	return FALSE;
}

gboolean ext4_make_folders(ImageFileSystem *image, const char *path, GError **error)
{
	Ext4 *ext4 = (Ext4 *)image;
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	g_autoptr(GString) so_far = g_string_new(NULL);

	for (char **name = names; *name; name++) {
		if (!**name)
			continue;
		g_string_append_printf(so_far, "/%s", *name);
		if (!make_one(ext4, so_far->str, error))
			return FALSE;
	}
	return TRUE;
}
