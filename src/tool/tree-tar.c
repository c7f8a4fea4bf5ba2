/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/tree-tar.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"

enum { READ_SIZE = 256 * 1024, ATTRIBUTES_SIZE_MAX = 64 * 1024 };

typedef struct archive Archive;
typedef struct archive_entry ArchiveEntry;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_write_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ArchiveEntry, archive_entry_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FTS, fts_close)

typedef struct {
	const TreeTarChoice *choice;
	const char *folder; /* as fts shows it, without slashes at its end */
	Compressor compressor;
	int fd;
	Archive *archive;
	GHashTable *links; /* char * "device:inode" to char *, the name in the archive */
	TreeTarCounts *counts;
	GError *failure; /* of the sink, below libarchive */
} Tree;

static gboolean fail(Tree *tree, const char *path, GError **error)
{
	if (tree->failure)
		g_propagate_error(error, g_steal_pointer(&tree->failure));
	else
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_IO, "pack %s: %s", path,
			archive_error_string(tree->archive));
	return FALSE;
}

static gboolean write_packed(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	const Tree *tree = user_data;

	return file_write_all(tree->fd, data, size, error);
}

static la_ssize_t push(Archive *archive, void *data, const void *buffer, size_t size)
{
	Tree *tree = data;

	if (compressor_push(&tree->compressor, buffer, size, &tree->failure))
		return (la_ssize_t)size;
	archive_set_error(archive, EIO, "the archive cannot be written");
	return -1;
}

/* --- one entry --- */

/* Labels that a system gives to every file by itself are nobody's loss. */
static gboolean has_attributes(const char *path)
{
	g_autofree char *names = g_malloc(ATTRIBUTES_SIZE_MAX);
	ssize_t size = llistxattr(path, names, ATTRIBUTES_SIZE_MAX);

	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1)
		if (!g_str_equal(names + at, "security.selinux"))
			return TRUE;
	return size < 0 && errno == ERANGE;
}

/* "./etc/x.conf" of "FOLDER/etc/x.conf" */
static char *archive_name(const Tree *tree, const FTSENT *found)
{
	gsize above = g_str_equal(tree->folder, "/") ? 0 : strlen(tree->folder);

	return g_strconcat(tree->choice->name, found->fts_path + above, NULL);
}

static gboolean set_link(
	Tree *tree, ArchiveEntry *entry, const FTSENT *found, const char *name, GError **error)
{
	const struct stat *status = found->fts_statp;

	if (S_ISLNK(status->st_mode)) {
		g_autofree char *target = g_file_read_link(found->fts_accpath, error);

		archive_entry_set_symlink(entry, target);
		return target != NULL;
	}
	if (status->st_nlink < 2 || S_ISDIR(status->st_mode))
		return TRUE;
	g_autofree char *key = g_strdup_printf("%llx:%llx", (unsigned long long)status->st_dev,
		(unsigned long long)status->st_ino);
	const char *first = g_hash_table_lookup(tree->links, key);
	if (first) {
		archive_entry_set_hardlink(entry, first);
		archive_entry_set_size(entry, 0);
	} else {
		g_hash_table_insert(tree->links, g_steal_pointer(&key), g_strdup(name));
	}
	return TRUE;
}

static ArchiveEntry *make_entry(Tree *tree, const FTSENT *found, GError **error)
{
	const TreeTarChoice *choice = tree->choice;
	const struct stat *status = found->fts_statp;
	g_autoptr(ArchiveEntry) entry = archive_entry_new();
	g_autofree char *name = archive_name(tree, found);

	archive_entry_set_pathname(entry, name);
	archive_entry_set_mode(entry, status->st_mode);
	archive_entry_set_size(entry, S_ISREG(status->st_mode) ? status->st_size : 0);
	archive_entry_set_mtime(
		entry, choice->has_time ? (time_t)choice->time_s : status->st_mtim.tv_sec, 0);
	archive_entry_set_uid(entry, choice->has_owner ? choice->uid : status->st_uid);
	archive_entry_set_gid(entry, choice->has_owner ? choice->gid : status->st_gid);
	if (S_ISBLK(status->st_mode) || S_ISCHR(status->st_mode))
		archive_entry_set_rdev(entry, status->st_rdev);
	if (!set_link(tree, entry, found, name, error))
		return NULL;
	return g_steal_pointer(&entry);
}

static gboolean copy_content(Tree *tree, const FTSENT *found, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(READ_SIZE);
	guint64 left = (guint64)found->fts_statp->st_size;
	autofd int fd = open(found->fts_accpath, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	while (fd >= 0 && left > 0) {
		ssize_t got = TEMP_FAILURE_RETRY(read(fd, buffer, MIN(left, READ_SIZE)));

		if (got < 0)
			break;
		if (got == 0) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
				"%s: changed while it was read", found->fts_path);
			return FALSE;
		}
		if (archive_write_data(tree->archive, buffer, (size_t)got) != got)
			return fail(tree, found->fts_path, error);
		left -= (guint64)got;
	}
	if (fd >= 0 && left == 0)
		return TRUE;
	rota_set_errno_error(error, errno, "read %s", found->fts_path);
	return FALSE;
}

static gboolean pack_entry(Tree *tree, const FTSENT *found, GError **error)
{
	if (S_ISSOCK(found->fts_statp->st_mode)) {
		tree->counts->n_sockets++;
		return TRUE;
	}
	g_autoptr(ArchiveEntry) entry = make_entry(tree, found, error);
	if (!entry)
		return FALSE;
	tree->counts->n_entries++;
	tree->counts->n_attributes += has_attributes(found->fts_accpath);
	if (archive_write_header(tree->archive, entry) != ARCHIVE_OK)
		return fail(tree, found->fts_path, error);
	return archive_entry_size(entry) == 0 || copy_content(tree, found, error);
}

/* --- the tree --- */

static int compare_names(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static gboolean pack_entries(Tree *tree, FTS *walk, GError **error)
{
	for (;;) {
		errno = 0;
		const FTSENT *found = fts_read(walk);

		if (!found && errno == 0)
			return TRUE;
		if (!found || found->fts_info == FTS_ERR || found->fts_info == FTS_DNR ||
			found->fts_info == FTS_NS) {
			rota_set_errno_error(error, found ? found->fts_errno : errno, "read %s",
				found ? found->fts_path : tree->folder);
			return FALSE;
		}
		if (found->fts_info != FTS_DP && !pack_entry(tree, found, error))
			return FALSE;
	}
}

static gboolean pack_tree(Tree *tree, GError **error)
{
	char *roots[] = { (char *)(guintptr)tree->folder, NULL };
	g_autoptr(FTS) walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, compare_names);

	if (!walk) {
		rota_set_errno_error(error, errno, "read %s", tree->folder);
		return FALSE;
	}
	/* The dialect of GNU tar: small ones on devices skip the records of the newer one, and with
	 * them long names. */
	if (archive_write_set_format_gnutar(tree->archive) != ARCHIVE_OK ||
		archive_write_open(tree->archive, tree, NULL, push, NULL) != ARCHIVE_OK)
		return fail(tree, tree->folder, error);
	if (!pack_entries(tree, walk, error))
		return FALSE;
	if (archive_write_close(tree->archive) != ARCHIVE_OK)
		return fail(tree, tree->folder, error);
	return compressor_finish(&tree->compressor, error);
}

/* fts keeps a slash at the end of what it is given. */
static char *without_slashes(const char *path)
{
	g_autofree char *plain = g_strdup(path);

	for (gsize size = strlen(plain); size > 1 && plain[size - 1] == '/'; size--)
		plain[size - 1] = '\0';
	return g_steal_pointer(&plain);
}

static gboolean check_folder(const char *path, GError **error)
{
	struct stat status;

	if (stat(path, &status) < 0) {
		rota_set_errno_error(error, errno, "open %s", path);
		return FALSE;
	}
	if (S_ISDIR(status.st_mode))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not a folder", path);
	return FALSE;
}

gboolean tree_tar_write(const char *folder, const TreeTarChoice *choice, int fd,
	TreeTarCounts *ret_counts, GError **error)
{
	/* A link to a folder is the folder that was meant. */
	g_autofree char *real = realpath(folder, NULL);
	g_autofree char *plain = without_slashes(real ? real : folder);
	g_autoptr(GHashTable) links =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(Archive) archive = archive_write_new();
	Tree tree = { choice, plain, { 0 }, fd, archive, links, ret_counts, NULL };

	*ret_counts = (TreeTarCounts){ 0 };
	if (!check_folder(folder, error) || !compressor_open(&tree.compressor, &choice->compression,
						    write_packed, &tree, error))
		return FALSE;
	gboolean packed = pack_tree(&tree, error);
	/* Nothing goes to the sink any more when the archive is freed. */
	if (!packed)
		archive_write_fail(archive);
	compressor_close(&tree.compressor);
	g_clear_error(&tree.failure);
	return packed;
}
