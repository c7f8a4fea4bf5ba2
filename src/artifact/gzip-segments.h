/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/stream.h"

/* gzip unpacked on several cores, where its writer made that possible.
 *
 * Our writer begins anew every DEFLATE_SEGMENT_SIZE: what comes behind refers to nothing before,
 * and a mark of two empty blocks stands between. This stream looks ahead in the packed bytes, cuts
 * them at these marks and has each piece unpacked by a thread, as if it stood alone. That is a
 * guess: the mark may lie in the midst of something, the piece may refer to what came before. A
 * piece counts only if it is whole deflate blocks from its first bit to its last byte without a
 * reference behind its start; and it is used only when whoever unpacks one after the other stands
 * exactly at its beginning, between two blocks. Then both ways give the same bytes. In all other
 * cases the packed bytes are taken, as if nobody had looked ahead.
 *
 *     packed -> [cut][cut][cut] -> unpacked by threads -> taken in their order
 */
typedef struct GzipSegments GzipSegments;

/* @in: must outlive it. NULL where more threads would not help. */
GzipSegments *gzip_segments_new(Stream *in);
void gzip_segments_free(GzipSegments *segments);

/* The packed bytes; what is lent never reaches over the end of a piece. */
Stream *gzip_segments_stream(GzipSegments *segments);

/* Stands the stream at the beginning of a piece that somebody is unpacking? */
gboolean gzip_segments_at_piece(const GzipSegments *segments);

/* Waits for it. FALSE: the guess was wrong, go on with the stream. TRUE: the piece is passed over,
 * and its bytes stay valid until PARALLEL_SUM_DEPTH more were taken and another one is asked for,
 * whatever is read of the stream meanwhile. */
gboolean gzip_segments_take(GzipSegments *segments, const guint8 **ret_data, gsize *ret_size);
