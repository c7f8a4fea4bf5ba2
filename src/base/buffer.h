/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* A growing run of bytes with a named maximum: the only kind of growing buffer in the project. */
typedef struct {
	guint8 *data;
	gsize size;
	gsize size_allocated;
	gsize size_max;
	const char *name; /* for messages: "the request body" */
} Buffer;

void buffer_init(Buffer *buffer, const char *name, gsize size_max);
void buffer_clear(Buffer *buffer);
void buffer_reset(Buffer *buffer); /* empties it, keeps the memory */

/* ROTA_ERROR_TOO_LARGE "NAME is larger than N bytes" when it would pass the maximum; it is then
 * unchanged. */
gboolean buffer_append(
	Buffer *buffer, gconstpointer data, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Drops @size bytes at the front. */
void buffer_consume(Buffer *buffer, gsize size);

/* (transfer full): the bytes; the buffer is empty afterwards. */
GBytes *buffer_steal(Buffer *buffer);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Buffer, buffer_clear)
