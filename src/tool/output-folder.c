/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/output-folder.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"
#include "tool/ending.h"

enum { FOLDER_MODE = 0755 };

/* "./a//b/" is shown as "a/b". ".." stays: behind a link it does not undo the part before it. */
static char *tidy(const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	GString *tidied = g_string_new(*path == '/' ? "/" : "");

	for (char **part = parts; *part; part++) {
		if (!**part || g_str_equal(*part, "."))
			continue;
		if (tidied->len > 0 && tidied->str[tidied->len - 1] != '/')
			g_string_append_c(tidied, '/');
		g_string_append(tidied, *part);
	}
	if (tidied->len == 0)
		g_string_append_c(tidied, '.');
	return g_string_free(tidied, FALSE);
}

/* Every folder on the way that was missing is made and noted. */
static gboolean make_folders(OutputFolder *folder, GError **error)
{
	const char *end = folder->path;

	do {
		end = strchrnul(end + 1, '/');
		g_autofree char *part = g_strndup(folder->path, (gsize)(end - folder->path));
		if (mkdir(part, FOLDER_MODE) == 0) {
			g_ptr_array_add(folder->made, g_steal_pointer(&part));
		} else if (errno != EEXIST && errno != EISDIR) {
			rota_set_errno_error(error, errno, "make folder %s", part);
			return FALSE;
		}
	} while (*end);
	return TRUE;
}

gboolean output_folder_open(OutputFolder *folder, const char *path, GError **error)
{
	*folder = (OutputFolder){
		.path = tidy(path),
		.fd = -1,
		.made = g_ptr_array_new_with_free_func(g_free),
		.names = g_ptr_array_new_with_free_func(g_free),
	};
	if (!make_folders(folder, error))
		return FALSE;
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd >= 0)
		return TRUE;
	rota_set_errno_error(error, errno, "open folder %s", folder->path);
	return FALSE;
}

char *output_folder_path_of(const OutputFolder *folder, const char *name)
{
	return g_build_filename(folder->path, name, NULL);
}

gboolean output_folder_sync(const OutputFolder *folder, GError **error)
{
	if (fsync(folder->fd) == 0)
		return TRUE;
	rota_set_errno_error(error, errno, "sync folder %s", folder->path);
	return FALSE;
}

void output_folder_keep(OutputFolder *folder)
{
	g_clear_pointer(&folder->names, g_ptr_array_unref);
	g_clear_pointer(&folder->made, g_ptr_array_unref);
}

void output_folder_clear(OutputFolder *folder)
{
	if (!folder->path)
		return;
	for (guint i = 0; folder->names && i < folder->names->len; i++)
		unlinkat(folder->fd, folder->names->pdata[i], 0);
	/* One that somebody else uses by now is not empty, and stays. */
	for (guint i = folder->made ? folder->made->len : 0; i-- > 0;)
		rmdir(folder->made->pdata[i]);
	file_close_fd(&folder->fd);
	g_clear_pointer(&folder->names, g_ptr_array_unref);
	g_clear_pointer(&folder->made, g_ptr_array_unref);
	g_clear_pointer(&folder->path, g_free);
}

/* --- one file --- */

static gboolean refuse_file(const FolderFile *file, int reason, GError **error)
{
	g_autofree char *path = output_folder_path_of(file->folder, file->name);

	if (reason == EEXIST)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
			"%s: is there already, and nothing is written over", path);
	else
		rota_set_errno_error(error, reason, "write %s", path);
	return FALSE;
}

/* It is in its place, or gone: an interrupted program need not remove it any more. */
static void forget_temporary(FolderFile *file)
{
	g_autofree char *path = output_folder_path_of(file->folder, file->temporary);

	ending_keep(path);
	g_clear_pointer(&file->temporary, g_free);
}

static gboolean open_named(FolderFile *file, mode_t mode)
{
	file->temporary = g_strdup_printf(".%s.%08x", file->name, g_random_int());
	g_autofree char *path = output_folder_path_of(file->folder, file->temporary);
	ending_remove(path);
	file->fd = openat(file->folder->fd, file->temporary,
		O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (file->fd >= 0)
		return TRUE;
	int reason = errno;
	forget_temporary(file);
	errno = reason;
	return FALSE;
}

gboolean folder_file_open(
	FolderFile *file, OutputFolder *folder, const char *name, mode_t mode, GError **error)
{
	*file = (FolderFile){ .folder = folder, .name = g_strdup(name), .fd = -1 };
	g_return_val_if_fail(!strchr(name, '/') && !g_str_equal(name, ".."), FALSE);
	/* Told before gigabytes were unpacked for nothing; what decides is the naming. */
	if (faccessat(folder->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return refuse_file(file, EEXIST, error);
	file->fd = openat(folder->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	if (file->fd >= 0 || open_named(file, mode))
		return TRUE;
	return refuse_file(file, errno, error);
}

/* Neither takes the place of what is there; some file systems have only one of the two. */
static gboolean rename_without_replacing(int folder, const char *from, const char *to)
{
	if (renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0)
		return TRUE;
	if (errno != EINVAL || linkat(folder, from, folder, to, 0) < 0)
		return FALSE;
	unlinkat(folder, from, 0);
	return TRUE;
}

static gboolean give_name(FolderFile *file)
{
	int folder = file->folder->fd;

	if (!file->temporary) {
		g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", file->fd);

		return linkat(AT_FDCWD, self, folder, file->name, AT_SYMLINK_FOLLOW) == 0;
	}
	if (!rename_without_replacing(folder, file->temporary, file->name))
		return FALSE;
	forget_temporary(file);
	return TRUE;
}

gboolean folder_file_commit(FolderFile *file, GError **error)
{
	if (fdatasync(file->fd) < 0 || !give_name(file))
		return refuse_file(file, errno, error);
	g_ptr_array_add(file->folder->names, g_strdup(file->name));
	return TRUE;
}

void folder_file_clear(FolderFile *file)
{
	if (!file->name)
		return;
	file_close_fd(&file->fd);
	if (file->temporary) {
		unlinkat(file->folder->fd, file->temporary, 0);
		forget_temporary(file);
	}
	g_clear_pointer(&file->name, g_free);
}

gboolean output_folder_add(
	OutputFolder *folder, const char *name, mode_t mode, GBytes *bytes, GError **error)
{
	g_auto(FolderFile) file = { 0 };
	gsize size;
	gconstpointer data = g_bytes_get_data(bytes, &size);

	if (!folder_file_open(&file, folder, name, mode, error))
		return FALSE;
	if (!file_write_all(file.fd, data, size, error)) {
		g_prefix_error(error, "%s/%s: ", folder->path, name);
		return FALSE;
	}
	return folder_file_commit(&file, error);
}
