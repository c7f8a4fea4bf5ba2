/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <sys/types.h>

/* A new file in a folder of the running update. Not synced one by one: the walker syncs all of DATA
 * once before the journal says that the download is done. */
gboolean tree_file_write(const char *folder, const char *name, gconstpointer data, gsize size,
	mode_t mode, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Opens it for writing; -1 with @error. */
int tree_file_create(const char *path, mode_t mode, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Everything written below @folder is on the disk when it returns TRUE. */
gboolean tree_sync(const char *folder, GError **error) G_GNUC_WARN_UNUSED_RESULT;
