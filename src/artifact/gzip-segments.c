/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/gzip-segments.h"
#include <isa-l/igzip_lib.h>
#include <string.h>
#include "artifact/compress.h"
#include "artifact/decompress-gzip-isal.h"
#include "artifact/parallel-sum.h"

enum {
	PIECES = 4, /* the one at hand and those ahead */
	THREADS_MAX = PIECES,
	/* A piece may be lent at once, and a sum look at as many as are lent before the next. */
	TAKEN = PARALLEL_SUM_DEPTH + 1,
	/* Stored blocks cost five bytes each; the rest is room for flushing. */
	PACKED_MAX = DEFLATE_SEGMENT_SIZE + DEFLATE_SEGMENT_SIZE / 16 + 8192,
	/* What is unpacked must be the window of what follows, all of it. */
	UNPACKED_MIN = 32 * 1024,
};

typedef struct {
	guint8 packed[PACKED_MAX];
	guint8 *unpacked; /* DEFLATE_SEGMENT_SIZE bytes */
	gsize packed_size, unpacked_size, used;
	gboolean guessed;    /* a thread has it, or had it */
	gboolean done, good; /* under the lock */
	struct inflate_state state;
} Piece;

struct GzipSegments {
	Stream stream;
	Stream *in;
	GThreadPool *pool; /* made for the first piece that is guessed */
	GMutex lock;
	GCond changed;
	guint8 *taken[TAKEN]; /* what was unpacked last, in turn; exchanged with a piece */
	guint turn;
	Piece *pieces[PIECES]; /* a ring; made when needed */
	guint first, n_pieces; /* the one at hand, and how many are there with it */
	gboolean aligned;      /* what is read next begins behind a mark */
	gboolean plain;        /* no marks, no more input or no threads: nothing is looked for */
};

static void unpack_piece(gpointer data, gpointer user_data)
{
	Piece *piece = data;
	GzipSegments *segments = user_data;
	struct inflate_state *state = &piece->state;

	isal_inflate_init(state);
	state->crc_flag = ISAL_DEFLATE;
	state->next_in = piece->packed;
	state->avail_in = (uint32_t)piece->packed_size;
	state->next_out = piece->unpacked;
	state->avail_out = DEFLATE_SEGMENT_SIZE;
	int result = isal_inflate(state);
	piece->unpacked_size = DEFLATE_SEGMENT_SIZE - state->avail_out;
	gboolean good = (result == ISAL_DECOMP_OK || result == ISAL_END_INPUT) &&
			inflate_is_between_blocks(state) && piece->unpacked_size >= UNPACKED_MIN;

	g_mutex_lock(&segments->lock);
	piece->good = good;
	piece->done = TRUE;
	g_cond_broadcast(&segments->changed);
	g_mutex_unlock(&segments->lock);
}

/* --- looking ahead --- */

/* Where the first mark ends that ends behind @from; 0: there is none. */
static gsize find_mark(const Piece *piece, gsize from)
{
	gsize start = from > DEFLATE_MARK_SIZE - 1 ? from - (DEFLATE_MARK_SIZE - 1) : 0;
	const guint8 *mark = memmem(
		piece->packed + start, piece->packed_size - start, deflate_mark, DEFLATE_MARK_SIZE);

	return mark ? (gsize)(mark - piece->packed) + DEFLATE_MARK_SIZE : 0;
}

/* *ret_marked: it ends with a mark. Input that fails or ends is met again by whoever goes on. */
static void cut_piece(GzipSegments *segments, Piece *piece, gboolean *ret_marked)
{
	piece->packed_size = piece->used = 0;
	*ret_marked = FALSE;
	while (!*ret_marked && piece->packed_size < PACKED_MAX) {
		g_autoptr(GError) later = NULL;
		const guint8 *data;
		gsize size, before = piece->packed_size;

		if (!stream_peek(segments->in, &data, &size, &later) || size == 0)
			break;
		size = MIN(size, PACKED_MAX - before);
		memcpy(piece->packed + before, data, size);
		piece->packed_size += size;
		gsize end = find_mark(piece, before);
		if (end > 0) {
			*ret_marked = TRUE;
			piece->packed_size = end;
		}
		stream_advance(segments->in, piece->packed_size - before);
	}
}

static Piece *piece_at(GzipSegments *segments, guint place)
{
	if (!segments->pieces[place])
		segments->pieces[place] = g_new0(Piece, 1);
	Piece *piece = segments->pieces[place];
	if (!piece->unpacked)
		piece->unpacked = g_malloc(DEFLATE_SEGMENT_SIZE);
	return piece;
}

/* All threads are started with the first piece: a pool that has one serves whatever it is given,
 * one that would have to start it keeps the piece where it cannot, and unpacks it when nobody
 * expects it anymore. */
static gboolean give_away(GzipSegments *segments, Piece *piece)
{
	gint threads = MIN((gint)compress_threads(), THREADS_MAX);

	if (!segments->pool)
		segments->pool = g_thread_pool_new(unpack_piece, segments, threads, TRUE, NULL);
	if (g_thread_pool_get_num_threads(segments->pool) == 0)
		return FALSE;
	g_thread_pool_push(segments->pool, piece, NULL);
	return TRUE;
}

static void look_ahead(GzipSegments *segments)
{
	while (!segments->plain && segments->n_pieces < PIECES) {
		Piece *piece = piece_at(segments, (segments->first + segments->n_pieces) % PIECES);
		gboolean marked;

		cut_piece(segments, piece, &marked);
		piece->done = piece->good = FALSE;
		gboolean guess = marked && segments->aligned;
		piece->guessed = guess && give_away(segments, piece);
		segments->aligned = marked;
		segments->plain = !marked || piece->guessed != guess;
		if (piece->packed_size > 0)
			segments->n_pieces++;
	}
}

/* The piece at hand, if there is one that is not used up. */
static Piece *piece_at_hand(GzipSegments *segments)
{
	look_ahead(segments);
	return segments->n_pieces > 0 ? segments->pieces[segments->first] : NULL;
}

static void pass_over(GzipSegments *segments)
{
	segments->first = (segments->first + 1) % PIECES;
	segments->n_pieces--;
}

static void wait_for(GzipSegments *segments, Piece *piece)
{
	g_mutex_lock(&segments->lock);
	while (piece->guessed && !piece->done)
		g_cond_wait(&segments->changed, &segments->lock);
	g_mutex_unlock(&segments->lock);
}

gboolean gzip_segments_at_piece(const GzipSegments *segments)
{
	const Piece *piece = segments->pieces[segments->first];

	return segments->n_pieces > 0 && piece->guessed && piece->used == 0;
}

gboolean gzip_segments_take(GzipSegments *segments, const guint8 **ret_data, gsize *ret_size)
{
	Piece *piece = segments->pieces[segments->first];

	wait_for(segments, piece);
	if (!piece->good) {
		piece->guessed = FALSE;
		return FALSE;
	}
	guint8 **taken = &segments->taken[segments->turn];
	segments->turn = (segments->turn + 1) % TAKEN;
	guint8 *before = *taken;
	*ret_data = *taken = piece->unpacked;
	*ret_size = piece->unpacked_size;
	piece->unpacked = before;
	pass_over(segments);
	look_ahead(segments);
	return TRUE;
}

/* --- the packed bytes --- */

static gboolean segments_peek(
	Stream *stream, const guint8 **ret_data, gsize *ret_size, GError **error)
{
	GzipSegments *segments = (GzipSegments *)stream;
	Piece *piece = piece_at_hand(segments);

	if (!piece)
		return stream_peek(segments->in, ret_data, ret_size, error);
	wait_for(segments, piece); /* before it is used for another one */
	*ret_data = piece->packed + piece->used;
	*ret_size = piece->packed_size - piece->used;
	return TRUE;
}

static void segments_advance(Stream *stream, gsize size)
{
	GzipSegments *segments = (GzipSegments *)stream;

	if (segments->n_pieces == 0) {
		stream_advance(segments->in, size);
		return;
	}
	Piece *piece = segments->pieces[segments->first];
	piece->used += size;
	if (piece->used == piece->packed_size)
		pass_over(segments);
}

Stream *gzip_segments_stream(GzipSegments *segments)
{
	return &segments->stream;
}

GzipSegments *gzip_segments_new(Stream *in)
{
	if (compress_threads() < 2)
		return NULL;
	GzipSegments *segments = g_new0(GzipSegments, 1);
	segments->stream = (Stream){ segments_peek, segments_advance };
	segments->in = in;
	g_mutex_init(&segments->lock);
	g_cond_init(&segments->changed);
	return segments;
}

void gzip_segments_free(GzipSegments *segments)
{
	if (!segments)
		return;
	if (segments->pool)
		g_thread_pool_free(segments->pool, TRUE, TRUE);
	for (guint i = 0; i < PIECES && segments->pieces[i]; i++) {
		g_free(segments->pieces[i]->unpacked);
		g_free(segments->pieces[i]);
	}
	for (guint i = 0; i < TAKEN; i++)
		g_free(segments->taken[i]);
	g_mutex_clear(&segments->lock);
	g_cond_clear(&segments->changed);
	g_free(segments);
}
