/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/decompress.h"

enum { BUFFER_SIZE = 256 * 1024 };

const Decompressor *decompressor_for(ArtifactCompression compression)
{
	static const Decompressor *const decompressors[] = {
		[ARTIFACT_COMPRESSION_NONE] = NULL,
		[ARTIFACT_COMPRESSION_GZIP] = &gzip_decompressor,
		[ARTIFACT_COMPRESSION_XZ] = &xz_decompressor,
		[ARTIFACT_COMPRESSION_ZSTD] = &zstd_decompressor,
	};

	return decompressors[compression];
}

static gboolean begin_member(DecompressStream *self, GError **error)
{
	if (!self->decompressor->begin(self->state))
		return place_refuse(self->place, 16, ARTIFACT_ERROR_LIMIT, error,
			"no memory to unpack %s", self->decompressor->name);
	self->inside = TRUE;
	self->n_members++;
	return TRUE;
}

static gboolean judge(DecompressStream *self, DecompressResult result, GError **error)
{
	switch (result) {
	case DECOMPRESS_MORE:
		return TRUE;
	case DECOMPRESS_END:
		self->inside = FALSE;
		return TRUE;
	case DECOMPRESS_TOO_BIG:
		return place_refuse(self->place, 16, ARTIFACT_ERROR_LIMIT, error,
			"the %s stream asks for a larger window than is allowed",
			self->decompressor->name);
	case DECOMPRESS_BAD:
		break;
	}
	return place_refuse(self->place, 19, ARTIFACT_ERROR_COMPRESSION, error,
		"not a %s stream, or a damaged one", self->decompressor->name);
}

/* Unpacks what is at hand behind what the buffer holds. *ret_given: bytes of input that were there;
 * *ret_moved: some were taken, or some came out. */
static gboolean run(DecompressStream *self, gsize *ret_given, gboolean *ret_moved, GError **error)
{
	DecompressStep step = {
		.out = self->buffers[self->turn] + self->end,
		.out_size = BUFFER_SIZE - self->end,
	};

	if (!stream_peek(self->in, &step.in, &step.in_size, error))
		return FALSE;
	*ret_given = step.in_size;
	self->pending = self->decompressor->run(self->state, &step);
	stream_advance(self->in, *ret_given - step.in_size);
	*ret_moved = *ret_given > step.in_size || BUFFER_SIZE - step.out_size > self->end;
	self->end = BUFFER_SIZE - step.out_size;
	return TRUE;
}

static gboolean may_take(const DecompressStream *self)
{
	return self->segments && self->inside && gzip_segments_at_piece(self->segments) &&
	       self->decompressor->may_take(self->state);
}

/* Fills the buffer: who takes a sum of it beside is woken once for all of it. Whatever goes wrong
 * behind the first bytes waits until they were lent, so that the first fault is the one told. */
static void fill(DecompressStream *self)
{
	gboolean moved = TRUE;
	gsize given = 1;

	while (moved && given > 0 && self->end < BUFFER_SIZE && self->pending == DECOMPRESS_MORE &&
		!may_take(self)) {
		g_autoptr(GError) later = NULL;

		if (!run(self, &given, &moved, &later))
			return;
	}
}

static gboolean settle_pending(DecompressStream *self, GError **error)
{
	DecompressResult result = self->pending;

	self->pending = DECOMPRESS_MORE;
	return judge(self, result, error);
}

/* What was unpacked elsewhere is lent in pieces of the size of a buffer: who takes a sum beside has
 * then no more of it in hand than of the buffers. */
static void lend_taken(DecompressStream *self)
{
	self->data = self->taken;
	self->start = 0;
	self->end = MIN(self->taken_size, (gsize)BUFFER_SIZE);
	self->taken += self->end;
	self->taken_size -= self->end;
}

static gboolean take_segment(DecompressStream *self)
{
	if (!may_take(self) || !gzip_segments_take(self->segments, &self->taken, &self->taken_size))
		return FALSE;
	self->decompressor->take(self->state, self->taken, self->taken_size);
	lend_taken(self);
	return TRUE;
}

/* One step; *ret_ended when the input is at its end and all was given. */
static gboolean step(DecompressStream *self, gboolean *ret_ended, GError **error)
{
	const guint8 *in;
	gboolean moved;
	gsize given;

	if (self->taken_size > 0) {
		lend_taken(self);
		return TRUE;
	}
	if (self->pending == DECOMPRESS_MORE && take_segment(self))
		return TRUE;
	if (!settle_pending(self, error) || !stream_peek(self->in, &in, &given, error))
		return FALSE;
	*ret_ended = given == 0 && !self->inside && self->n_members > 0;
	if (*ret_ended)
		return TRUE;
	if (!self->inside && !begin_member(self, error))
		return FALSE;

	if (self->end > 0) /* else nothing of this buffer was lent */
		self->turn = (self->turn + 1) % DECOMPRESS_BUFFERS;
	self->start = self->end = 0;
	self->data = self->buffers[self->turn];
	if (!run(self, &given, &moved, error))
		return FALSE;
	if (self->end > 0) {
		fill(self);
		return TRUE;
	}
	if (!settle_pending(self, error))
		return FALSE;
	if (!moved && self->inside)
		return place_refuse(self->place, 19, ARTIFACT_ERROR_COMPRESSION, error,
			"the %s stream is cut", self->decompressor->name);
	return TRUE;
}

static gboolean decompress_peek(
	Stream *stream, const guint8 **ret_data, gsize *ret_size, GError **error)
{
	DecompressStream *self = (DecompressStream *)stream;
	gboolean ended = FALSE;

	while (self->start == self->end && !ended)
		if (!step(self, &ended, error))
			return FALSE;
	*ret_data = self->data + self->start;
	*ret_size = self->end - self->start;
	return TRUE;
}

static void decompress_advance(Stream *stream, gsize size)
{
	((DecompressStream *)stream)->start += size;
}

void decompress_stream_init(
	DecompressStream *stream, ArtifactCompression compression, Stream *in, Place *place)
{
	const Decompressor *decompressor = decompressor_for(compression);

	*stream = (DecompressStream){
		.stream = { decompress_peek, decompress_advance },
		.in = in,
		.place = place,
		.decompressor = decompressor,
		.pending = DECOMPRESS_MORE,
		.state = decompressor->open(),
	};
	for (guint i = 0; i < DECOMPRESS_BUFFERS; i++)
		stream->buffers[i] = g_malloc(BUFFER_SIZE);
	stream->data = stream->buffers[0];
}

void decompress_stream_look_ahead(DecompressStream *stream)
{
	if (!stream->decompressor->may_take)
		return;
	stream->segments = gzip_segments_new(stream->in);
	if (stream->segments)
		stream->in = gzip_segments_stream(stream->segments);
}

void decompress_stream_clear(DecompressStream *stream)
{
	g_clear_pointer(&stream->segments, gzip_segments_free);
	if (stream->state)
		stream->decompressor->close(stream->state);
	stream->state = NULL;
	for (guint i = 0; i < DECOMPRESS_BUFFERS; i++)
		g_clear_pointer(&stream->buffers[i], g_free);
}
