/* SPDX-License-Identifier: Apache-2.0 */
/* Level 2, with a token buffer of 16 Ki: of ISA-L's levels and buffers the one that stays
 * within 1.05 of the real tool's output at a quarter of its CPU (docs/design/artifact-speed.md). */
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include "artifact/compress.h"

gsize deflate_chunk(const guint8 *dictionary, gsize dictionary_size, const guint8 *in, gsize size,
	guint8 out[DEFLATE_OUT_SIZE])
{
	g_autofree guint8 *work = g_malloc(ISAL_DEF_LVL2_SMALL);
	g_autofree struct isal_zstream *stream = g_new0(struct isal_zstream, 1);

	isal_deflate_init(stream);
	stream->level = 2;
	stream->level_buf = work;
	stream->level_buf_size = ISAL_DEF_LVL2_SMALL;
	stream->flush = SYNC_FLUSH;
	/* It reads only; its header merely lacks the const. */
	if (dictionary_size > 0 && isal_deflate_set_dict(stream, (uint8_t *)(guintptr)dictionary,
					   (uint32_t)dictionary_size) != COMP_OK)
		return 0;
	stream->next_in = (uint8_t *)(guintptr)in;
	stream->avail_in = (uint32_t)size;
	stream->next_out = out;
	stream->avail_out = DEFLATE_OUT_SIZE;
	if (isal_deflate(stream) != COMP_OK || stream->avail_in > 0 || stream->avail_out == 0)
		return 0;
	return stream->total_out;
}

guint32 deflate_crc(guint32 crc, const guint8 *data, gsize size)
{
	return crc32_gzip_refl(crc, data, size);
}
