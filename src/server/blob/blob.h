/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "server/app.h"

/* Where the bytes of artifacts lie, by their SHA-256: one struct of functions, so that a folder and
 * an object store serve alike. A blob is there whole or not at all: what was begun and not
 * published is gone after a kill. Nothing here is reachable from outside but through signed links.
 */
typedef struct BlobWriter
	BlobWriter; /* a blob that is being written; belongs to one thread at a time */
typedef gboolean (*BlobVisitor)(const char *digest, gpointer data, GError **error);

typedef struct {
	/* (transfer full) */
	BlobWriter *(*begin)(Blobs *blobs, GError **error);
	gboolean (*write)(BlobWriter *writer, gconstpointer data, gsize size, GError **error);
	/* All bytes are there: makes them durable. Slow: never on a loop. @ret_digest: (transfer
	 * full): hex. */
	gboolean (*finish)(BlobWriter *writer, char **ret_digest, GError **error);
	/* Gives the finished blob its name. On the writer's thread, in the job that stores who uses
	 * it, so that it cannot pass a removal of the same bytes. */
	gboolean (*publish)(BlobWriter *writer, GError **error);
	/* Frees; what was not published is gone. */
	void (*end)(BlobWriter *writer);
	/* A descriptor to read from, or -1; ROTA_ERROR_NOT_FOUND where there is no such blob. */
	int (*open)(Blobs *blobs, const char *digest, guint64 *ret_size, GError **error);
	/* On the writer's thread. A missing blob is success. */
	gboolean (*remove)(Blobs *blobs, const char *digest, GError **error);
	/* Says whose blobs these are, and removes what a kill left half-written. Another owner's
	 * are refused. @ret_is_new: nobody had said so before. */
	gboolean (*claim)(Blobs *blobs, const char *owner, gboolean *ret_is_new, GError **error);
	/* Calls @function for every blob there is (start-up: what nobody uses is removed). */
	gboolean (*each)(Blobs *blobs, BlobVisitor function, gpointer data, GError **error);
	void (*free)(Blobs *blobs);
} BlobStore;

/* What each store's own structs begin with. */
struct Blobs {
	const BlobStore *store;
};
struct BlobWriter {
	Blobs *blobs;
};

/* @url: file:DIR: the folder is made if it is missing. (transfer full) */
Blobs *blobs_open(const char *url, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void blobs_free(Blobs *blobs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Blobs, blobs_free)

/* The functions of the store, by the object they are asked of. */
BlobWriter *blobs_begin(Blobs *blobs, GError **error) G_GNUC_WARN_UNUSED_RESULT;
int blobs_open_blob(Blobs *blobs, const char *digest, guint64 *ret_size,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean blobs_remove(Blobs *blobs, const char *digest, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* At start, before anything is written. ROTA_ERROR_CONFLICT: another owner's. */
gboolean blobs_claim(Blobs *blobs, const char *owner, gboolean *ret_is_new,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean blobs_each(Blobs *blobs, BlobVisitor function, gpointer data,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean blob_writer_write(BlobWriter *writer, gconstpointer data, gsize size,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean blob_writer_finish(
	BlobWriter *writer, char **ret_digest, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean blob_writer_publish(BlobWriter *writer, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void blob_writer_end(BlobWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlobWriter, blob_writer_end)
