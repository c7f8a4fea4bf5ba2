/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header.h"

/* Compression as a sink before a sink. The same input gives the same output, however many threads
 * took part. */

/* Takes what was made; FALSE with @error stops the compressor. */
typedef gboolean (*CompressSink)(
	gconstpointer data, gsize size, gpointer user_data, GError **error);

typedef struct {
	ArtifactCompression kind;
	int level; /* 0: the default; for zstd its own levels */
} CompressChoice;

typedef struct {
	gpointer (*open)(int level, CompressSink sink, gpointer user_data, GError **error);
	gboolean (*push)(gpointer state, gconstpointer data, gsize size, GError **error);
	gboolean (*finish)(gpointer state, GError **error); /* all is in the sink afterwards */
	void (*close)(gpointer state);
	guint8 *(*room)(gpointer state, gsize *ret_size); /* or NULL: see compressor_room */
} CompressRow;

extern const CompressRow none_compress, gzip_compress, xz_compress, zstd_compress;

typedef struct {
	const CompressRow *row;
	gpointer state;
	guint8 *buffer;
} Compressor;

gboolean compressor_open(Compressor *compressor, const CompressChoice *choice, CompressSink sink,
	gpointer user_data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean compressor_push(Compressor *compressor, gconstpointer data, gsize size,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Where to put what is pushed next, to save a copy: at least one byte, valid until then. */
guint8 *compressor_room(Compressor *compressor, gsize *ret_size);
gboolean compressor_finish(Compressor *compressor, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void compressor_close(Compressor *compressor);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Compressor, compressor_close)

/* "", ".gz", ".xz", ".zst" */
const char *compression_suffix(ArtifactCompression kind);

/* Threads worth starting: the cores we may use, at most eight. */
guint compress_threads(void);

/* --- one chunk of the parallel gzip, by ISA-L or zlib --- */
enum {
	DEFLATE_CHUNK_SIZE = 1024 * 1024,
	/* So much refers to nothing before it; a mark stands behind. */
	DEFLATE_SEGMENT_SIZE = 2 * DEFLATE_CHUNK_SIZE,
	DEFLATE_MARK_SIZE = 9,
	DEFLATE_DICTIONARY_SIZE = 32 * 1024,
	/* Stored blocks cost five bytes each; the rest is room for flushing. */
	DEFLATE_OUT_SIZE = DEFLATE_CHUNK_SIZE + DEFLATE_CHUNK_SIZE / 16 + 4096,
};

/* The end of a flush, and one more empty block: a flush alone ends every chunk. */
extern const guint8 deflate_mark[DEFLATE_MARK_SIZE];

typedef struct {
	gpointer work; /* of the library, kept from chunk to chunk; NULL at first */
	guint8 dictionary[DEFLATE_DICTIONARY_SIZE]; /* what came before */
	guint8 in[DEFLATE_CHUNK_SIZE];
	guint8 out[DEFLATE_OUT_SIZE];
	gsize dictionary_size, in_size, out_size;
} DeflateChunk;

/* Compresses a chunk as raw deflate, ended by a flush to a whole byte so that the next can follow.
 * FALSE on a fault of the library. */
gboolean deflate_chunk(DeflateChunk *chunk);
void deflate_chunk_free(DeflateChunk *chunk);
guint32 deflate_crc(guint32 crc, const guint8 *data, gsize size);
