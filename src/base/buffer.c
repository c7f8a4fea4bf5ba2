/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"
#include <string.h>
#include "base/error.h"

enum { SIZE_ALLOCATED_LEAST = 256 };

void buffer_init(Buffer *buffer, const char *name, gsize size_max)
{
	*buffer = (Buffer){ .name = name, .size_max = size_max };
}

void buffer_clear(Buffer *buffer)
{
	g_free(buffer->data);
	buffer_init(buffer, buffer->name, buffer->size_max);
}

void buffer_reset(Buffer *buffer)
{
	buffer->size = 0;
}

static void make_room(Buffer *buffer, gsize size_needed)
{
	gsize size = MAX(buffer->size_allocated, (gsize)SIZE_ALLOCATED_LEAST);

	if (size_needed <= buffer->size_allocated)
		return;
	while (size < size_needed)
		size = size > G_MAXSIZE / 2 ? size_needed : size * 2;
	/* Doubling must not overshoot a maximum by half: that memory could never be used. */
	size = MAX(MIN(size, buffer->size_max), size_needed);
	buffer->data = g_realloc(buffer->data, size);
	buffer->size_allocated = size;
}

gboolean buffer_append(Buffer *buffer, gconstpointer data, gsize size, GError **error)
{
	if (size > buffer->size_max - buffer->size) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"%s is larger than %" G_GSIZE_FORMAT " bytes", buffer->name,
			buffer->size_max);
		return FALSE;
	}
	if (size == 0)
		return TRUE;
	make_room(buffer, buffer->size + size);
	memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	return TRUE;
}

void buffer_consume(Buffer *buffer, gsize size)
{
	g_assert(size <= buffer->size);
	if (size == 0)
		return;
	buffer->size -= size;
	memmove(buffer->data, buffer->data + size, buffer->size);
}

GBytes *buffer_steal(Buffer *buffer)
{
	GBytes *bytes = g_bytes_new_take(buffer->data, buffer->size);

	buffer_init(buffer, buffer->name, buffer->size_max);
	return bytes;
}
