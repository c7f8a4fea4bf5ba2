/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/payload-pack.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "artifact/file-range.h"
#include "artifact/names.h"
#include "artifact/output.h"
#include "artifact/tar-writer.h"
#include "base/error.h"
#include "base/file.h"

enum { READ_SIZE = 256 * 1024, HAND_ON_SIZE = 16 * 1024 * 1024, FILE_MODE = 0644 };

static gboolean is_standard_input(const char *path)
{
	return g_str_equal(path, "-");
}

static void packed_file_free(gpointer data)
{
	PackedFile *file = data;

	g_free(file->path);
	g_free(file->name);
	g_free(file);
}

void payload_pack_clear(PayloadPack *pack)
{
	g_clear_pointer(&pack->files, g_ptr_array_unref);
}

/* Left alone the system keeps all of it until the sync at the end, and then everybody waits. */
static void hand_on(PayloadPack *pack)
{
	if (!pack->durable || pack->size - pack->handed_on < HAND_ON_SIZE)
		return;
	/* A file system that cannot do this does it all at the end. */
	if (sync_file_range(pack->fd, 0, 0, SYNC_FILE_RANGE_WRITE) == 0)
		pack->handed_on = pack->size;
	else
		pack->durable = FALSE;
}

static gboolean write_packed(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	PayloadPack *pack = user_data;

	pack->size += size;
	if (pack->size_max > 0 && pack->size > pack->size_max) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"the artifact has more than the %" G_GUINT64_FORMAT
			" bytes that are allowed",
			pack->size_max);
		return FALSE;
	}
	if (!output_write(pack->fd, data, size, error))
		return FALSE;
	hand_on(pack);
	return TRUE;
}

/* --- inputs --- */

/* "-" is the standard input. */
static int open_path(const char *path)
{
	return is_standard_input(path) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
				       : open(path, O_RDONLY | O_CLOEXEC);
}

/* A tar member's size stands before it, and a pipe has none: what comes out of it waits in a file
 * without a name. */
static int spool_input(const PayloadPack *pack, int from, const char *path, GError **error)
{
	autofd int spool = file_open_nameless(pack->spool_folder, error);
	g_autofree guint8 *buffer = g_malloc(READ_SIZE);
	ssize_t got;

	if (spool < 0)
		return -1;
	while ((got = TEMP_FAILURE_RETRY(read(from, buffer, READ_SIZE))) > 0) {
		if (file_write_all(spool, buffer, (gsize)got, error))
			continue;
		g_prefix_error(error, "a temporary file in %s: ", pack->spool_folder);
		return -1;
	}
	if (got < 0 || lseek(spool, 0, SEEK_SET) < 0) {
		rota_set_errno_error(error, errno, "read %s", path);
		return -1;
	}
	int taken = spool;
	spool = -1;
	return taken;
}

/* From where it stands to its end; what stands there is a file or a disk. */
static gboolean measure(int fd, const char *path, guint64 *ret_size, GError **error)
{
	off_t start = lseek(fd, 0, SEEK_CUR);
	off_t end = lseek(fd, 0, SEEK_END);

	if (start < 0 || end < 0 || lseek(fd, start, SEEK_SET) < 0) {
		rota_set_errno_error(error, errno, "read %s", path);
		return FALSE;
	}
	*ret_size = (guint64)MAX(end - start, 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return TRUE;
}

static int open_input(const PayloadPack *pack, const char *path, guint64 *ret_size, GError **error)
{
	struct stat status;
	autofd int fd = open_path(path);

	if (fd < 0 || fstat(fd, &status) < 0) {
		rota_set_errno_error(error, errno, "open %s", path);
		return -1;
	}
	if (S_ISDIR(status.st_mode) || S_ISCHR(status.st_mode)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not a file: it is a %s",
			path, S_ISDIR(status.st_mode) ? "folder" : "device");
		return -1;
	}
	if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) {
		int spool = spool_input(pack, fd, path, error);

		file_close_fd(&fd);
		fd = spool;
	}
	if (fd < 0 || !measure(fd, path, ret_size, error))
		return -1;
	int taken = fd;
	fd = -1;
	return taken;
}

/* --- the archive --- */

/* Exactly @size bytes, or the file changed under our hands. */
static gboolean pack_body(PayloadPack *pack, Compressor *compressor, int fd, const char *path,
	guint64 size, Sha256 *sum, GError **error)
{
	guint64 done = 0;

	for (;;) {
		gsize room;
		guint8 *buffer = compressor_room(compressor, &room);
		ssize_t got = TEMP_FAILURE_RETRY(read(fd, buffer, MIN(room, READ_SIZE)));

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
		if (pack->progress)
			pack->progress((gsize)got, pack->progress_data);
	}
	if (done == size)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "%s: changed while it was read", path);
	return FALSE;
}

static gboolean check_name(const PayloadPack *pack, const char *name, GError **error)
{
	if (pack->files->len >= ARTIFACT_FILES_MAX) {
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
	for (guint i = 0; i < pack->files->len; i++) {
		const PackedFile *file = pack->files->pdata[i];

		if (!g_str_equal(file->name, name))
			continue;
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"%s: two payload files of one name", name);
		return FALSE;
	}
	return TRUE;
}

static void set_sum(PackedFile *file, const char *hex)
{
	memcpy(file->sum, hex, SHA256_HEX_SIZE);
}

static char *name_of(const char *path)
{
	return is_standard_input(path) ? g_strdup("stdin") : g_path_get_basename(path);
}

static gboolean add_files(
	PayloadPack *pack, char **paths, char **names, gboolean augmented, GError **error)
{
	for (; paths && *paths; paths++) {
		g_autofree char *name = names ? g_strdup(*names++) : name_of(*paths);
		g_autofree char *hex = sha256_hex_of(name, strlen(name));

		if (!check_name(pack, name, error))
			return FALSE;
		PackedFile *file = g_new0(PackedFile, 1);
		set_sum(file, hex);
		file->path = g_strdup(*paths);
		file->name = g_steal_pointer(&name);
		file->augmented = augmented;
		g_ptr_array_add(pack->files, file);
	}
	return TRUE;
}

gboolean payload_pack_init(
	PayloadPack *pack, char **paths, char **names, char **augmented_paths, GError **error)
{
	pack->files = g_ptr_array_new_with_free_func(packed_file_free);
	return add_files(pack, paths, names, FALSE, error) &&
	       add_files(pack, augmented_paths, NULL, TRUE, error);
}

static gboolean pack_file(PayloadPack *pack, PackedFile *file, Compressor *compressor,
	gint64 modified_s, GError **error)
{
	static const guint8 zeros[512];
	g_autoptr(Sha256) sum = sha256_new();
	TarHeader header = { file->name, 0, FILE_MODE, modified_s };
	guint8 block[512];
	autofd int fd = open_input(pack, file->path, &header.size, error);

	if (fd < 0 || !tar_header_write(&header, block, error) ||
		!compressor_push(compressor, block, sizeof block, error) ||
		!pack_body(pack, compressor, fd, file->path, header.size, sum, error) ||
		!compressor_push(compressor, zeros, tar_padding(header.size), error))
		return FALSE;
	g_autofree char *hex = sha256_finish_hex(sum);
	set_sum(file, hex);
	return TRUE;
}

gboolean payload_pack_write(PayloadPack *pack, const CompressChoice *compression, gint64 modified_s,
	int fd, GError **error)
{
	static const guint8 end[TAR_END_SIZE];
	g_auto(Compressor) compressor = { 0 };

	pack->fd = fd;
	pack->size = pack->handed_on = 0;
	if (!compressor_open(&compressor, compression, write_packed, pack, error))
		return FALSE;
	for (guint i = 0; i < pack->files->len; i++)
		if (!pack_file(pack, pack->files->pdata[i], &compressor, modified_s, error))
			return FALSE;
	return compressor_push(&compressor, end, sizeof end, error) &&
	       compressor_finish(&compressor, error);
}
