/* SPDX-License-Identifier: Apache-2.0 */
#include <zlib.h>
#include "artifact/compress.h"

enum { RAW_WINDOW_BITS = -15, MEMORY_LEVEL = 8 };

gsize deflate_chunk(const guint8 *dictionary, gsize dictionary_size, const guint8 *in, gsize size,
	guint8 out[DEFLATE_OUT_SIZE])
{
	z_stream stream = { 0 };
	gsize made = 0;

	if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW_WINDOW_BITS, MEMORY_LEVEL,
		    Z_DEFAULT_STRATEGY) != Z_OK)
		return 0;
	/* It reads only; its header merely lacks the const. */
	stream.next_in = (Bytef *)(guintptr)in;
	stream.avail_in = (uInt)size;
	stream.next_out = out;
	stream.avail_out = DEFLATE_OUT_SIZE;
	if ((dictionary_size == 0 ||
		    deflateSetDictionary(&stream, dictionary, (uInt)dictionary_size) == Z_OK) &&
		deflate(&stream, Z_SYNC_FLUSH) == Z_OK && stream.avail_in == 0 &&
		stream.avail_out > 0)
		made = stream.total_out;
	deflateEnd(&stream);
	return made;
}

guint32 deflate_crc(guint32 crc, const guint8 *data, gsize size)
{
	return (guint32)crc32(crc, data, (uInt)size);
}
