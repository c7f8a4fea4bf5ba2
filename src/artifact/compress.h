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
} CompressRow;

extern const CompressRow none_compress, gzip_compress, xz_compress, zstd_compress;

typedef struct {
	const CompressRow *row;
	gpointer state;
} Compressor;

gboolean compressor_open(Compressor *compressor, const CompressChoice *choice, CompressSink sink,
	gpointer user_data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean compressor_push(Compressor *compressor, gconstpointer data, gsize size,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean compressor_finish(Compressor *compressor, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void compressor_close(Compressor *compressor);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Compressor, compressor_close)

/* "", ".gz", ".xz", ".zst" */
const char *compression_suffix(ArtifactCompression kind);

/* Threads worth starting: the cores we may use, at most eight. */
guint compress_threads(void);

/* --- deflate.h of the parallel gzip: one chunk, by ISA-L or zlib --- */
enum {
	DEFLATE_CHUNK_SIZE = 1024 * 1024,
	DEFLATE_DICTIONARY_SIZE = 32 * 1024,
	/* Stored blocks cost five bytes each; the rest is room for flushing. */
	DEFLATE_OUT_SIZE = DEFLATE_CHUNK_SIZE + DEFLATE_CHUNK_SIZE / 16 + 4096,
};

/* Compresses a chunk as raw deflate, ended by a flush to a whole byte so that the next can follow.
 * @dictionary: what came before. Returns: bytes in @out, or 0 on a fault of the library. */
gsize deflate_chunk(const guint8 *dictionary, gsize dictionary_size, const guint8 *in, gsize size,
	guint8 out[DEFLATE_OUT_SIZE]);
guint32 deflate_crc(guint32 crc, const guint8 *data, gsize size);
