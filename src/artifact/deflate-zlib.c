/* SPDX-License-Identifier: Apache-2.0 */
#include <zlib.h>
#include "artifact/compress.h"

enum { RAW_WINDOW_BITS = -15, MEMORY_LEVEL = 8 };

static z_stream *ready_stream(DeflateChunk *chunk)
{
	z_stream *stream = chunk->work;

	if (stream)
		return deflateReset(stream) == Z_OK ? stream : NULL;
	stream = g_new0(z_stream, 1);
	if (deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW_WINDOW_BITS, MEMORY_LEVEL,
		    Z_DEFAULT_STRATEGY) == Z_OK)
		chunk->work = stream;
	else
		g_clear_pointer(&stream, g_free);
	return stream;
}

gboolean deflate_chunk(DeflateChunk *chunk)
{
	z_stream *stream = ready_stream(chunk);

	if (!stream)
		return FALSE;
	if (chunk->dictionary_size > 0 && deflateSetDictionary(stream, chunk->dictionary,
						  (uInt)chunk->dictionary_size) != Z_OK)
		return FALSE;
	stream->next_in = chunk->in;
	stream->avail_in = (uInt)chunk->in_size;
	stream->next_out = chunk->out;
	stream->avail_out = DEFLATE_OUT_SIZE;
	if (deflate(stream, Z_SYNC_FLUSH) != Z_OK || stream->avail_in > 0 || stream->avail_out == 0)
		return FALSE;
	chunk->out_size = stream->total_out;
	return TRUE;
}

void deflate_chunk_free(DeflateChunk *chunk)
{
	if (chunk->work)
		deflateEnd(chunk->work);
	g_clear_pointer(&chunk->work, g_free);
}

guint32 deflate_crc(guint32 crc, const guint8 *data, gsize size)
{
	return (guint32)crc32(crc, data, (uInt)size);
}
