/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Copies of images, which are mostly empty: what is zero takes up no room in them. */
enum { SPARSE_BLOCK_SIZE = 4096 };

/* Appends to where @fd stands; blocks of zeros become holes. */
gboolean sparse_write(
	int fd, gconstpointer data, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* After the last sparse_write(): the file ends here, also behind a hole. */
gboolean sparse_end(int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All of @from into the empty file @to; shares the blocks where the file system can. */
gboolean sparse_copy(int from, int to, GError **error) G_GNUC_WARN_UNUSED_RESULT;
