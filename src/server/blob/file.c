/* SPDX-License-Identifier: Apache-2.0 */
#include "server/blob/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"
#include "crypto/digest.h"

static const char incoming[] = "incoming";

/* Names the owner: a database that does not know these blobs must not take them for leftovers. */
static const char owner_file[] = "owner";
enum { OWNER_SIZE_MAX = 256 };

typedef struct {
	Blobs base;
	char *folder;
} Folder;

typedef struct {
	BlobWriter base;
	char *path; /* in incoming */
	int fd;
	Sha256 *sum;
	char *digest; /* once finished */
} FolderWriter;

static char *blob_path(const Folder *folder, const char *digest)
{
	char fan[3] = { digest[0], digest[1], '\0' };

	return g_build_filename(folder->folder, fan, digest, NULL);
}

static gboolean is_digest(const char *text)
{
	return strlen(text) == SHA256_HEX_SIZE &&
	       strspn(text, "0123456789abcdef") == SHA256_HEX_SIZE;
}

static void writer_end(BlobWriter *base)
{
	FolderWriter *writer = (FolderWriter *)base;

	if (writer->fd >= 0)
		close(writer->fd);
	unlink(writer->path);
	g_free(writer->path);
	g_free(writer->digest);
	sha256_free(writer->sum);
	g_free(writer);
}

static BlobWriter *folder_begin(Blobs *blobs, GError **error)
{
	const Folder *folder = (const Folder *)blobs;
	g_autofree char *path = g_build_filename(folder->folder, incoming, "XXXXXX", NULL);
	FolderWriter *writer;
	int fd = g_mkstemp_full(path, O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0) {
		rota_set_errno_error(
			error, errno, "create a file in %s/%s", folder->folder, incoming);
		return NULL;
	}
	writer = g_new0(FolderWriter, 1);
	writer->base.blobs = blobs;
	writer->path = g_steal_pointer(&path);
	writer->fd = fd;
	writer->sum = sha256_new();
	return &writer->base;
}

static gboolean writer_write(BlobWriter *base, gconstpointer data, gsize size, GError **error)
{
	FolderWriter *writer = (FolderWriter *)base;

	if (!file_write_all(writer->fd, data, size, error)) {
		g_prefix_error(error, "store artifact: ");
		return FALSE;
	}
	sha256_update(writer->sum, data, size);
	return TRUE;
}

static gboolean writer_finish(BlobWriter *base, char **ret_digest, GError **error)
{
	FolderWriter *writer = (FolderWriter *)base;

	if (fsync(writer->fd) < 0) {
		rota_set_errno_error(error, errno, "sync %s", writer->path);
		return FALSE;
	}
	writer->digest = sha256_finish_hex(writer->sum);
	*ret_digest = g_strdup(writer->digest);
	return TRUE;
}

static gboolean writer_publish(BlobWriter *base, GError **error)
{
	FolderWriter *writer = (FolderWriter *)base;
	const Folder *folder = (const Folder *)base->blobs;
	g_autofree char *path = blob_path(folder, writer->digest);
	g_autofree char *fan = g_path_get_dirname(path);

	if (!file_make_folders(fan, 0700, error))
		return FALSE;
	/* A second name, not a rename: the job this is part of may be run again, after a removal.
	 */
	if (link(writer->path, path) < 0 && errno != EEXIST) {
		rota_set_errno_error(error, errno, "link %s to %s", writer->path, path);
		return FALSE;
	}
	/* The fan folder itself may be new. */
	return file_sync_folder(fan, error) && file_sync_folder(folder->folder, error);
}

static int folder_open_blob(Blobs *blobs, const char *digest, guint64 *ret_size, GError **error)
{
	g_autofree char *path = NULL;
	autofd int fd = -1;
	struct stat facts;

	if (!is_digest(digest)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT, "stored artifact has no digest");
		return -1;
	}
	path = blob_path((const Folder *)blobs, digest);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &facts) < 0) {
		rota_set_errno_error(error, errno, "open %s", path);
		return -1;
	}
	*ret_size = (guint64)facts.st_size;
	return g_steal_fd(&fd);
}

static gboolean folder_remove(Blobs *blobs, const char *digest, GError **error)
{
	g_autofree char *path = blob_path((const Folder *)blobs, digest);

	if (unlink(path) < 0 && errno != ENOENT) {
		rota_set_errno_error(error, errno, "remove %s", path);
		return FALSE;
	}
	return TRUE;
}

static gboolean each_in(const char *folder, BlobVisitor function, gpointer data, GError **error)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
	const char *name;

	if (dir == NULL)
		return FALSE;
	while ((name = g_dir_read_name(dir)) != NULL)
		if (is_digest(name) && !function(name, data, error))
			return FALSE;
	return TRUE;
}

static gboolean folder_each(Blobs *blobs, BlobVisitor function, gpointer data, GError **error)
{
	const Folder *folder = (const Folder *)blobs;
	g_autoptr(GDir) dir = g_dir_open(folder->folder, 0, error);
	const char *name;

	if (dir == NULL)
		return FALSE;
	while ((name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *fan = g_build_filename(folder->folder, name, NULL);

		if (strlen(name) == 2 && !each_in(fan, function, data, error))
			return FALSE;
	}
	return TRUE;
}

/* What a kill left behind in incoming was never promised to anybody. */
static gboolean sweep_incoming(const char *folder, GError **error)
{
	g_autofree char *path = g_build_filename(folder, incoming, NULL);

	return file_remove_tree(path, error) && file_make_folders(path, 0700, error);
}

static gboolean check_owner(const Folder *folder, GBytes *found, const char *owner, GError **error)
{
	gsize size;
	const char *text = g_bytes_get_data(found, &size);

	if (size == strlen(owner) && memcmp(text, owner, size) == 0)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
		"storage %s belongs to another database (its name is in the file %s there)",
		folder->folder, owner_file);
	return FALSE;
}

static gboolean folder_claim(Blobs *blobs, const char *owner, gboolean *ret_is_new, GError **error)
{
	const Folder *folder = (const Folder *)blobs;
	g_autofree char *path = g_build_filename(folder->folder, owner_file, NULL);
	g_autoptr(GError) missing = NULL;
	g_autoptr(GBytes) found = file_read(path, OWNER_SIZE_MAX, &missing);

	*ret_is_new = found == NULL;
	if (found == NULL && !g_error_matches(missing, ROTA_ERROR, ROTA_ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&missing));
		return FALSE;
	}
	if (found != NULL ? !check_owner(folder, found, owner, error)
			  : !file_write_atomic(path, owner, strlen(owner), 0600, error))
		return FALSE;
	return sweep_incoming(folder->folder, error);
}

static void folder_free(Blobs *blobs)
{
	Folder *folder = (Folder *)blobs;

	g_free(folder->folder);
	g_free(folder);
}

static const BlobStore folder_store = {
	.begin = folder_begin,
	.write = writer_write,
	.finish = writer_finish,
	.publish = writer_publish,
	.end = writer_end,
	.open = folder_open_blob,
	.remove = folder_remove,
	.claim = folder_claim,
	.each = folder_each,
	.free = folder_free,
};

Blobs *blob_folder_open(const char *path, GError **error)
{
	g_autofree char *inner = g_build_filename(path, incoming, NULL);
	Folder *folder;

	if (!file_make_folders(inner, 0700, error)) {
		g_prefix_error(error, "open storage %s: ", path);
		return NULL;
	}
	folder = g_new0(Folder, 1);
	folder->base.store = &folder_store;
	folder->folder = g_strdup(path);
	return &folder->base;
}
