/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/gzip-segments.h"
#include "artifact/header.h"
#include "artifact/parallel-sum.h"
#include "artifact/place.h"
#include "artifact/stream.h"

/* Decompression as a stream over a stream. What a compressor is to us is one row of functions. */
typedef enum {
	DECOMPRESS_MORE,    /* took what it could, gave what it could */
	DECOMPRESS_END,     /* the member (frame, stream) ended, its check was right */
	DECOMPRESS_BAD,     /* not such a stream, or a check that differs */
	DECOMPRESS_TOO_BIG, /* asks for a larger window than we give */
} DecompressResult;

typedef struct {
	const guint8 *in;
	gsize in_size;
	guint8 *out;
	gsize out_size; /* room left */
} DecompressStep;       /* run() moves the pointers along and takes the sizes down */

typedef struct {
	ArtifactCompression compression;
	const char *suffix; /* ".gz" */
	const char *name;   /* for messages */
	gpointer (*open)(void);
	gboolean (*begin)(gpointer state); /* another member; FALSE: out of memory */
	DecompressResult (*run)(gpointer state, DecompressStep *step);
	void (*close)(gpointer state);
	/* Both or none: may what was unpacked elsewhere be taken here? And the taking of it. */
	gboolean (*may_take)(gpointer state);
	void (*take)(gpointer state, const guint8 *unpacked, gsize size);
} Decompressor;

/* NULL for ARTIFACT_COMPRESSION_NONE. */
const Decompressor *decompressor_for(ArtifactCompression compression);

extern const Decompressor gzip_decompressor, xz_decompressor, zstd_decompressor;

/* What is lent stays valid until so many buffers less one were lent after it: long enough for a sum
 * that is taken beside. */
enum { DECOMPRESS_BUFFERS = PARALLEL_SUM_DEPTH + 1 };

/* Several members after one another are one stream, as gzip and zstd allow; anything after the last
 * is R19, as is an end inside one. */
typedef struct {
	Stream stream;
	Stream *in;
	Place *place;
	const Decompressor *decompressor;
	gpointer state;
	guint8 *buffers[DECOMPRESS_BUFFERS]; /* filled in turn */
	guint turn;
	gsize start, end;
	GzipSegments *segments; /* (nullable): looks ahead */
	const guint8 *taken;    /* unpacked elsewhere; lent piece by piece */
	gsize taken_size;
	const guint8 *data;       /* what is lent: the buffer, or a piece of what was taken */
	gboolean inside;          /* a member has begun and not ended */
	DecompressResult pending; /* how the last run went, where its bytes were lent first */
	guint64 n_members;
} DecompressStream;

void decompress_stream_init(
	DecompressStream *stream, ArtifactCompression compression, Stream *in, Place *place);
/* From now on packed bytes are looked ahead in and unpacked on several cores where that can be
 * done; what comes out is the same. Before the first byte was taken; costs 23 MiB for a large
 * member. */
void decompress_stream_look_ahead(DecompressStream *stream);
void decompress_stream_clear(DecompressStream *stream);
