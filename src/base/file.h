/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <sys/types.h>

/* Files that are there whole or not at all. */

/**
 * file_write_atomic:
 * @mode: permission bits of the new file
 *
 * Writes a temporary file beside @path, syncs it, renames it over @path and syncs the folder. A
 * power cut leaves the old content or the new one. The temporary file is gone on failure.
 */
gboolean file_write_atomic(const char *path, gconstpointer data, gsize size, mode_t mode,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * file_read:
 * @size_max: more than this is ROTA_ERROR_TOO_LARGE, and nothing is kept
 * Returns: (transfer full): the bytes, or NULL. A missing file is ROTA_ERROR_NOT_FOUND.
 */
GBytes *file_read(const char *path, gsize size_max, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same as text, up to the first NUL; "" for an empty file, as a power cut may leave it. */
char *file_read_text(const char *path, gsize size_max, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes @path and its parents, each with @mode; existing ones are left as they are. */
gboolean file_make_folders(const char *path, mode_t mode, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Syncs a folder, so that a rename or unlink in it survives a power cut. */
gboolean file_sync_folder(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes @path and all below it without following links. A missing path is success. */
gboolean file_remove_tree(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes all of @data, going on after short writes and EINTR. */
gboolean file_write_all(
	int fd, gconstpointer data, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Leaves -1, so that nobody closes what has the same number by then. */
void file_close_fd(int *fd);
/* A descriptor that closes itself at the end of its scope: `autofd int fd = open(...)`. */
#define autofd __attribute__((cleanup(file_close_fd)))
