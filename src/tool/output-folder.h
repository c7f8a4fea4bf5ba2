/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <sys/types.h>

/* Files unpacked into a folder: each appears under its name when all of it is there and was found
 * right, never over something that has the name already, and all of them go again unless they are
 * kept. The folder is held by its descriptor: what happens to its path meanwhile leads nowhere. */
typedef struct {
	char *path; /* without needless slashes and dots, as it is shown */
	int fd;
	GPtrArray *made;  /* of char *: the folders that were made for it, the outermost first */
	GPtrArray *names; /* of char *: what is in it through us */
} OutputFolder;

/* Makes the folder, and those above it, where they are missing. An existing one may be a link, and
 * may hold other files. */
gboolean output_folder_open(
	OutputFolder *folder, const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full): PATH/NAME */
char *output_folder_path_of(const OutputFolder *folder, const char *name);
/* What is in it survives a power cut. */
gboolean output_folder_sync(const OutputFolder *folder, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* All is well: nothing is taken back when the folder is cleared. */
void output_folder_keep(OutputFolder *folder);
/* Takes back what was put in unless it was kept. */
void output_folder_clear(OutputFolder *folder);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OutputFolder, output_folder_clear)

/* One file on its way into the folder. */
typedef struct {
	OutputFolder *folder;
	char *name;
	char *temporary; /* its name meanwhile, where the file system wants one */
	int fd;          /* to write to */
} FolderFile;

/* @name: one that has no slash and is not "." or ".."; ROTA_ERROR_CONFLICT where it is taken */
gboolean folder_file_open(FolderFile *file, OutputFolder *folder, const char *name, mode_t mode,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Syncs the content and gives it its name. */
gboolean folder_file_commit(FolderFile *file, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void folder_file_clear(FolderFile *file);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FolderFile, folder_file_clear)

/* All three steps for what is in memory. */
gboolean output_folder_add(OutputFolder *folder, const char *name, mode_t mode, GBytes *bytes,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
