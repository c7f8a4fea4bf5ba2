/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/sparse-copy.h"
#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"

enum { CHUNK_SIZE = 1024 * 1024 };

static gboolean fail(GError **error)
{
	rota_set_errno_error(error, errno, "copy the image");
	return FALSE;
}

static gboolean is_zero(const guint8 *data, gsize size)
{
	return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

gboolean sparse_write(int fd, gconstpointer bytes, gsize size, GError **error)
{
	const guint8 *data = bytes;

	while (size > 0) {
		gsize here = MIN(size, SPARSE_BLOCK_SIZE);
		gboolean zero = is_zero(data, here);
		gsize run = here;

		/* As many blocks of the same sort as there are. */
		while (run < size) {
			here = MIN(size - run, SPARSE_BLOCK_SIZE);
			if (is_zero(data + run, here) != zero)
				break;
			run += here;
		}
		if (zero ? lseek(fd, (off_t)run, SEEK_CUR) < 0
			 : !file_write_all(fd, data, run, error))
			return zero ? fail(error) : FALSE;
		data += run;
		size -= run;
	}
	return TRUE;
}

gboolean sparse_end(int fd, GError **error)
{
	off_t end = lseek(fd, 0, SEEK_CUR);

	return (end >= 0 && ftruncate(fd, end) == 0) || fail(error);
}

/* The bytes from @start to @end, which the source says hold data. */
static gboolean copy_extent(int from, int to, off_t start, off_t end, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(CHUNK_SIZE);

	if (lseek(to, start, SEEK_SET) < 0)
		return fail(error);
	while (start < end) {
		gsize wanted = (gsize)MIN((off_t)CHUNK_SIZE, end - start);
		ssize_t got = TEMP_FAILURE_RETRY(pread(from, buffer, wanted, start));

		if (got < 0)
			return fail(error);
		if (got == 0)
			break;
		if (!sparse_write(to, buffer, (gsize)got, error))
			return FALSE;
		start += got;
	}
	return TRUE;
}

gboolean sparse_copy(int from, int to, GError **error)
{
	struct stat status;
	off_t at = 0;

	if (ioctl(to, FICLONE, from) == 0)
		return TRUE;
	if (fstat(from, &status) < 0 || ftruncate(to, status.st_size) < 0)
		return fail(error);
	while (at < status.st_size) {
		off_t start = lseek(from, at, SEEK_DATA);
		off_t end = start < 0 ? -1 : lseek(from, start, SEEK_HOLE);

		if (start < 0 && errno == ENXIO)
			break; /* a hole up to the end */
		if (start < 0) {
			start = at;
			end = status.st_size; /* a file system that knows no holes */
		}
		if (end < 0 || !copy_extent(from, to, start, end, error))
			return end < 0 ? fail(error) : FALSE;
		at = end;
	}
	return TRUE;
}
