/* SPDX-License-Identifier: Apache-2.0 */
#include <lzma.h>
#include "artifact/decompress.h"

/* Dictionaries of 64 MiB, as the real tool writes them, and what the decoder needs around one. */
enum { XZ_MEMORY_MAX = (64 + 2) * 1024 * 1024 };

static gpointer xz_open(void)
{
	lzma_stream *stream = g_new(lzma_stream, 1);

	*stream = (lzma_stream)LZMA_STREAM_INIT;
	return stream;
}

static gboolean xz_begin(gpointer state)
{
	return lzma_stream_decoder(state, XZ_MEMORY_MAX, LZMA_TELL_UNSUPPORTED_CHECK) == LZMA_OK;
}

static DecompressResult xz_run(gpointer state, DecompressStep *step)
{
	lzma_stream *stream = state;

	stream->next_in = step->in;
	stream->avail_in = step->in_size;
	stream->next_out = step->out;
	stream->avail_out = step->out_size;
	lzma_ret result = lzma_code(stream, LZMA_RUN);
	step->in = stream->next_in;
	step->in_size = stream->avail_in;
	step->out = stream->next_out;
	step->out_size = stream->avail_out;
	switch (result) {
	case LZMA_OK:
	case LZMA_BUF_ERROR: /* nothing to do without more input */
		return DECOMPRESS_MORE;
	case LZMA_STREAM_END:
		return DECOMPRESS_END;
	case LZMA_MEMLIMIT_ERROR:
	case LZMA_MEM_ERROR:
		return DECOMPRESS_TOO_BIG;
	default:
		return DECOMPRESS_BAD;
	}
}

static void xz_close(gpointer state)
{
	lzma_end(state);
	g_free(state);
}

const Decompressor xz_decompressor = {
	ARTIFACT_COMPRESSION_XZ,
	".xz",
	"xz",
	xz_open,
	xz_begin,
	xz_run,
	xz_close,
};
