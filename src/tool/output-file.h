/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <sys/types.h>

/* A file that appears under its name whole or not at all: it is written without a name beside its
 * place, and named when all is in it. Whatever ends the program before leaves nothing behind. */
typedef struct {
	char *path;
	char *folder;
	char *temporary; /* its name meanwhile, where the file system wants one */
	int fd;          /* to write to */
	mode_t mode;
	gboolean standard_output; /* "-": no file at all */
} OutputFile;

gboolean output_file_open(OutputFile *output, const char *path, mode_t mode,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Syncs the content and gives it its name. */
gboolean output_file_commit(OutputFile *output, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void output_file_clear(OutputFile *output);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OutputFile, output_file_clear)
