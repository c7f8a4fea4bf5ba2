/* SPDX-License-Identifier: Apache-2.0 */
/* Level 2, with a token buffer of 12 Ki: of ISA-L's levels and buffers the one that stays
 * within 1.05 of the real tool's output at a quarter of its CPU (docs/design/artifact-speed.md). */
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include "artifact/compress.h"

enum {
	LEVEL = 2,
	LEVEL_BUFFER_SIZE = ISAL_DEF_LVL2_REQ + 12 * 1024 * ISAL_DEF_LVL2_TOKEN_SIZE,
};

typedef struct {
	struct isal_zstream stream;
	guint8 level_buffer[LEVEL_BUFFER_SIZE];
} Work;

gboolean deflate_chunk(DeflateChunk *chunk)
{
	if (!chunk->work)
		chunk->work = g_new0(Work, 1);
	Work *work = chunk->work;
	struct isal_zstream *stream = &work->stream;

	isal_deflate_init(stream);
	stream->level = LEVEL;
	stream->level_buf = work->level_buffer;
	stream->level_buf_size = sizeof work->level_buffer;
	stream->flush = SYNC_FLUSH;
	if (chunk->dictionary_size > 0 && isal_deflate_set_dict(stream, chunk->dictionary,
						  (uint32_t)chunk->dictionary_size) != COMP_OK)
		return FALSE;
	stream->next_in = chunk->in;
	stream->avail_in = (uint32_t)chunk->in_size;
	stream->next_out = chunk->out;
	stream->avail_out = DEFLATE_OUT_SIZE;
	if (isal_deflate(stream) != COMP_OK || stream->avail_in > 0 || stream->avail_out == 0)
		return FALSE;
	chunk->out_size = stream->total_out;
	return TRUE;
}

void deflate_chunk_free(DeflateChunk *chunk)
{
	g_clear_pointer(&chunk->work, g_free);
}

guint32 deflate_crc(guint32 crc, const guint8 *data, gsize size)
{
	return crc32_gzip_refl(crc, data, size);
}
