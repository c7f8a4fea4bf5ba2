/* SPDX-License-Identifier: Apache-2.0 */
#include <lzma.h>
#include "artifact/compress.h"
#include "base/error.h"

enum { XZ_OUT_SIZE = 256 * 1024 };

typedef struct {
	lzma_stream stream;
	CompressSink sink;
	gpointer user_data;
	guint8 out[XZ_OUT_SIZE];
} XzWriter;

static void xz_close(gpointer data)
{
	XzWriter *writer = data;

	lzma_end(&writer->stream);
	g_free(writer);
}

static gpointer xz_open(int level, CompressSink sink, gpointer user_data, GError **error)
{
	XzWriter *writer = g_new0(XzWriter, 1);

	writer->stream = (lzma_stream)LZMA_STREAM_INIT;
	writer->sink = sink;
	writer->user_data = user_data;
	if (lzma_easy_encoder(&writer->stream, LZMA_PRESET_DEFAULT, LZMA_CHECK_CRC64) == LZMA_OK)
		return writer;
	xz_close(writer);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "start xz: no memory");
	return NULL;
}

static gboolean xz_run(XzWriter *writer, lzma_action action, GError **error)
{
	lzma_ret result;

	do {
		writer->stream.next_out = writer->out;
		writer->stream.avail_out = XZ_OUT_SIZE;
		result = lzma_code(&writer->stream, action);
		if (result != LZMA_OK && result != LZMA_STREAM_END) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL, "xz fails: %d", result);
			return FALSE;
		}
		gsize made = XZ_OUT_SIZE - writer->stream.avail_out;
		if (made > 0 && !writer->sink(writer->out, made, writer->user_data, error))
			return FALSE;
	} while (action == LZMA_RUN ? writer->stream.avail_in > 0 : result != LZMA_STREAM_END);
	return TRUE;
}

static gboolean xz_push(gpointer data, gconstpointer bytes, gsize size, GError **error)
{
	XzWriter *writer = data;

	writer->stream.next_in = bytes;
	writer->stream.avail_in = size;
	return size == 0 || xz_run(writer, LZMA_RUN, error);
}

static gboolean xz_finish(gpointer data, GError **error)
{
	return xz_run(data, LZMA_FINISH, error);
}

const CompressRow xz_compress = { xz_open, xz_push, xz_finish, xz_close, NULL };
