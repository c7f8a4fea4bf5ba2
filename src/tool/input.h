/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gio/gio.h>
#include <sys/stat.h>
#include "base/options.h"

/* Where artifacts are read from: a file, "-" for the standard input, or an https:// URL. */

typedef struct {
	char *ca_file;
	char *size_max;
	gint64 idle_limit_s;
} InputOptions;

/* A group of rows for a verb whose struct has InputOptions. */
extern const Option input_options[];

/* (transfer full): a stream at the first byte, or NULL after a complaint; the caller ends with
 * STATUS_OPEN. @options: (nullable): the defaults */
GInputStream *open_artifact(const char *path, const InputOptions *options);

/* For what goes over an artifact twice: a descriptor that can be gone back in, or -1 with @error.
 * What comes through a pipe or from a server is first copied to a file without a name
 * below TMPDIR.
 * @ret_status: of what was opened, or of that file */
int open_seekable_artifact(
	const char *path, struct stat *ret_status, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The exit status for what went wrong while an artifact was read: STATUS_OPEN where the bytes could
 * not be had, @invalid where they were no good. */
int status_of_reading(const GError *error, int invalid);
