/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/compress.h"

enum { THREADS_MAX = 8, ROOM_SIZE = 256 * 1024 };

typedef struct {
	const char *suffix;
	const CompressRow *row;
} Kind;

static const Kind kinds[] = {
	[ARTIFACT_COMPRESSION_NONE] = { "", &none_compress },
	[ARTIFACT_COMPRESSION_GZIP] = { ".gz", &gzip_compress },
	[ARTIFACT_COMPRESSION_XZ] = { ".xz", &xz_compress },
	[ARTIFACT_COMPRESSION_ZSTD] = { ".zst", &zstd_compress },
};

const char *compression_suffix(ArtifactCompression kind)
{
	return kinds[kind].suffix;
}

guint compress_threads(void)
{
	return CLAMP(g_get_num_processors(), 1, THREADS_MAX);
}

gboolean compressor_open(Compressor *compressor, const CompressChoice *choice, CompressSink sink,
	gpointer user_data, GError **error)
{
	compressor->row = kinds[choice->kind].row;
	compressor->state = compressor->row->open(choice->level, sink, user_data, error);
	return compressor->state != NULL;
}

gboolean compressor_push(Compressor *compressor, gconstpointer data, gsize size, GError **error)
{
	return compressor->row->push(compressor->state, data, size, error);
}

gboolean compressor_finish(Compressor *compressor, GError **error)
{
	return compressor->row->finish(compressor->state, error);
}

void compressor_close(Compressor *compressor)
{
	if (compressor->state)
		compressor->row->close(compressor->state);
	compressor->state = NULL;
	g_clear_pointer(&compressor->buffer, g_free);
}

guint8 *compressor_room(Compressor *compressor, gsize *ret_size)
{
	if (compressor->row->room)
		return compressor->row->room(compressor->state, ret_size);
	if (!compressor->buffer)
		compressor->buffer = g_malloc(ROOM_SIZE);
	*ret_size = ROOM_SIZE;
	return compressor->buffer;
}

/* --- none --- */

typedef struct {
	CompressSink sink;
	gpointer user_data;
} NoneState;

static gpointer none_open(int level, CompressSink sink, gpointer user_data, GError **error)
{
	NoneState *state = g_new0(NoneState, 1);

	state->sink = sink;
	state->user_data = user_data;
	return state;
}

static gboolean none_push(gpointer data, gconstpointer bytes, gsize size, GError **error)
{
	NoneState *state = data;

	return state->sink(bytes, size, state->user_data, error);
}

static gboolean none_finish(gpointer data, GError **error)
{
	return TRUE;
}

const CompressRow none_compress = { none_open, none_push, none_finish, g_free, NULL };
