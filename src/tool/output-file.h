/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <sys/stat.h>

/* A file that appears under its name whole or not at all: it is written without a name beside its
 * place, and named when all is in it. Whatever ends the program before leaves nothing behind, but
 * for one case: SIGKILL or a power cut on a file system that knows no files without a name, which
 * leaves ".NAME.xxxxxxxx".
 *
 * A link at its place is replaced, not followed. What is no file is written to as it is: the
 * standard output ("-"), a device, a FIFO, /dev/stdout, /dev/fd/N. */
typedef struct {
	char *path;
	char *folder;    /* for it, or for temporary files beside something that is no file */
	char *temporary; /* its name meanwhile, where the file system wants one */
	int fd;          /* to write to */
	mode_t mode;
	gboolean in_place; /* no file: nothing to name */
	gboolean borrowed; /* the descriptor is not ours to close */
} OutputFile;

/* OUTPUT_FILE_ERROR: there can be no file at this place. */
#define OUTPUT_FILE_ERROR (output_file_error_quark())
GQuark output_file_error_quark(void);

/* Where @path names the standard output, that is taken by data from now on: whoever knows early
 * where the data goes says so before anything else can fail. Opening it says so too. */
void output_file_announce(const char *path);

gboolean output_file_open(OutputFile *output, const char *path, mode_t mode,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* It will replace the file that @status is of: the same owner, where we may, and the same mode. */
void output_file_take_after(OutputFile *output, const struct stat *status);

/* Syncs the content and gives it its name. */
gboolean output_file_commit(OutputFile *output, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What failed while it was written: complains, with its name where the trouble is there, and
 * returns the exit status. Where the reader of a pipe has gone the program ends. */
int output_file_complain(const OutputFile *output, const GError *error);

void output_file_clear(OutputFile *output);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OutputFile, output_file_clear)
