/* SPDX-License-Identifier: Apache-2.0 */
#include "server/stream.h"

#include <string.h>
#include "base/error.h"

/* Two threads meet here: the loop (put, end, break) and the reader (read, close). The lock is held
 * for a copy at most. A paused request is held in memory until the reader's resume has run on the
 * loop. */

struct BodyStream {
	HttpRequest *request;
	GInputStream *input;
	GMutex mutex;
	GCond changed;
	GByteArray *held; /* what has come and was not taken */
	gsize taken;      /* bytes at the front of it that were */
	guint64 size, size_max;
	gboolean ended, broken, closed, paused;
};

/* --- The GInputStream over it --- */

typedef struct {
	GInputStream parent;
	BodyStream *stream;
} BodyInput;
typedef GInputStreamClass BodyInputClass;
static GType body_input_get_type(void);
G_DEFINE_TYPE(BodyInput, body_input, G_TYPE_INPUT_STREAM)

static void resume_on_loop(HttpRequest *request, gboolean gone, gpointer data)
{
	if (!gone)
		http_request_resume(request);
}

/* With the lock held: lets the client go on. */
static void resume(BodyStream *stream)
{
	if (!stream->paused)
		return;
	stream->paused = FALSE;
	http_request_post(stream->request, resume_on_loop, NULL);
}

static gssize take(BodyStream *stream, guint8 *buffer, gsize count)
{
	gsize size = MIN(count, stream->held->len - stream->taken);

	if (size == 0) /* at the end; an empty body has no memory at all */
		return 0;
	memcpy(buffer, stream->held->data + stream->taken, size);
	stream->taken += size;
	if (stream->taken == stream->held->len) {
		g_byte_array_set_size(stream->held, 0);
		stream->taken = 0;
		resume(stream);
	}
	return (gssize)size;
}

static gssize fail_read(BodyStream *stream, GError **error)
{
	if (stream->size > stream->size_max)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"the body is larger than %" G_GUINT64_FORMAT " bytes", stream->size_max);
	else
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID, "the body broke off");
	return -1;
}

static gssize body_input_read(
	GInputStream *input, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
	BodyStream *stream = ((BodyInput *)input)->stream;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&stream->mutex);

	while (stream->taken == stream->held->len && !stream->ended && !stream->broken &&
		stream->size <= stream->size_max)
		g_cond_wait(&stream->changed, &stream->mutex);
	if (stream->broken || stream->size > stream->size_max)
		return fail_read(stream, error);
	return take(stream, buffer, count);
}

static void body_input_class_init(BodyInputClass *class)
{
	class->read_fn = body_input_read;
}

static void body_input_init(BodyInput *input)
{
}

/* --- The loop's side --- */

/* With the lock held. A reader that keeps pace without ever catching up leaves what it took at the
 * front: moved away once it is as much as may wait, each byte is moved once at most. */
static void drop_taken(BodyStream *stream)
{
	if (stream->taken < BODY_STREAM_HELD_MAX)
		return;
	g_byte_array_remove_range(stream->held, 0, (guint)stream->taken);
	stream->taken = 0;
}

static gboolean put(HttpRequest *request, const guint8 *data, gsize size, gpointer sink)
{
	BodyStream *stream = sink;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&stream->mutex);

	stream->size += size;
	if (stream->closed)
		return TRUE;
	drop_taken(stream);
	if (stream->size <= stream->size_max)
		g_byte_array_append(stream->held, data, (guint)size);
	/* Waking the thread for every record would cost more than the record. */
	if (stream->held->len - stream->taken >= BODY_STREAM_WAKE ||
		stream->size > stream->size_max)
		g_cond_signal(&stream->changed);
	if (stream->held->len - stream->taken > BODY_STREAM_HELD_MAX && !stream->paused) {
		stream->paused = TRUE;
		http_request_hold(request);
		http_request_pause(request);
	}
	return TRUE;
}

static void finish(HttpRequest *request, gpointer sink)
{
	BodyStream *stream = sink;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&stream->mutex);

	stream->ended = TRUE;
	g_cond_signal(&stream->changed);
}

BodyStream *body_stream_new(HttpRequest *request, guint64 size_max)
{
	static const HttpBodySink body_sink = { .data = put, .end = finish };
	BodyStream *stream = g_new0(BodyStream, 1);

	stream->request = request;
	stream->size_max = size_max;
	stream->held = g_byte_array_new();
	stream->input = g_object_new(body_input_get_type(), NULL);
	((BodyInput *)stream->input)->stream = stream;
	g_mutex_init(&stream->mutex);
	g_cond_init(&stream->changed);
	if (http_request_has_body(request))
		http_request_read_body(request, &body_sink, stream);
	else
		stream->ended = TRUE;
	return stream;
}

void body_stream_break(BodyStream *stream)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&stream->mutex);

	stream->broken = !stream->ended;
	g_cond_signal(&stream->changed);
}

GInputStream *body_stream_input(BodyStream *stream)
{
	return stream->input;
}

void body_stream_close(BodyStream *stream)
{
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&stream->mutex);

	stream->closed = TRUE;
	g_byte_array_set_size(stream->held, 0);
	stream->taken = 0;
	resume(stream);
}

void body_stream_free(BodyStream *stream)
{
	if (!stream)
		return;
	g_object_unref(stream->input);
	g_byte_array_unref(stream->held);
	g_mutex_clear(&stream->mutex);
	g_cond_clear(&stream->changed);
	g_free(stream);
}
