/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "server/app.h"

/* Where the bytes of artifacts lie, by their SHA-256: one struct of functions, so that a folder and an
 * object store serve alike. A blob is there whole or not at all: what was begun and not published is
 * gone after a kill. Nothing here is reachable from outside but through signed links. */
typedef struct BlobWriter BlobWriter; /* a blob that is being written; belongs to one thread at a time */

typedef struct {
	/* (transfer full) */
	BlobWriter *(*begin)(Blobs *blobs, GError **error);
	gboolean (*write)(BlobWriter *writer, gconstpointer data, gsize size, GError **error);
	/* All bytes are there: makes them durable. Slow: never on a loop. @ret_digest: (transfer full): hex. */
	gboolean (*finish)(BlobWriter *writer, char **ret_digest, GError **error);
	/* Gives the finished blob its name. On the writer's thread, in the job that stores who uses it, so
	 * that it cannot pass a removal of the same bytes. */
	gboolean (*publish)(BlobWriter *writer, GError **error);
	/* Frees; what was not published is gone. */
	void (*end)(BlobWriter *writer);
	/* A descriptor at @offset, or -1; ROTA_ERROR_NOT_FOUND where there is no such blob. */
	int (*open)(Blobs *blobs, const char *digest, guint64 offset, guint64 *ret_size, GError **error);
	/* On the writer's thread. A missing blob is success. */
	gboolean (*remove)(Blobs *blobs, const char *digest, GError **error);
	/* Calls @function for every blob there is (start-up: what nobody uses is removed). */
	gboolean (*each)(Blobs *blobs, gboolean (*function)(const char *digest, gpointer data, GError **error),
		gpointer data, GError **error);
	void (*free)(Blobs *blobs);
} BlobStore;

struct Blobs {
	const BlobStore *store;
};

/* @folder: made if it is missing; leftovers of a kill are swept. (transfer full) */
Blobs *blobs_open_folder(const char *folder, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* @url: file:DIR. (transfer full) */
Blobs *blobs_open(const char *url, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void blobs_free(Blobs *blobs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Blobs, blobs_free)

G_GNUC_WARN_UNUSED_RESULT static inline BlobWriter *blobs_begin(Blobs *blobs, GError **error)
{
	return blobs->store->begin(blobs, error);
}
