/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Writing the frame of a tar file: ustar headers that carry nothing of where they were made. */
enum { TAR_NAME_SIZE_MAX = 100, TAR_END_SIZE = 1024 };

typedef struct {
	const char *name; /* at most TAR_NAME_SIZE_MAX bytes */
	guint64 size;
	guint mode;
	gint64 modified_s; /* not negative */
} TarHeader;

/* FALSE with ROTA_ERROR_INVALID where the name does not fit. */
gboolean tar_header_write(
	const TarHeader *header, guint8 ret_block[512], GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Bytes of zeros after a body of @size. */
guint tar_padding(guint64 size);

/* Appends header, body and padding. */
gboolean tar_append(GByteArray *tar, const TarHeader *header, gconstpointer body,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void tar_append_end(GByteArray *tar);
