/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/file-range.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "artifact/output.h"
#include "base/error.h"
#include "base/file.h"

enum { PART_SIZE = 1024 * 1024 };

gboolean file_is_seekable(int fd, guint64 *ret_position)
{
	struct stat status;
	int flags = fcntl(fd, F_GETFL);
	off_t position = lseek(fd, 0, SEEK_CUR);

	*ret_position = (guint64)position;
	return position >= 0 && flags >= 0 && (flags & O_ACCMODE) == O_RDWR &&
	       (flags & O_APPEND) == 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

gboolean file_seek(int fd, guint64 position, GError **error)
{
	return lseek(fd, (off_t)position, SEEK_SET) >= 0 || output_fail(errno, error);
}

gboolean file_cut_here(int fd, GError **error)
{
	off_t position = lseek(fd, 0, SEEK_CUR);

	return (position >= 0 && ftruncate(fd, position) == 0) || output_fail(errno, error);
}

static gboolean read_part(int fd, guint8 *buffer, gsize size, guint64 offset, GError **error)
{
	for (gsize done = 0; done < size;) {
		ssize_t got = TEMP_FAILURE_RETRY(
			pread(fd, buffer + done, size - done, (off_t)(offset + done)));

		if (got <= 0) {
			rota_set_errno_error(error, got < 0 ? errno : EIO, "read what was written");
			return FALSE;
		}
		done += (gsize)got;
	}
	return TRUE;
}

/* Part by part, from the end that is not written over. */
gboolean file_move_range(int fd, guint64 from, guint64 to, guint64 size, GError **error)
{
	g_autofree guint8 *buffer = from == to ? NULL : g_malloc(PART_SIZE);

	for (guint64 done = 0; from != to && done < size;) {
		gsize part = (gsize)MIN((guint64)PART_SIZE, size - done);
		guint64 at = to < from ? done : size - done - part;

		if (!read_part(fd, buffer, part, from + at, error) ||
			!file_seek(fd, to + at, error) || !output_write(fd, buffer, part, error))
			return FALSE;
		done += part;
	}
	return TRUE;
}

gboolean file_copy_range(int from, int to, guint64 size, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(PART_SIZE);

	for (guint64 done = 0; done < size;) {
		gsize part = (gsize)MIN((guint64)PART_SIZE, size - done);

		if (!read_part(from, buffer, part, done, error) ||
			!output_write(to, buffer, part, error))
			return FALSE;
		done += part;
	}
	return TRUE;
}

int file_open_nameless(const char *folder, GError **error)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	/* A file system that knows no O_TMPFILE. */
	g_autofree char *path = g_build_filename(folder, ".rota-artifact-XXXXXX", NULL);
	fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		rota_set_errno_error(error, errno, "make a temporary file in %s", folder);
	else
		unlink(path);
	return fd;
}
