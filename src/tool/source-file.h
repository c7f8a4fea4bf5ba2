/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "tool/edit.h"

/* A file of this machine on its way into an image. */
typedef struct {
	int fd; /* can be gone back in */
	guint mode;
} SourceFile;

/* @path: "-" is the standard input, kept in a file without a name in @folder (nullable) meanwhile;
 * what comes from there gets the mode 0600 */
gboolean source_file_open(SourceFile *source, const char *path, const char *folder,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void source_file_clear(SourceFile *source);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SourceFile, source_file_clear)

/* A destination that ends in "/" gets the name of the source. */
gboolean source_file_complete(
	EditPlace *place, const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For edit_once(): @user_data is the SourceFile. */
gboolean source_file_write(
	Disk *disk, const char *path, gpointer user_data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
