/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/stream.h"
#include <string.h>
#include "artifact/error.h"

enum { SOURCE_BUFFER_SIZE = 64 * 1024 };

gboolean stream_take(Stream *stream, gpointer data, gsize size, gsize *ret_taken, GError **error)
{
	guint8 *to = data;
	gsize taken = 0;

	while (taken < size) {
		const guint8 *from;
		gsize at_hand;

		if (!stream_peek(stream, &from, &at_hand, error))
			return FALSE;
		if (at_hand == 0)
			break;
		at_hand = MIN(at_hand, size - taken);
		memcpy(to + taken, from, at_hand);
		stream_advance(stream, at_hand);
		taken += at_hand;
	}
	*ret_taken = taken;
	return TRUE;
}

static gboolean source_peek(
	Stream *stream, const guint8 **ret_data, gsize *ret_size, GError **error)
{
	Source *source = (Source *)stream;

	if (source->start == source->end) {
		g_autoptr(GError) read_error = NULL;
		gssize size = g_input_stream_read(
			source->in, source->buffer, SOURCE_BUFFER_SIZE, NULL, &read_error);

		if (size < 0) {
			g_set_error(error, ARTIFACT_ERROR, ARTIFACT_ERROR_IO,
				"read the artifact: %s", read_error->message);
			return FALSE;
		}
		source->start = 0;
		source->end = (gsize)size;
	}
	*ret_data = source->buffer + source->start;
	*ret_size = source->end - source->start;
	return TRUE;
}

static void source_advance(Stream *stream, gsize size)
{
	Source *source = (Source *)stream;

	source->start += size;
	source->position += size;
}

void source_init(Source *source, GInputStream *in)
{
	*source = (Source){
		.stream = { source_peek, source_advance },
		.in = g_object_ref(in),
		.buffer = g_malloc(SOURCE_BUFFER_SIZE),
	};
}

void source_clear(Source *source)
{
	g_clear_object(&source->in);
	g_clear_pointer(&source->buffer, g_free);
}
