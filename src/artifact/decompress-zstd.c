/* SPDX-License-Identifier: Apache-2.0 */
#include <zstd.h>
#include <zstd_errors.h>
#include "artifact/decompress.h"

enum {
	ZSTD_WINDOW_LOG_MAX = 27, /* 128 MiB */
	ZSTD_FIRST_BYTE =
		0x28, /* of a frame; skippable frames and the old formats begin otherwise */
};

typedef struct {
	ZSTD_DStream *stream;
	gboolean at_start;
} ZstdState;

static gpointer zstd_open(void)
{
	ZstdState *state = g_new0(ZstdState, 1);

	state->stream = ZSTD_createDStream();
	return state;
}

static gboolean zstd_begin(gpointer data)
{
	ZstdState *state = data;

	state->at_start = TRUE;
	return state->stream && !ZSTD_isError(ZSTD_initDStream(state->stream)) &&
	       !ZSTD_isError(ZSTD_DCtx_setParameter(
		       state->stream, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX));
}

static DecompressResult zstd_run(gpointer data, DecompressStep *step)
{
	ZstdState *state = data;
	ZSTD_inBuffer in = { step->in, step->in_size, 0 };
	ZSTD_outBuffer out = { step->out, step->out_size, 0 };

	if (state->at_start && step->in_size > 0) {
		if (step->in[0] != ZSTD_FIRST_BYTE)
			return DECOMPRESS_BAD;
		state->at_start = FALSE;
	}
	size_t result = ZSTD_decompressStream(state->stream, &out, &in);
	step->in += in.pos;
	step->in_size -= in.pos;
	step->out += out.pos;
	step->out_size -= out.pos;
	if (!ZSTD_isError(result))
		return result == 0 ? DECOMPRESS_END : DECOMPRESS_MORE;
	ZSTD_ErrorCode code = ZSTD_getErrorCode(result);
	gboolean too_big = code == ZSTD_error_frameParameter_windowTooLarge ||
			   code == ZSTD_error_memory_allocation;
	return too_big ? DECOMPRESS_TOO_BIG : DECOMPRESS_BAD;
}

static void zstd_close(gpointer data)
{
	ZstdState *state = data;

	ZSTD_freeDStream(state->stream);
	g_free(state);
}

const Decompressor zstd_decompressor = {
	ARTIFACT_COMPRESSION_ZSTD,
	".zst",
	"zstd",
	zstd_open,
	zstd_begin,
	zstd_run,
	zstd_close,
};
