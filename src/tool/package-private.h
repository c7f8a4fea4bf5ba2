/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "tool/package.h"

/* What the kinds of packages share. */

/* Always FALSE: "PATH: not a KIND package: WHY". */
gboolean package_refuse(const char *path, const char *kind, const char *why, GError **error);

/* @size bytes at @offset; a file that ends before is refused. */
gboolean package_read_at(int fd, const char *path, const char *kind, gpointer data, gsize size,
	guint64 offset, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All three are there and printable? */
gboolean package_is_complete(
	const Package *package, const char *path, const char *kind, GError **error);

/* -1 with @error; @ret_size: (optional) */
int package_open(const char *path, guint64 *ret_size, GError **error);
