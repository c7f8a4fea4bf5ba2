/* SPDX-License-Identifier: Apache-2.0 */
/* libext2fs does not replay journals; e2fsck does, and mender-artifact leaves it to that, too. It
 * wants a file that is the file system and nothing else (its `?offset=` is forgotten when it opens
 * the file anew behind the replay), so a partition is taken out and what changed is put back. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"
#include "image/ext4-private.h"
#include "image/program.h"

enum { E2FSCK_CORRECTED = 1, CHUNK_SIZE = 1024 * 1024 };

static gboolean run_e2fsck(int fd, GError **error)
{
	g_autofree char *device = g_strdup_printf("/proc/self/fd/%d", PROGRAM_IMAGE_FD);
	const char *const arguments[] = { "e2fsck", "-p", device, NULL };
	const ProgramCall call = {
		.arguments = arguments, .package = "e2fsprogs", .image_fd = fd, .input_fd = -1
	};
	int status;

	if (!program_call(&call, &status, NULL, error)) {
		g_prefix_error(error, "replay the journal of the file system: ");
		return FALSE;
	}
	if (status == 0 || status == E2FSCK_CORRECTED)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
		"the file system needs a repair that e2fsck does not make unasked");
	return FALSE;
}

static gboolean fail(GError **error)
{
	rota_set_errno_error(error, errno, "replay the journal of the file system");
	return FALSE;
}

static gboolean read_at(int fd, guint8 *buffer, gsize size, guint64 offset, GError **error)
{
	while (size > 0) {
		ssize_t got = TEMP_FAILURE_RETRY(pread(fd, buffer, size, (off_t)offset));

		if (got == 0)
			errno = EIO;
		if (got <= 0)
			return fail(error);
		buffer += got;
		offset += (guint64)got;
		size -= (gsize)got;
	}
	return TRUE;
}

static gboolean write_at(int fd, const guint8 *data, gsize size, guint64 offset, GError **error)
{
	while (size > 0) {
		ssize_t got = TEMP_FAILURE_RETRY(pwrite(fd, data, size, (off_t)offset));

		if (got < 0)
			return fail(error);
		data += got;
		offset += (guint64)got;
		size -= (gsize)got;
	}
	return TRUE;
}

/* Makes the range at @to_start equal to that at @from_start, and writes only where it was not. */
static gboolean copy_changes(
	int from, guint64 from_start, int to, guint64 to_start, guint64 size, GError **error)
{
	g_autofree guint8 *wanted = g_malloc(CHUNK_SIZE);
	g_autofree guint8 *found = g_malloc(CHUNK_SIZE);

	for (guint64 done = 0; done < size; done += CHUNK_SIZE) {
		gsize here = (gsize)MIN((guint64)CHUNK_SIZE, size - done);

		if (!read_at(from, wanted, here, from_start + done, error) ||
			!read_at(to, found, here, to_start + done, error))
			return FALSE;
		if (memcmp(wanted, found, here) != 0 &&
			!write_at(to, wanted, here, to_start + done, error))
			return FALSE;
	}
	return TRUE;
}

/* Below TMPDIR, without a name; where that cannot be, the name goes at once. */
static int open_temporary(void)
{
	int fd = open(g_get_tmp_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	g_autofree char *name = NULL;

	if (fd < 0) {
		fd = g_file_open_tmp("rota-journal-XXXXXX", &name, NULL);
		if (fd >= 0)
			unlink(name);
	}
	return fd;
}

static gboolean recover_partition(const ImageRange *range, GError **error)
{
	autofd int fd = open_temporary();

	if (fd < 0 || ftruncate(fd, (off_t)range->size) < 0)
		return fail(error);
	return copy_changes(range->fd, range->start, fd, 0, range->size, error) &&
	       run_e2fsck(fd, error) &&
	       copy_changes(fd, 0, range->fd, range->start, range->size, error);
}

gboolean ext4_recover(const ImageRange *range, GError **error)
{
	struct stat status;

	if (fstat(range->fd, &status) < 0)
		return fail(error);
	if (range->start == 0 && range->size == (guint64)status.st_size)
		return run_e2fsck(range->fd, error);
	return recover_partition(range, error);
}
