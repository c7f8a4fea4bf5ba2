/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"

/* Folders below a tree that is removed: deeper ones are refused rather than run out of descriptors.
 */
enum { TREE_DEPTH_MAX = 200 };

void file_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

gboolean file_write_all(int fd, gconstpointer data, gsize size, GError **error)
{
	const guint8 *at = data;

	while (size > 0) {
		ssize_t written = write(fd, at, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0) {
			rota_set_errno_error(error, errno, "write");
			return FALSE;
		}
		at += written;
		size -= (gsize)written;
	}
	return TRUE;
}

gboolean file_sync_folder(const char *path, GError **error)
{
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0) {
		rota_set_errno_error(error, errno, "sync folder %s", path);
		return FALSE;
	}
	return TRUE;
}

static gboolean fill_and_sync(
	int fd, const char *path, gconstpointer data, gsize size, mode_t mode, GError **error)
{
	if (!file_write_all(fd, data, size, error)) {
		g_prefix_error(error, "%s: ", path);
		return FALSE;
	}
	if (fchmod(fd, mode) != 0 || fsync(fd) != 0) {
		rota_set_errno_error(error, errno, "sync %s", path);
		return FALSE;
	}
	return TRUE;
}

gboolean file_write_atomic(
	const char *path, gconstpointer data, gsize size, mode_t mode, GError **error)
{
	g_autofree char *temporary = g_strdup_printf("%s.XXXXXX", path);
	g_autofree char *folder = g_path_get_dirname(path);
	autofd int fd = g_mkstemp_full(temporary, O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0) {
		rota_set_errno_error(error, errno, "make a temporary file beside %s", path);
		return FALSE;
	}
	if (!fill_and_sync(fd, temporary, data, size, mode, error)) {
		unlink(temporary);
		return FALSE;
	}
	if (rename(temporary, path) != 0) {
		rota_set_errno_error(error, errno, "rename %s", path);
		unlink(temporary);
		return FALSE;
	}
	return file_sync_folder(folder, error);
}

static gboolean read_all(int fd, GByteArray *bytes, gsize size_max, GError **error)
{
	guint8 chunk[16384];

	for (;;) {
		ssize_t n_read = read(fd, chunk, sizeof chunk);

		if (n_read < 0 && errno == EINTR)
			continue;
		if (n_read < 0) {
			rota_set_errno_error(error, errno, "read");
			return FALSE;
		}
		if (n_read == 0)
			return TRUE;
		if ((gsize)n_read > size_max - bytes->len) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
				"larger than %" G_GSIZE_FORMAT " bytes", size_max);
			return FALSE;
		}
		g_byte_array_append(bytes, chunk, (guint)n_read);
	}
}

GBytes *file_read(const char *path, gsize size_max, GError **error)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		rota_set_errno_error(error, errno, "open %s", path);
		return NULL;
	}
	if (!read_all(fd, bytes, MIN(size_max, G_MAXINT32), error)) {
		g_prefix_error(error, "%s: ", path);
		return NULL;
	}
	return g_byte_array_free_to_bytes(g_steal_pointer(&bytes));
}

char *file_read_text(const char *path, gsize size_max, GError **error)
{
	g_autoptr(GBytes) bytes = file_read(path, size_max, error);
	gsize size = bytes != NULL ? g_bytes_get_size(bytes) : 0;

	if (bytes == NULL)
		return NULL;
	/* The data of no bytes is NULL, and so is a copy of NULL. */
	return size > 0 ? g_strndup(g_bytes_get_data(bytes, NULL), size) : g_strdup("");
}

gboolean file_make_folders(const char *path, mode_t mode, GError **error)
{
	if (g_mkdir_with_parents(path, (int)mode) != 0) {
		rota_set_errno_error(error, errno, "make folder %s", path);
		return FALSE;
	}
	return TRUE;
}

static gboolean remove_entry(int folder_fd, const char *name, guint depth, GError **error);

static gboolean remove_entries(int fd, const char *name, guint depth, GError **error)
{
	DIR *folder = fdopendir(fd);
	gboolean ok = TRUE;

	if (folder == NULL) {
		rota_set_errno_error(error, errno, "list %s", name);
		close(fd);
		return FALSE;
	}
	for (struct dirent *entry; ok && (entry = readdir(folder)) != NULL;) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			ok = remove_entry(dirfd(folder), entry->d_name, depth + 1, error);
	}
	closedir(folder);
	return ok;
}

static gboolean remove_entry(int folder_fd, const char *name, guint depth, GError **error)
{
	int fd;

	if (unlinkat(folder_fd, name, 0) == 0 || errno == ENOENT)
		return TRUE;
	if (errno != EISDIR && errno != EPERM) {
		rota_set_errno_error(error, errno, "remove %s", name);
		return FALSE;
	}
	if (depth > TREE_DEPTH_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"remove %s: folders are nested deeper than %d", name, TREE_DEPTH_MAX);
		return FALSE;
	}
	fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		rota_set_errno_error(error, errno, "open folder %s", name);
		return FALSE;
	}
	if (!remove_entries(fd, name, depth, error))
		return FALSE;
	if (unlinkat(folder_fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
		rota_set_errno_error(error, errno, "remove folder %s", name);
		return FALSE;
	}
	return TRUE;
}

gboolean file_remove_tree(const char *path, GError **error)
{
	return remove_entry(AT_FDCWD, path, 0, error);
}
