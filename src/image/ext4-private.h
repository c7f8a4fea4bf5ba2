/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <ext2fs/ext2fs.h>
#include "image/image.h"

/* What the files of ext4 share. */
typedef struct {
	ImageFileSystem image;
	ext2_filsys fs;
	ImageRange range;
} Ext4;

enum { EXT4_NAME_SIZE_MAX = 255 };

/* Where a path leads to. */
typedef struct {
	ext2_ino_t folder; /* the one its last name stands in */
	ext2_ino_t inode;  /* 0: there is no such name in @folder */
	char name[EXT4_NAME_SIZE_MAX + 1];
	gboolean is_name; /* FALSE: the path ends in "/", "." or "..", and has no name to act on */
} Ext4Place;

/* Sets @error from a code of libext2fs; returns FALSE. */
gboolean ext4_fail(GError **error, errcode_t code, const char *format, ...) G_GNUC_PRINTF(3, 4);
gboolean ext4_fail_inconsistent(GError **error, const char *what);

/* The channel libext2fs reads and writes through: bounds that no image can talk it out of. */
io_manager ext4_channel_manager(void);
/* (transfer full): the name by which the manager finds the range. */
char *ext4_channel_name(const ImageRange *range);

/* Do the numbers of the superblock fit each other, and the range? */
gboolean ext4_check_superblock(const ImageRange *range, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Replays the journal with e2fsck. */
gboolean ext4_recover(const ImageRange *range, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * ext4_find:
 * @follow: a link at the end of @path is followed, too
 *
 * ROTA_ERROR_NOT_FOUND where a folder on the way is not there; a last name that is not there is
 * @ret_place->inode 0.
 */
gboolean ext4_find(Ext4 *ext4, const char *path, gboolean follow, Ext4Place *ret_place,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* As above; what @path names must be there, and is read. */
gboolean ext4_find_existing(Ext4 *ext4, const char *path, gboolean follow, Ext4Place *ret_place,
	struct ext2_inode *ret_inode, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean ext4_read_inode(Ext4 *ext4, ext2_ino_t number, struct ext2_inode *ret_inode,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* All of a link's or small file's content, at most @size_max bytes; NULL with @error. */
char *ext4_read_text(Ext4 *ext4, ext2_ino_t number, const struct ext2_inode *inode, gsize size_max,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Is it a name of its own, neither free nor "." nor ".."? */
gboolean ext4_is_child(const struct ext2_dir_entry *entry);

guint32 ext4_now(const Ext4 *ext4);
/* The time of a folder in which a name came or went. */
gboolean ext4_touch(Ext4 *ext4, ext2_ino_t folder, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The operations that are files of their own. */
gboolean ext4_read(ImageFileSystem *image, const char *path, ImageSink sink, gpointer user_data,
	GError **error);
gboolean ext4_write(
	ImageFileSystem *image, const char *path, const ImageNewFile *file, GError **error);
gboolean ext4_make_folders(ImageFileSystem *image, const char *path, GError **error);
gboolean ext4_remove(ImageFileSystem *image, const char *path, gboolean recursive, GError **error);
/* Takes a file, link or device of @place away, so that another can take its name. */
gboolean ext4_remove_name(
	Ext4 *ext4, const Ext4Place *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;
