/* SPDX-License-Identifier: Apache-2.0 */
#include <zstd.h>
#include "artifact/compress.h"
#include "base/error.h"

enum { ZSTD_OUT_SIZE = 256 * 1024, ZSTD_LEVEL_DEFAULT = 3 };

typedef struct {
	ZSTD_CCtx *context;
	CompressSink sink;
	gpointer user_data;
	guint8 out[ZSTD_OUT_SIZE];
} ZstdWriter;

static void zstd_close(gpointer data)
{
	ZstdWriter *writer = data;

	ZSTD_freeCCtx(writer->context);
	g_free(writer);
}

static gpointer zstd_open(int level, CompressSink sink, gpointer user_data, GError **error)
{
	ZstdWriter *writer = g_new0(ZstdWriter, 1);

	writer->context = ZSTD_createCCtx();
	writer->sink = sink;
	writer->user_data = user_data;
	if (!writer->context) {
		zstd_close(writer);
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "start zstd: no memory");
		return NULL;
	}
	if (level == 0)
		level = ZSTD_LEVEL_DEFAULT;
	ZSTD_CCtx_setParameter(writer->context, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(writer->context, ZSTD_c_checksumFlag, 1);
	/* With workers the input is cut into jobs whose size follows from the level alone: any
	 * number of them, but never none, gives the same output. A library without threads ignores
	 * it. */
	ZSTD_CCtx_setParameter(writer->context, ZSTD_c_nbWorkers, (int)MAX(compress_threads(), 1));
	return writer;
}

static gboolean zstd_run(
	ZstdWriter *writer, ZSTD_inBuffer *in, ZSTD_EndDirective directive, GError **error)
{
	size_t left;

	do {
		ZSTD_outBuffer out = { writer->out, ZSTD_OUT_SIZE, 0 };

		left = ZSTD_compressStream2(writer->context, &out, in, directive);
		if (ZSTD_isError(left)) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL, "zstd fails: %s",
				ZSTD_getErrorName(left));
			return FALSE;
		}
		if (out.pos > 0 && !writer->sink(writer->out, out.pos, writer->user_data, error))
			return FALSE;
	} while (directive == ZSTD_e_end ? left > 0 : in->pos < in->size);
	return TRUE;
}

static gboolean zstd_push(gpointer data, gconstpointer bytes, gsize size, GError **error)
{
	ZSTD_inBuffer in = { bytes, size, 0 };

	return zstd_run(data, &in, ZSTD_e_continue, error);
}

static gboolean zstd_finish(gpointer data, GError **error)
{
	ZSTD_inBuffer in = { NULL, 0, 0 };

	return zstd_run(data, &in, ZSTD_e_end, error);
}

const CompressRow zstd_compress = { zstd_open, zstd_push, zstd_finish, zstd_close, NULL };
