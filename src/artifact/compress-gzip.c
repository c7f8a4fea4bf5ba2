/* SPDX-License-Identifier: Apache-2.0 */
/* gzip on several cores, as one member. The input is cut into chunks of fixed size; each is
 * compressed by itself, with the 32 KiB before it as dictionary, and ends on a whole byte, so that
 * the pieces in their order are one deflate stream. Which thread took which chunk leaves no trace
 * in the output.
 *
 *     push -> [slot][slot][slot]...  a ring: the oldest is written out before it is filled again
 *                ^ worker threads
 */
#include <string.h>
#include "artifact/compress.h"
#include "base/error.h"

enum { FLUSH_SIZE = 4, CHUNKS_PER_SEGMENT = DEFLATE_SEGMENT_SIZE / DEFLATE_CHUNK_SIZE };

const guint8 deflate_mark[DEFLATE_MARK_SIZE] = { 0, 0, 0xff, 0xff, 0, 0, 0, 0xff, 0xff };

typedef struct {
	DeflateChunk chunk;
	gboolean ends_segment;
	gboolean good;       /* under the lock: the chunk is packed */
	gboolean busy, done; /* handed to a worker; under the lock: it came back */
} Slot;

typedef struct {
	CompressSink sink;
	gpointer user_data;
	GThreadPool *pool;
	GMutex lock;
	GCond ready;
	Slot **slots;
	guint n_slots;
	guint filling;  /* the slot being filled; the one after it is the oldest */
	guint n_chunks; /* submitted */
	guint32 crc;
	guint64 size;
} GzipWriter;

static void compress_slot(gpointer data, gpointer user_data)
{
	Slot *slot = data;
	GzipWriter *writer = user_data;
	gboolean good = deflate_chunk(&slot->chunk);

	g_mutex_lock(&writer->lock);
	slot->good = good;
	slot->done = TRUE;
	g_cond_broadcast(&writer->ready);
	g_mutex_unlock(&writer->lock);
}

static void free_slot(Slot *slot)
{
	deflate_chunk_free(&slot->chunk);
	g_free(slot);
}

static void gzip_close(gpointer data)
{
	GzipWriter *writer = data;

	if (writer->pool)
		g_thread_pool_free(writer->pool, FALSE, TRUE);
	for (guint i = 0; i < writer->n_slots; i++)
		free_slot(writer->slots[i]);
	g_free(writer->slots);
	g_mutex_clear(&writer->lock);
	g_cond_clear(&writer->ready);
	g_free(writer);
}

static gpointer gzip_open(int level, CompressSink sink, gpointer user_data, GError **error)
{
	/* No name, no time, "unknown" as the system: nothing of where it was made. */
	static const guint8 head[10] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff };
	GzipWriter *writer = g_new0(GzipWriter, 1);
	g_autoptr(GError) failure = NULL;
	guint threads = compress_threads();

	writer->sink = sink;
	writer->user_data = user_data;
	g_mutex_init(&writer->lock);
	g_cond_init(&writer->ready);
	writer->n_slots = threads + 2;
	writer->slots = g_new0(Slot *, writer->n_slots);
	for (guint i = 0; i < writer->n_slots; i++)
		writer->slots[i] = g_new0(Slot, 1);
	/* All threads at once: a pool that has one serves whatever it is given, one that would have
	 * to start it keeps a slot for ever where it cannot. */
	writer->pool = g_thread_pool_new(compress_slot, writer, (gint)threads, TRUE, &failure);
	if (g_thread_pool_get_num_threads(writer->pool) == 0)
		g_propagate_error(error, g_steal_pointer(&failure));
	else if (sink(head, sizeof head, user_data, error))
		return writer;
	gzip_close(writer);
	return NULL;
}

/* Waits for the slot, if it is at work, and passes on what came of it. */
static gboolean drain_slot(GzipWriter *writer, Slot *slot, GError **error)
{
	if (!slot->busy)
		return TRUE;
	g_mutex_lock(&writer->lock);
	while (!slot->done)
		g_cond_wait(&writer->ready, &writer->lock);
	g_mutex_unlock(&writer->lock);
	slot->busy = FALSE;
	slot->done = FALSE;
	slot->chunk.in_size = 0;
	if (!slot->good) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL, "deflate fails");
		return FALSE;
	}
	if (!writer->sink(slot->chunk.out, slot->chunk.out_size, writer->user_data, error))
		return FALSE;
	return !slot->ends_segment ||
	       writer->sink(deflate_mark + FLUSH_SIZE, DEFLATE_MARK_SIZE - FLUSH_SIZE,
		       writer->user_data, error);
}

/* Hands the full slot to the workers and makes the next one ready to be filled. */
static gboolean submit(GzipWriter *writer, GError **error)
{
	Slot *slot = writer->slots[writer->filling];
	guint next = (writer->filling + 1) % writer->n_slots;
	Slot *next_slot = writer->slots[next];
	const DeflateChunk *chunk = &slot->chunk;
	gsize tail = MIN(chunk->in_size, DEFLATE_DICTIONARY_SIZE);

	writer->crc = deflate_crc(writer->crc, chunk->in, chunk->in_size);
	writer->size += chunk->in_size;
	writer->n_chunks++;
	slot->ends_segment = writer->n_chunks % CHUNKS_PER_SEGMENT == 0;
	slot->busy = TRUE;
	g_thread_pool_push(writer->pool, slot, NULL); /* fails for a further thread at most */
	if (!drain_slot(writer, next_slot, error))
		return FALSE;
	if (slot->ends_segment)
		tail = 0; /* readers unpack segments beside each other */
	/* The worker only reads the input, so that it may be copied meanwhile. */
	memcpy(next_slot->chunk.dictionary, chunk->in + chunk->in_size - tail, tail);
	next_slot->chunk.dictionary_size = tail;
	writer->filling = next;
	return TRUE;
}

static guint8 *gzip_room(gpointer data, gsize *ret_size)
{
	GzipWriter *writer = data;
	DeflateChunk *chunk = &writer->slots[writer->filling]->chunk;

	*ret_size = DEFLATE_CHUNK_SIZE - chunk->in_size;
	return chunk->in + chunk->in_size;
}

static gboolean gzip_push(gpointer data, gconstpointer bytes, gsize size, GError **error)
{
	GzipWriter *writer = data;
	const guint8 *from = bytes;

	while (size > 0) {
		gsize room;
		guint8 *to = gzip_room(writer, &room);
		gsize part = MIN(size, room);

		if (to != from) /* else it was put there by the caller */
			memcpy(to, from, part);
		writer->slots[writer->filling]->chunk.in_size += part;
		from += part;
		size -= part;
		if (part == room && !submit(writer, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean gzip_finish(gpointer data, GError **error)
{
	GzipWriter *writer = data;
	guint8 tail[10] = { 3, 0 }; /* an empty last block, then sum and size */
	guint32 crc, size;

	if (writer->slots[writer->filling]->chunk.in_size > 0 && !submit(writer, error))
		return FALSE;
	for (guint i = 0; i < writer->n_slots; i++) {
		guint oldest = (writer->filling + i) % writer->n_slots;

		if (!drain_slot(writer, writer->slots[oldest], error))
			return FALSE;
	}
	crc = GUINT32_TO_LE(writer->crc);
	size = GUINT32_TO_LE((guint32)writer->size);
	memcpy(tail + 2, &crc, sizeof crc);
	memcpy(tail + 6, &size, sizeof size);
	return writer->sink(tail, sizeof tail, writer->user_data, error);
}

const CompressRow gzip_compress = {
	gzip_open,
	gzip_push,
	gzip_finish,
	gzip_close,
	gzip_room,
};
