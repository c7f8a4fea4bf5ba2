/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* What the writer does with the file it writes, beside writing it from front to back. */

/* Can @fd be gone back in, and read? @ret_position: where it stands. */
gboolean file_is_seekable(int fd, guint64 *ret_position);
gboolean file_seek(int fd, guint64 position, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean file_cut_here(int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Moves @size bytes within the file, to either side. */
gboolean file_move_range(
	int fd, guint64 from, guint64 to, guint64 size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The first @size bytes of @from to where @to stands. */
gboolean file_copy_range(int from, int to, guint64 size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A file in @folder that is gone when its descriptor is; -1 with @error. */
int file_open_nameless(const char *folder, GError **error);
