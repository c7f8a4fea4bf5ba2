/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "image/ext4-private.h"

enum { DEPTH_MAX = 512 }; /* of folders in folders; a ring of them ends here, too */

/* A tree while it is taken away. */
typedef struct {
	Ext4 *ext4;
	guint depth;
	GError *error;
} Removal;

static gboolean release(Removal *removal, ext2_ino_t number);

/* Reserved inodes are the file system's own, and one that is not in use has nothing to give back.
 */
static gboolean check_inode(Ext4 *ext4, ext2_ino_t number, GError **error)
{
	struct ext2_super_block *super = ext4->fs->super;

	if (number >= EXT2_FIRST_INODE(super) && number <= super->s_inodes_count &&
		ext2fs_test_inode_bitmap2(ext4->fs->inode_map, number))
		return TRUE;
	return ext4_fail_inconsistent(error, "a name leads to an inode that is not in use");
}

/* Gives back the blocks, the extended attributes and the inode itself. */
static gboolean free_inode(
	Ext4 *ext4, ext2_ino_t number, struct ext2_inode_large *inode, GError **error)
{
	gboolean is_folder = LINUX_S_ISDIR(inode->i_mode);
	struct ext2_inode *small = EXT2_INODE(inode);

	inode->i_links_count = 0;
	inode->i_dtime = ext4_now(ext4);
	errcode_t code = ext2fs_free_ext_attr(ext4->fs, number, inode);
	if (code == 0 && ext2fs_inode_has_valid_blocks2(ext4->fs, small))
		code = ext2fs_punch(ext4->fs, number, small, NULL, 0, ~0ULL);
	if (code == 0)
		code = ext2fs_write_inode_full(ext4->fs, number, small, sizeof *inode);
	if (code != 0)
		return ext4_fail(error, code, "free inode %u", number);
	ext2fs_inode_alloc_stats2(ext4->fs, number, -1, is_folder);
	return TRUE;
}

static int release_entry(ext2_ino_t folder, int kind, struct ext2_dir_entry *entry, int offset,
	int block_size, char *buffer, void *user_data)
{
	return !ext4_is_child(entry) || release(user_data, entry->inode) ? 0 : DIRENT_ABORT;
}

/* All that is in a folder, the names themselves left: its blocks go as a whole. */
static gboolean release_content(Removal *removal, ext2_ino_t folder)
{
	if (removal->depth >= DEPTH_MAX)
		return ext4_fail_inconsistent(&removal->error, "folders in folders without end");
	removal->depth++;
	errcode_t code =
		ext2fs_dir_iterate2(removal->ext4->fs, folder, 0, NULL, release_entry, removal);
	removal->depth--;
	if (removal->error)
		return FALSE;
	return code == 0 || ext4_fail(&removal->error, code, "list inode %u", folder);
}

/* One name of @number less; with its last one it goes. */
static gboolean release(Removal *removal, ext2_ino_t number)
{
	Ext4 *ext4 = removal->ext4;
	struct ext2_inode_large inode = { 0 };
	struct ext2_inode *small = EXT2_INODE(&inode);

	if (!check_inode(ext4, number, &removal->error))
		return FALSE;
	errcode_t code = ext2fs_read_inode_full(ext4->fs, number, small, sizeof inode);
	if (code != 0)
		return ext4_fail(&removal->error, code, "read inode %u", number);
	if (inode.i_links_count == 0)
		return ext4_fail_inconsistent(&removal->error, "a name leads to a removed file");
	if (LINUX_S_ISDIR(inode.i_mode)) {
		if (!release_content(removal, number))
			return FALSE;
		return free_inode(ext4, number, &inode, &removal->error);
	}
	if (inode.i_links_count == 1)
		return free_inode(ext4, number, &inode, &removal->error);
	inode.i_links_count--;
	inode.i_ctime = ext4_now(ext4);
	code = ext2fs_write_inode_full(ext4->fs, number, small, sizeof inode);
	return code == 0 || ext4_fail(&removal->error, code, "write inode %u", number);
}

gboolean ext4_remove_name(Ext4 *ext4, const Ext4Place *place, GError **error)
{
	Removal removal = { .ext4 = ext4 };
	errcode_t code = ext2fs_unlink(ext4->fs, place->folder, place->name, place->inode, 0);

	if (code != 0)
		return ext4_fail(error, code, "%s", place->name);
	if (release(&removal, place->inode))
		return TRUE;
	g_propagate_error(error, removal.error);
	return FALSE;
}

/* The folder's own ".." was a name of its parent. One link alone means: too many to count. */
static gboolean drop_parent_link(Ext4 *ext4, ext2_ino_t parent, GError **error)
{
	struct ext2_inode inode;

	if (!ext4_read_inode(ext4, parent, &inode, error))
		return FALSE;
	if (inode.i_links_count <= 2)
		return inode.i_links_count == 1 ||
		       ext4_fail_inconsistent(error, "the links of a folder");
	inode.i_links_count--;
	errcode_t code = ext2fs_write_inode(ext4->fs, parent, &inode);
	return code == 0 || ext4_fail(error, code, "write inode %u", parent);
}

static int count_entry(ext2_ino_t folder, int kind, struct ext2_dir_entry *entry, int offset,
	int block_size, char *buffer, void *user_data)
{
	gboolean *empty = user_data;

	if (!ext4_is_child(entry))
		return 0;
	*empty = FALSE;
	return DIRENT_ABORT;
}

static gboolean check_folder_goes(
	Ext4 *ext4, const Ext4Place *place, const char *path, gboolean recursive, GError **error)
{
	gboolean empty = TRUE;

	if (recursive)
		return TRUE;
	errcode_t code = ext2fs_dir_iterate2(ext4->fs, place->inode, 0, NULL, count_entry, &empty);
	if (code != 0)
		return ext4_fail(error, code, "%s", path);
	if (empty && g_str_has_suffix(path, "/"))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "%s: %s", path,
		empty ? "is a folder" : "the folder is not empty");
	return FALSE;
}

gboolean ext4_remove(ImageFileSystem *image, const char *path, gboolean recursive, GError **error)
{
	Ext4 *ext4 = (Ext4 *)image;
	struct ext2_inode inode;
	Ext4Place place;

	if (!ext4_find_existing(ext4, path, FALSE, &place, &inode, error))
		return FALSE;
	if (!place.is_name) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: cannot be removed", path);
		return FALSE;
	}
	gboolean is_folder = LINUX_S_ISDIR(inode.i_mode);
	if (is_folder && !check_folder_goes(ext4, &place, path, recursive, error))
		return FALSE;
	return ext4_remove_name(ext4, &place, error) &&
	       (!is_folder || drop_parent_link(ext4, place.folder, error)) &&
	       ext4_touch(ext4, place.folder, error);
}
