/* SPDX-License-Identifier: Apache-2.0 */
/* Paths are walked here and not by ext2fs_namei(): it does not say where a path ended, and it
 * counts its links per link, not per path. */
#include <string.h>
#include "base/error.h"
#include "image/ext4-private.h"

enum {
	LINKS_MAX = 40, /* as Linux' own limit */
	LINK_SIZE_MAX = 4096,
	REST_SIZE_MAX = 64 * 1024,
};

/* A path while it is walked. */
typedef struct {
	Ext4 *ext4;
	const char *path; /* as given, for messages */
	GString *rest;    /* what is still to come */
	ext2_ino_t folder;
	guint n_links;
} Walk;

static gboolean fail(const Walk *walk, RotaError code, const char *why, GError **error)
{
	g_set_error(error, ROTA_ERROR, code, "%s: %s", walk->path, why);
	return FALSE;
}

/* Takes the next name off the rest; FALSE: there is none. @ret_last: only slashes follow. */
static gboolean take_name(Walk *walk, char **ret_name, gboolean *ret_last, gboolean *ret_slash)
{
	gsize start = strspn(walk->rest->str, "/");
	gsize length = strcspn(walk->rest->str + start, "/");
	gsize end = start + length;

	if (length == 0)
		return FALSE;
	*ret_name = g_strndup(walk->rest->str + start, length);
	*ret_slash = walk->rest->str[end] == '/';
	g_string_erase(walk->rest, 0, (gssize)end);
	*ret_last = walk->rest->str[strspn(walk->rest->str, "/")] == '\0';
	return TRUE;
}

static gboolean check_folder(Walk *walk, GError **error)
{
	struct ext2_inode inode;

	if (!ext4_read_inode(walk->ext4, walk->folder, &inode, error))
		return FALSE;
	if (!LINUX_S_ISDIR(inode.i_mode))
		return fail(walk, ROTA_ERROR_CONFLICT, "a name on the way is not a folder", error);
	if (inode.i_flags & EXT4_ENCRYPT_FL)
		return fail(walk, ROTA_ERROR_UNSUPPORTED, "lies in an encrypted folder", error);
	if (inode.i_flags & EXT4_CASEFOLD_FL)
		return fail(walk, ROTA_ERROR_UNSUPPORTED,
			"lies in a folder whose names have no case", error);
	return TRUE;
}

/* 0: not there. */
static gboolean look_up(Walk *walk, const char *name, ext2_ino_t *ret_inode, GError **error)
{
	*ret_inode = 0;
	if (!check_folder(walk, error))
		return FALSE;
	if (strlen(name) > EXT4_NAME_SIZE_MAX)
		return fail(walk, ROTA_ERROR_INVALID, "a name is longer than 255 bytes", error);
	errcode_t code = ext2fs_lookup(
		walk->ext4->fs, walk->folder, name, (int)strlen(name), NULL, ret_inode);
	if (code == EXT2_ET_FILE_NOT_FOUND) {
		*ret_inode = 0;
		return TRUE;
	}
	return code == 0 || ext4_fail(error, code, "%s", walk->path);
}

/* What the link says comes before the rest of the path. */
static gboolean follow_link(
	Walk *walk, ext2_ino_t number, const struct ext2_inode *inode, GError **error)
{
	if (++walk->n_links > LINKS_MAX)
		return fail(walk, ROTA_ERROR_CONFLICT, "too many symbolic links", error);
	g_autofree char *target = ext4_read_text(walk->ext4, number, inode, LINK_SIZE_MAX, error);
	if (!target)
		return FALSE;
	if (!*target || strlen(target) + walk->rest->len > REST_SIZE_MAX)
		return fail(walk, ROTA_ERROR_CONFLICT, "a symbolic link that leads nowhere", error);
	g_string_prepend(walk->rest, target);
	if (*target == '/')
		walk->folder = EXT2_ROOT_INO;
	return TRUE;
}

static gboolean fail_folder(const Walk *walk, const char *name, GError **error)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND,
		"%s: the folder %s does not exist in the image", walk->path, name);
	return FALSE;
}

static void set_place(Ext4Place *place, ext2_ino_t folder, ext2_ino_t inode, const char *name)
{
	*place = (Ext4Place){ .folder = folder, .inode = inode };
	place->is_name = !g_str_equal(name, ".") && !g_str_equal(name, "..");
	g_strlcpy(place->name, name, sizeof place->name);
}

/* One name. *ret_done: it was the last, and @ret_place is it. */
static gboolean step(
	Walk *walk, gboolean follow, Ext4Place *ret_place, gboolean *ret_done, GError **error)
{
	g_autofree char *name = NULL;
	struct ext2_inode inode;
	ext2_ino_t number;
	gboolean last, slash;

	*ret_done = FALSE;
	if (!take_name(walk, &name, &last, &slash)) {
		set_place(ret_place, walk->folder, walk->folder, ".");
		*ret_done = TRUE;
		return TRUE;
	}
	if (!look_up(walk, name, &number, error))
		return FALSE;
	if (number == 0) {
		set_place(ret_place, walk->folder, 0, name);
		*ret_done = last;
		return last || fail_folder(walk, name, error);
	}
	if (!ext4_read_inode(walk->ext4, number, &inode, error))
		return FALSE;
	if (LINUX_S_ISLNK(inode.i_mode) && (!last || slash || follow))
		return follow_link(walk, number, &inode, error);
	if (last && slash && !LINUX_S_ISDIR(inode.i_mode))
		return fail(walk, ROTA_ERROR_CONFLICT, "is not a folder", error);
	set_place(ret_place, walk->folder, number, name);
	*ret_done = last;
	walk->folder = number;
	return TRUE;
}

gboolean ext4_find(
	Ext4 *ext4, const char *path, gboolean follow, Ext4Place *ret_place, GError **error)
{
	g_autoptr(GString) rest = g_string_new(path);
	Walk walk = { .ext4 = ext4, .path = path, .rest = rest, .folder = EXT2_ROOT_INO };
	gboolean done = FALSE;

	if (rest->len > REST_SIZE_MAX)
		return fail(&walk, ROTA_ERROR_INVALID, "the path is too long", error);
	while (!done)
		if (!step(&walk, follow, ret_place, &done, error))
			return FALSE;
	return TRUE;
}

gboolean ext4_find_existing(Ext4 *ext4, const char *path, gboolean follow, Ext4Place *ret_place,
	struct ext2_inode *ret_inode, GError **error)
{
	if (!ext4_find(ext4, path, follow, ret_place, error))
		return FALSE;
	if (ret_place->inode != 0)
		return ext4_read_inode(ext4, ret_place->inode, ret_inode, error);
	g_set_error(
		error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "%s: does not exist in the image", path);
	return FALSE;
}
