/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by zlib, where there is no ISA-L. */
#include <zlib.h>
#include "artifact/decompress.h"

enum { GZIP_WINDOW_BITS = 15 + 16 }; /* 16: with the header and trailer of gzip, and nothing else */

typedef struct {
	z_stream stream;
	gboolean ready;
} GzipState;

static gpointer gzip_open(void)
{
	return g_new0(GzipState, 1);
}

static gboolean gzip_begin(gpointer data)
{
	GzipState *state = data;

	if (state->ready)
		return inflateReset(&state->stream) == Z_OK;
	state->ready = inflateInit2(&state->stream, GZIP_WINDOW_BITS) == Z_OK;
	return state->ready;
}

static DecompressResult gzip_run(gpointer data, DecompressStep *step)
{
	GzipState *state = data;
	z_stream *stream = &state->stream;

	/* It reads only; its header merely lacks the const. */
	stream->next_in = (Bytef *)(guintptr)step->in;
	stream->avail_in = (uInt)MIN(step->in_size, G_MAXUINT32);
	stream->next_out = step->out;
	stream->avail_out = (uInt)step->out_size;
	int result = inflate(stream, Z_NO_FLUSH);
	step->in_size -= (gsize)(stream->next_in - step->in);
	step->in = stream->next_in;
	step->out = stream->next_out;
	step->out_size = stream->avail_out;
	if (result == Z_STREAM_END)
		return DECOMPRESS_END;
	return result == Z_OK || result == Z_BUF_ERROR ? DECOMPRESS_MORE : DECOMPRESS_BAD;
}

static void gzip_close(gpointer data)
{
	GzipState *state = data;

	if (state->ready)
		inflateEnd(&state->stream);
	g_free(state);
}

const Decompressor gzip_decompressor = {
	ARTIFACT_COMPRESSION_GZIP,
	".gz",
	"gzip",
	gzip_open,
	gzip_begin,
	gzip_run,
	gzip_close,
};
