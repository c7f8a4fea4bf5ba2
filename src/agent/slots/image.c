/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slots/image.h"
#include "base/error.h"
#include "base/file.h"
#include "crypto/digest.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	IMAGE_BLOCK_SIZE = 1024 * 1024,
	ALIGNMENT = 4096,              /* of what goes past the page cache */
	SYNC_EVERY = 16 * 1024 * 1024, /* bytes that may wait in the page cache */
};

typedef struct {
	const char *device;
	int fd;
	guint64 capacity;
	Sha256 *sum;
	guint8 *block; /* of the image */
	guint8 *there; /* on the device */
	guint64 unsynced;
	ImageResult result;
} Writer;

static void clear_writer(Writer *writer)
{
	file_close_fd(&writer->fd);
	sha256_free(writer->sum);
	free(writer->block);
	free(writer->there);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Writer, clear_writer)

static guint8 *new_block(void)
{
	void *block = NULL;

	if (posix_memalign(&block, ALIGNMENT, IMAGE_BLOCK_SIZE) != 0)
		g_error("no memory for a block of an image");
	return block;
}

/* A block device that is mounted, or in use otherwise, does not open exclusively. */
static gboolean open_device(Writer *writer, GError **error)
{
	struct stat status;

	if (stat(writer->device, &status) == 0 && !S_ISBLK(status.st_mode) &&
		!S_ISREG(status.st_mode)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED, "%s: no block device",
			writer->device);
		return FALSE;
	}
	writer->fd =
		open(writer->device, O_RDWR | O_CLOEXEC | (S_ISBLK(status.st_mode) ? O_EXCL : 0));
	if (writer->fd < 0 || fstat(writer->fd, &status) < 0) {
		rota_set_errno_error(error, errno, "open %s", writer->device);
		return FALSE;
	}
	writer->capacity = (guint64)status.st_size;
	if (S_ISBLK(status.st_mode) && ioctl(writer->fd, BLKGETSIZE64, &writer->capacity) < 0) {
		rota_set_errno_error(error, errno, "size of %s", writer->device);
		return FALSE;
	}
	return TRUE;
}

/* A whole block, but for the last. */
static gssize read_block(int in, guint8 *block, GError **error)
{
	gsize size = 0;

	while (size < IMAGE_BLOCK_SIZE) {
		gssize part = read(in, block + size, IMAGE_BLOCK_SIZE - size);

		if (part == 0)
			break;
		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0) {
			rota_set_errno_error(error, errno, "read the image");
			return -1;
		}
		size += (gsize)part;
	}
	return (gssize)size;
}

static gboolean read_at(
	const Writer *writer, int fd, guint8 *block, gsize size, guint64 at, GError **error)
{
	gsize done = 0;

	while (done < size) {
		gssize part = pread(fd, block + done, IMAGE_BLOCK_SIZE - done, (off_t)(at + done));

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0) {
			rota_set_errno_error(
				error, part < 0 ? errno : EIO, "read %s", writer->device);
			return FALSE;
		}
		done += (gsize)part;
	}
	return TRUE;
}

static gboolean sync_device(Writer *writer, GError **error)
{
	writer->unsynced = 0;
	if (fdatasync(writer->fd) == 0)
		return TRUE;
	rota_set_errno_error(error, errno, "sync %s", writer->device);
	return FALSE;
}

static gboolean write_at(
	Writer *writer, const guint8 *block, gsize size, guint64 at, GError **error)
{
	gsize done = 0;

	if (!read_at(writer, writer->fd, writer->there, size, at, error))
		return FALSE;
	if (memcmp(writer->there, block, size) == 0)
		return TRUE;
	while (done < size) {
		gssize part = pwrite(writer->fd, block + done, size - done, (off_t)(at + done));

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0) {
			rota_set_errno_error(error, errno, "write %s", writer->device);
			return FALSE;
		}
		done += (gsize)part;
	}
	writer->result.written += size;
	writer->unsynced += size;
	return writer->unsynced < SYNC_EVERY || sync_device(writer, error);
}

static gboolean fail_size(const Writer *writer, guint64 size, GError **error)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
		"the image has %" G_GUINT64_FORMAT " bytes%s, %s takes %" G_GUINT64_FORMAT, size,
		writer->result.size == size ? "" : " or more", writer->device, writer->capacity);
	return FALSE;
}

static gboolean take_block(Writer *writer, gsize size, GError **error)
{
	guint64 at = writer->result.size;

	if (at + size > writer->capacity)
		return fail_size(writer, at + size, error);
	sha256_update(writer->sum, writer->block, size);
	writer->result.size += size;
	return write_at(writer, writer->block, size, at, error);
}

static gboolean take_all(Writer *writer, int in, GError **error)
{
	gssize size;

	while ((size = read_block(in, writer->block, error)) > 0) {
		if (!take_block(writer, (gsize)size, error))
			return FALSE;
	}
	return size == 0;
}

static gboolean check_size(const Writer *writer, guint64 size, GError **error)
{
	if (writer->result.size > 0 && (size == 0 || writer->result.size == size))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"the image ended after %" G_GUINT64_FORMAT " bytes", writer->result.size);
	return FALSE;
}

/* Past the page cache where the device can, else after it was dropped. */
static int open_for_reading_back(const Writer *writer)
{
	int fd = open(writer->device, O_RDONLY | O_DIRECT | O_CLOEXEC);

	(void)posix_fadvise(writer->fd, 0, 0, POSIX_FADV_DONTNEED);
	return fd >= 0 ? fd : open(writer->device, O_RDONLY | O_CLOEXEC);
}

static gboolean read_back(Writer *writer, GError **error)
{
	autofd int fd = open_for_reading_back(writer);
	g_autofree char *wanted = sha256_finish_hex(writer->sum);
	g_autofree char *found = NULL;

	sha256_reset(writer->sum);
	for (guint64 at = 0; at < writer->result.size; at += IMAGE_BLOCK_SIZE) {
		gsize size = MIN((guint64)IMAGE_BLOCK_SIZE, writer->result.size - at);

		if (!read_at(writer, fd, writer->there, size, at, error))
			return FALSE;
		sha256_update(writer->sum, writer->there, size);
	}
	found = sha256_finish_hex(writer->sum);
	if (g_str_equal(wanted, found))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
		"%s: something else is read back than was written", writer->device);
	return FALSE;
}

gboolean image_write(
	int in, const char *device, guint64 size, ImageResult *ret_result, GError **error)
{
	g_auto(Writer) writer = { .device = device, .fd = -1 };

	if (!open_device(&writer, error))
		return FALSE;
	writer.sum = sha256_new();
	writer.block = new_block();
	writer.there = new_block();
	if (size > writer.capacity)
		return fail_size(&writer, size, error);
	if (!take_all(&writer, in, error) || !check_size(&writer, size, error) ||
		!sync_device(&writer, error) || !read_back(&writer, error))
		return FALSE;
	*ret_result = writer.result;
	return TRUE;
}
