/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/payload-spool.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "artifact/names.h"
#include "artifact/tar-writer.h"
#include "base/error.h"
#include "base/file.h"

enum { READ_SIZE = 256 * 1024, COPY_SIZE = 1024 * 1024, FILE_MODE = 0644 };

static void spooled_file_free(gpointer data)
{
	SpooledFile *file = data;

	g_free(file->name);
	g_free(file);
}

void payload_spool_clear(PayloadSpool *spool)
{
	if (spool->files)
		close(spool->fd);
	g_clear_pointer(&spool->files, g_ptr_array_unref);
}

static gboolean write_spool(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	PayloadSpool *spool = user_data;

	spool->size += size;
	return file_write_all(spool->fd, data, size, error);
}

static int open_input(const char *path, guint64 *ret_size, GError **error)
{
	struct stat status;
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status) < 0) {
		rota_set_errno_error(error, errno, "open %s", path);
		return -1;
	}
	if (!S_ISREG(status.st_mode)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not a regular file", path);
		return -1;
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	*ret_size = (guint64)status.st_size;
	int taken = fd;
	fd = -1;
	return taken;
}

/* Exactly @size bytes, or the file changed under our hands. */
static gboolean pack_body(
	Compressor *compressor, int fd, const char *path, guint64 size, Sha256 *sum, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(READ_SIZE);
	guint64 done = 0;

	for (;;) {
		ssize_t got = TEMP_FAILURE_RETRY(read(fd, buffer, READ_SIZE));

		if (got < 0) {
			rota_set_errno_error(error, errno, "read %s", path);
			return FALSE;
		}
		if (got == 0)
			break;
		done += (guint64)got;
		if (done > size)
			break;
		sha256_update(sum, buffer, (gsize)got);
		if (!compressor_push(compressor, buffer, (gsize)got, error))
			return FALSE;
	}
	if (done == size)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "%s: changed while it was read", path);
	return FALSE;
}

static gboolean check_name(const PayloadSpool *spool, const char *name, GError **error)
{
	if (spool->files->len >= ARTIFACT_FILES_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE, "more than %d payload files",
			ARTIFACT_FILES_MAX);
		return FALSE;
	}
	if (!name_is_payload_file(name) || strlen(name) > TAR_NAME_SIZE_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"%s: a payload file's name may have letters, digits and _ - . , only, at "
			"most %d",
			name, TAR_NAME_SIZE_MAX);
		return FALSE;
	}
	for (guint i = 0; i < spool->files->len; i++) {
		const SpooledFile *file = spool->files->pdata[i];

		if (!g_str_equal(file->name, name))
			continue;
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"%s: two payload files of one name", name);
		return FALSE;
	}
	return TRUE;
}

static gboolean pack_file(PayloadSpool *spool, Compressor *compressor, const char *path,
	gint64 modified_s, GError **error)
{
	static const guint8 zeros[512];
	g_autofree char *name = g_path_get_basename(path);
	g_autoptr(Sha256) sum = sha256_new();
	TarHeader header = { name, 0, FILE_MODE, modified_s };
	guint8 block[512];

	if (!check_name(spool, name, error))
		return FALSE;
	autofd int fd = open_input(path, &header.size, error);
	if (fd < 0 || !tar_header_write(&header, block, error) ||
		!compressor_push(compressor, block, sizeof block, error) ||
		!pack_body(compressor, fd, path, header.size, sum, error) ||
		!compressor_push(compressor, zeros, tar_padding(header.size), error))
		return FALSE;
	g_autofree char *hex = sha256_finish_hex(sum);
	SpooledFile *file = g_new0(SpooledFile, 1);
	file->name = g_steal_pointer(&name);
	memcpy(file->sum, hex, SHA256_HEX_SIZE);
	g_ptr_array_add(spool->files, file);
	return TRUE;
}

/* A file that is gone when its descriptor is, also where the file system knows no O_TMPFILE. */
static int open_spool(const char *folder, GError **error)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	g_autofree char *path = g_build_filename(folder, ".rota-artifact-XXXXXX", NULL);
	fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		rota_set_errno_error(error, errno, "make a temporary file in %s", folder);
	else
		unlink(path);
	return fd;
}

gboolean payload_spool_fill(PayloadSpool *spool, char **paths, const CompressChoice *compression,
	gint64 modified_s, const char *folder, GError **error)
{
	static const guint8 end[TAR_END_SIZE];
	g_auto(Compressor) compressor = { 0 };

	*spool = (PayloadSpool){ .fd = open_spool(folder, error) };
	if (spool->fd < 0)
		return FALSE;
	spool->files = g_ptr_array_new_with_free_func(spooled_file_free);
	if (!compressor_open(&compressor, compression, write_spool, spool, error))
		return FALSE;
	for (; paths && *paths; paths++)
		if (!pack_file(spool, &compressor, *paths, modified_s, error))
			return FALSE;
	return compressor_push(&compressor, end, sizeof end, error) &&
	       compressor_finish(&compressor, error);
}

/* For outputs that the kernel cannot copy to by itself: pipes, other file systems. */
static gboolean copy_by_hand(int from, int to, off_t offset, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(COPY_SIZE);

	for (;;) {
		ssize_t got = TEMP_FAILURE_RETRY(pread(from, buffer, COPY_SIZE, offset));

		if (got < 0) {
			rota_set_errno_error(error, errno, "read the packed payload");
			return FALSE;
		}
		if (got == 0)
			return TRUE;
		if (!file_write_all(to, buffer, (gsize)got, error))
			return FALSE;
		offset += got;
	}
}

gboolean payload_spool_copy(const PayloadSpool *spool, int out_fd, GError **error)
{
	off_t offset = 0;

	while ((guint64)offset < spool->size) {
		ssize_t copied = copy_file_range(
			spool->fd, &offset, out_fd, NULL, spool->size - (guint64)offset, 0);

		if (copied <= 0)
			return copy_by_hand(spool->fd, out_fd, offset, error);
	}
	return TRUE;
}
