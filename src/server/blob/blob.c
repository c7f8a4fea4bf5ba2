/* SPDX-License-Identifier: Apache-2.0 */
#include "server/blob/blob.h"

#include <string.h>
#include "base/error.h"
#include "server/blob/file.h"

/* Where a storage URL leads. */
static const struct {
	const char *scheme;
	Blobs *(*open)(const char *rest, GError **error);
} schemes[] = {
	{ "file:", blob_folder_open },
};

Blobs *blobs_open(const char *url, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(schemes); i++)
		if (g_str_has_prefix(url, schemes[i].scheme))
			return schemes[i].open(url + strlen(schemes[i].scheme), error);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED, "storage %s: not file:DIR", url);
	return NULL;
}

void blobs_free(Blobs *blobs)
{
	if (blobs != NULL)
		blobs->store->free(blobs);
}

BlobWriter *blobs_begin(Blobs *blobs, GError **error)
{
	return blobs->store->begin(blobs, error);
}

int blobs_open_blob(Blobs *blobs, const char *digest, guint64 *ret_size, GError **error)
{
	return blobs->store->open(blobs, digest, ret_size, error);
}

gboolean blobs_remove(Blobs *blobs, const char *digest, GError **error)
{
	return blobs->store->remove(blobs, digest, error);
}

gboolean blobs_claim(Blobs *blobs, const char *owner, gboolean *ret_is_new, GError **error)
{
	return blobs->store->claim(blobs, owner, ret_is_new, error);
}

gboolean blobs_each(Blobs *blobs, BlobVisitor function, gpointer data, GError **error)
{
	return blobs->store->each(blobs, function, data, error);
}

gboolean blob_writer_write(BlobWriter *writer, gconstpointer data, gsize size, GError **error)
{
	return writer->blobs->store->write(writer, data, size, error);
}

gboolean blob_writer_finish(BlobWriter *writer, char **ret_digest, GError **error)
{
	return writer->blobs->store->finish(writer, ret_digest, error);
}

gboolean blob_writer_publish(BlobWriter *writer, GError **error)
{
	return writer->blobs->store->publish(writer, error);
}

void blob_writer_end(BlobWriter *writer)
{
	if (writer != NULL)
		writer->blobs->store->end(writer);
}
