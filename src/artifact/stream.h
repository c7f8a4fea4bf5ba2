/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gio/gio.h>

/* Bytes on their way through the layers of an artifact: file, member, decompressor, inner member.
 * Each layer lends its own buffer to the one above, so that nothing is copied on the way.
 *
 *     file -> outer tar -> member -> decompressor -> inner tar -> payload file
 */
typedef struct Stream Stream;
struct Stream {
	/* Lends the bytes at hand: at least one, or *ret_size 0 at the end. They stay valid until
	 * the next call on this stream. */
	gboolean (*peek)(Stream *stream, const guint8 **ret_data, gsize *ret_size, GError **error);
	/* Takes @size of the bytes lent last. */
	void (*advance)(Stream *stream, gsize size);
};

/* What is lent is never NULL, so that nothing added to it stays within the language's rules. */
static inline gboolean stream_peek(
	Stream *stream, const guint8 **ret_data, gsize *ret_size, GError **error)
{
	static const guint8 nothing[1];

	*ret_data = NULL; /* a layer at its end gives a size only */
	if (!stream->peek(stream, ret_data, ret_size, error))
		return FALSE;
	if (*ret_data == NULL)
		*ret_data = nothing;
	return TRUE;
}

static inline void stream_advance(Stream *stream, gsize size)
{
	stream->advance(stream, size);
}

/* Copies up to @size bytes out; *ret_taken is less only at the end of the stream. */
gboolean stream_take(Stream *stream, gpointer data, gsize size, gsize *ret_taken,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The lowest layer: a GInputStream behind a buffer, counting. */
typedef struct {
	Stream stream;
	GInputStream *in;
	guint8 *buffer;
	gsize start, end;
	guint64 position; /* bytes taken so far */
} Source;

void source_init(Source *source, GInputStream *in);
void source_clear(Source *source);
