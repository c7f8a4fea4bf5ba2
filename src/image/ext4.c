/* SPDX-License-Identifier: Apache-2.0 */
#include "image/ext4.h"
#include <errno.h>
#include <et/com_err.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "image/ext4-private.h"

/* --- errors --- */

/* libext2fs tells some things to the standard error itself; ours says them in its own words. */
static void stay_silent(const char *who, errcode_t code, const char *format, va_list arguments)
{
}

static void prepare_errors(void)
{
	static gsize done;

	if (!g_once_init_enter(&done))
		return;
	initialize_ext2_error_table();
	set_com_err_hook(stay_silent);
	g_once_init_leave(&done, 1);
}

static RotaError code_of(errcode_t code)
{
	switch (code) {
	case EXT2_ET_BLOCK_ALLOC_FAIL:
	case EXT2_ET_INODE_ALLOC_FAIL:
	case ENOSPC:
	case EDQUOT:
		return ROTA_ERROR_UNAVAILABLE;
	case EXT2_ET_FILE_NOT_FOUND:
		return ROTA_ERROR_NOT_FOUND;
	case EXT2_ET_FILE_TOO_BIG:
		return ROTA_ERROR_TOO_LARGE;
	case EXT2_ET_UNSUPP_FEATURE:
	case EXT2_ET_RO_UNSUPP_FEATURE:
		return ROTA_ERROR_UNSUPPORTED;
	default:
		return code >= EXT2_ET_BASE ? ROTA_ERROR_CORRUPT : ROTA_ERROR_IO;
	}
}

static const char *words_of(errcode_t code)
{
	if (code == EXT2_ET_BLOCK_ALLOC_FAIL)
		return "the file system in the image is full";
	if (code == EXT2_ET_INODE_ALLOC_FAIL)
		return "the file system in the image has no inode left";
	if (code == EXT2_ET_UNSUPP_FEATURE || code == EXT2_ET_RO_UNSUPP_FEATURE)
		return "the file system has a feature that is not known here";
	return error_message(code);
}

gboolean ext4_fail(GError **error, errcode_t code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *what = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_set_error(error, ROTA_ERROR, code_of(code), "%s: %s", what, words_of(code));
	return FALSE;
}

gboolean ext4_fail_inconsistent(GError **error, const char *what)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
		"%s: the file system contradicts itself; e2fsck -f repairs it", what);
	return FALSE;
}

/* --- inodes --- */

gboolean ext4_read_inode(
	Ext4 *ext4, ext2_ino_t number, struct ext2_inode *ret_inode, GError **error)
{
	errcode_t code = ext2fs_read_inode(ext4->fs, number, ret_inode);

	return code == 0 || ext4_fail(error, code, "read inode %u", number);
}

/* Later than 2038 needs the extra bits of large inodes, which are left alone: the clock stops
 * there. */
guint32 ext4_now(const Ext4 *ext4)
{
	return (guint32)CLAMP(ext4->range.now_s, 0, G_MAXINT32);
}

gboolean ext4_touch(Ext4 *ext4, ext2_ino_t folder, GError **error)
{
	struct ext2_inode inode;

	if (!ext4_read_inode(ext4, folder, &inode, error))
		return FALSE;
	inode.i_mtime = inode.i_ctime = ext4_now(ext4);
	errcode_t code = ext2fs_write_inode(ext4->fs, folder, &inode);
	return code == 0 || ext4_fail(error, code, "write inode %u", folder);
}

static ImageKind kind_of(guint mode)
{
	if (LINUX_S_ISREG(mode))
		return IMAGE_FILE;
	if (LINUX_S_ISDIR(mode))
		return IMAGE_FOLDER;
	return LINUX_S_ISLNK(mode) ? IMAGE_LINK : IMAGE_OTHER;
}

static gboolean ext4_stat(
	ImageFileSystem *image, const char *path, ImageStat *ret_stat, GError **error)
{
	Ext4 *ext4 = (Ext4 *)image;
	struct ext2_inode inode;
	Ext4Place place;

	if (!ext4_find_existing(ext4, path, TRUE, &place, &inode, error))
		return FALSE;
	*ret_stat = (ImageStat){
		.kind = kind_of(inode.i_mode),
		.mode = inode.i_mode & 07777u,
		.user = inode_uid(inode),
		.group = inode_gid(inode),
		.size = EXT2_I_SIZE(&inode),
		.modified_s = (gint32)inode.i_mtime,
	};
	return TRUE;
}

static gboolean ext4_set_mode(ImageFileSystem *image, const char *path, guint mode, GError **error)
{
	Ext4 *ext4 = (Ext4 *)image;
	struct ext2_inode inode;
	Ext4Place place;

	if (!ext4_find_existing(ext4, path, TRUE, &place, &inode, error))
		return FALSE;
	inode.i_mode = (guint16)((inode.i_mode & ~07777u) | (mode & 07777u));
	inode.i_ctime = ext4_now(ext4);
	errcode_t code = ext2fs_write_inode(ext4->fs, place.inode, &inode);
	return code == 0 || ext4_fail(error, code, "%s", path);
}

typedef struct {
	ImageNameSink sink;
	gpointer user_data;
	GError *error;
} Listing;

/* By name, for where it lies says nothing: a folder inside its inode has no ".". */
gboolean ext4_is_child(const struct ext2_dir_entry *entry)
{
	int size = ext2fs_dirent_name_len(entry);
	gboolean is_dot = size == 1 && entry->name[0] == '.';
	gboolean is_up = size == 2 && entry->name[0] == '.' && entry->name[1] == '.';

	return entry->inode != 0 && !is_dot && !is_up;
}

static int list_entry(ext2_ino_t folder, int kind, struct ext2_dir_entry *entry, int offset,
	int block_size, char *buffer, void *user_data)
{
	Listing *listing = user_data;
	g_autofree char *name = g_strndup(entry->name, (gsize)ext2fs_dirent_name_len(entry));

	if (!ext4_is_child(entry))
		return 0;
	return listing->sink(name, listing->user_data, &listing->error) ? 0 : DIRENT_ABORT;
}

static gboolean ext4_list(ImageFileSystem *image, const char *path, ImageNameSink sink,
	gpointer user_data, GError **error)
{
	Ext4 *ext4 = (Ext4 *)image;
	Listing listing = { sink, user_data, NULL };
	struct ext2_inode inode;
	Ext4Place place;

	if (!ext4_find_existing(ext4, path, TRUE, &place, &inode, error))
		return FALSE;
	if (!LINUX_S_ISDIR(inode.i_mode)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "%s: is not a folder", path);
		return FALSE;
	}
	errcode_t code = ext2fs_dir_iterate2(ext4->fs, place.inode, 0, NULL, list_entry, &listing);
	if (listing.error) {
		g_propagate_error(error, listing.error);
		return FALSE;
	}
	return code == 0 || ext4_fail(error, code, "%s", path);
}

/* --- opening and closing --- */

static gboolean refuse_feature(GError **error, const char *feature)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
		"the file system cannot be changed: it has the feature %s", feature);
	return FALSE;
}

static gboolean is_clean(const Ext4 *ext4)
{
	guint state = ext4->fs->super->s_state;

	return (state & EXT2_VALID_FS) != 0 && (state & EXT2_ERROR_FS) == 0;
}

static gboolean check_writable(const Ext4 *ext4, GError **error)
{
	struct ext2_super_block *super = ext4->fs->super;

	if (ext2fs_has_feature_quota(super))
		return refuse_feature(error, "quota, whose sums would no longer hold");
	if (ext2fs_has_feature_shared_blocks(super) || ext2fs_has_feature_readonly(super))
		return refuse_feature(error, "read-only");
	return is_clean(ext4) || ext4_fail_inconsistent(error, "it was not unmounted cleanly");
}

/* To look at one that was not unmounted, its journal is enough; to change it, it must be sound. */
static gboolean needs_recovery(const Ext4 *ext4)
{
	struct ext2_super_block *super = ext4->fs->super;

	return ext2fs_has_feature_journal_needs_recovery(super) ||
	       ext2fs_has_feature_orphan_present(super) || super->s_last_orphan != 0 ||
	       (ext4->range.writable && !is_clean(ext4));
}

static gboolean open_file_system(Ext4 *ext4, GError **error)
{
	g_autofree char *name = ext4_channel_name(&ext4->range);
	int flags =
		EXT2_FLAG_64BITS | EXT2_FLAG_SKIP_MMP | (ext4->range.writable ? EXT2_FLAG_RW : 0);

	if (!ext4_check_superblock(&ext4->range, error))
		return FALSE;
	errcode_t code = ext2fs_open2(name, NULL, flags, 0, 0, ext4_channel_manager(), &ext4->fs);
	if (code != 0)
		return ext4_fail(error, code, "ext4");
	ext4->fs->now = (time_t)ext4->range.now_s;
	return TRUE;
}

static gboolean recover(Ext4 *ext4, GError **error)
{
	if (!ext4->range.writable) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_PRECONDITION,
			"the journal of the file system must be replayed first");
		return FALSE;
	}
	ext2fs_free(ext4->fs);
	ext4->fs = NULL;
	return ext4_recover(&ext4->range, error) && open_file_system(ext4, error);
}

static gboolean prepare(Ext4 *ext4, GError **error)
{
	if (!open_file_system(ext4, error) || (needs_recovery(ext4) && !recover(ext4, error)))
		return FALSE;
	if (!ext4->range.writable)
		return TRUE;
	if (!check_writable(ext4, error))
		return FALSE;
	errcode_t code = ext2fs_read_bitmaps(ext4->fs);
	return code == 0 || ext4_fail(error, code, "read the bitmaps");
}

static gboolean ext4_finish(ImageFileSystem *image, GError **error)
{
	Ext4 *ext4 = (Ext4 *)image;

	if (!ext4->range.writable)
		return TRUE;
	errcode_t code = ext2fs_flush(ext4->fs);
	return code == 0 || ext4_fail(error, code, "write the file system");
}

/* ext2fs_close() would write what was changed so far; only finish may. */
static void ext4_free(ImageFileSystem *image)
{
	Ext4 *ext4 = (Ext4 *)image;

	if (ext4->fs)
		ext2fs_free(ext4->fs);
	g_free(ext4);
}

static const ImageOperations ext4_operations = {
	.name = "ext4",
	.stat = ext4_stat,
	.read = ext4_read,
	.list = ext4_list,
	.write = ext4_write,
	.make_folders = ext4_make_folders,
	.set_mode = ext4_set_mode,
	.remove = ext4_remove,
	.finish = ext4_finish,
	.free = ext4_free,
};

ImageFileSystem *ext4_open(const ImageRange *range, GError **error)
{
	Ext4 *ext4 = g_new0(Ext4, 1);
	g_autoptr(ImageFileSystem) image = &ext4->image;

	prepare_errors();
	ext4->image.operations = &ext4_operations;
	ext4->range = *range;
	if (!prepare(ext4, error))
		return NULL;
	return g_steal_pointer(&image);
}
