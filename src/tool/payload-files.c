/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/payload-files.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "artifact/tar-writer.h"
#include "base/error.h"
#include "base/file.h"

void payload_files_init(PayloadFiles *files)
{
	files->names = g_ptr_array_new_null_terminated(4, g_free, TRUE);
	files->paths = g_ptr_array_new_null_terminated(4, g_free, TRUE);
	files->fds = g_array_new(FALSE, FALSE, sizeof(int));
}

void payload_files_add_path(PayloadFiles *files, const char *name, const char *path)
{
	g_ptr_array_add(files->names, name ? g_strdup(name) : g_path_get_basename(path));
	g_ptr_array_add(files->paths, g_strdup(path));
}

void payload_files_add_fd(PayloadFiles *files, const char *name, int fd)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);

	g_array_append_val(files->fds, fd);
	payload_files_add_path(files, name, path);
}

gboolean payload_files_add_line(
	PayloadFiles *files, const char *name, const char *line, GError **error)
{
	g_autofree char *text = g_strconcat(line, "\n", NULL);
	autofd int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0) {
		rota_set_errno_error(error, errno, "make %s", name);
		return FALSE;
	}
	if (!file_write_all(fd, text, strlen(text), error))
		return FALSE;
	payload_files_add_fd(files, name, fd);
	fd = -1;
	return TRUE;
}

void payload_files_give(const PayloadFiles *files, ArtifactSpec *spec)
{
	spec->file_paths = (char **)files->paths->pdata;
	spec->file_names = (char **)files->names->pdata;
}

void payload_files_clear(PayloadFiles *files)
{
	for (guint i = 0; files->fds && i < files->fds->len; i++)
		close(g_array_index(files->fds, int, i));
	g_clear_pointer(&files->fds, g_array_unref);
	g_clear_pointer(&files->names, g_ptr_array_unref);
	g_clear_pointer(&files->paths, g_ptr_array_unref);
}

/* The end of a name says what it is; the beginning is what goes where it is too long. */
char *payload_files_plain_name(const char *name)
{
	gsize size = strlen(name);
	const char *from = size > TAR_NAME_SIZE_MAX ? name + size - TAR_NAME_SIZE_MAX : name;
	char *plain = g_strdup(from);

	return g_strcanon(
		plain, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,", '_');
}
