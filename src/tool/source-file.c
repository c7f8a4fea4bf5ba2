/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/source-file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "artifact/file-range.h"
#include "base/error.h"
#include "base/file.h"
#include "tool/sparse-copy.h"

enum { CHUNK_SIZE = 256 * 1024, STANDARD_INPUT_MODE = 0600 };

void source_file_clear(SourceFile *source)
{
	file_close_fd(&source->fd);
}

static gboolean keep_standard_input(SourceFile *source, const char *folder, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(CHUNK_SIZE);

	source->mode = STANDARD_INPUT_MODE;
	source->fd = file_open_nameless(folder ? folder : g_get_tmp_dir(), error);
	if (source->fd < 0)
		return FALSE;
	for (;;) {
		ssize_t got = TEMP_FAILURE_RETRY(read(STDIN_FILENO, buffer, CHUNK_SIZE));

		if (got < 0) {
			rota_set_errno_error(error, errno, "read the standard input");
			return FALSE;
		}
		if (got == 0)
			return sparse_end(source->fd, error);
		if (!sparse_write(source->fd, buffer, (gsize)got, error))
			return FALSE;
	}
}

gboolean source_file_open(SourceFile *source, const char *path, const char *folder, GError **error)
{
	struct stat status;

	if (g_str_equal(path, "-"))
		return keep_standard_input(source, folder, error);
	source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (source->fd < 0 || fstat(source->fd, &status) < 0) {
		rota_set_errno_error(error, errno, "open %s", path);
		return FALSE;
	}
	source->mode = status.st_mode & 07777;
	if (S_ISREG(status.st_mode))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not a regular file", path);
	return FALSE;
}

gboolean source_file_complete(EditPlace *place, const char *path, GError **error)
{
	g_autofree char *name = g_path_get_basename(path);

	if (!place->path || !g_str_has_suffix(place->path, "/"))
		return TRUE;
	if (g_str_equal(path, "-")) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"%s: the standard input has no name: name the file", place->path);
		return FALSE;
	}
	char *whole = g_strconcat(place->path, name, NULL);
	g_free(place->path);
	place->path = whole;
	return TRUE;
}

gboolean source_file_write(Disk *disk, const char *path, gpointer user_data, GError **error)
{
	const SourceFile *source = user_data;
	const ImageNewFile file = { .source_fd = source->fd, .mode = source->mode };

	return disk_write(disk, path, &file, error);
}
