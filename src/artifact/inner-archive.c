/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/inner-archive.h"

static gboolean inner_peek(Stream *stream, const guint8 **ret_data, gsize *ret_size, GError **error)
{
	InnerArchive *inner = (InnerArchive *)stream;

	if (!stream_peek(inner->in, ret_data, ret_size, error))
		return FALSE;
	inner->lent = *ret_data;
	return TRUE;
}

static void inner_advance(Stream *stream, gsize size)
{
	InnerArchive *inner = (InnerArchive *)stream;

	if (size == 0)
		return; /* at the end nothing was lent */
	if (inner->sum)
		sha256_update(inner->sum, inner->lent, size);
	inner->lent += size;
	stream_advance(inner->in, size);
}

Stream *inner_archive_open(InnerArchive *inner, ArtifactCompression compression, Stream *member,
	Sha256 *sum, Place *place)
{
	*inner = (InnerArchive){
		.stream = { inner_peek, inner_advance },
		.in = member,
		.sum = sum,
		.compressed = compression != ARTIFACT_COMPRESSION_NONE,
	};
	if (!inner->compressed)
		return &inner->stream;
	decompress_stream_init(&inner->decompress, compression, &inner->stream, place);
	return &inner->decompress.stream;
}

void inner_archive_look_ahead(InnerArchive *inner)
{
	if (inner->compressed)
		decompress_stream_look_ahead(&inner->decompress);
}

void inner_archive_close(InnerArchive *inner)
{
	if (inner->compressed)
		decompress_stream_clear(&inner->decompress);
	inner->compressed = FALSE;
}
