/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gio/gio.h>
#include <sys/stat.h>

/* Where artifacts are read from: a file, or "-" for the standard input. */

/* (transfer full): a stream at the first byte, or NULL after a complaint; the caller ends with
 * STATUS_OPEN. */
GInputStream *open_artifact(const char *path);

/* For what goes over an artifact twice: a descriptor that can be gone back in, or -1 with @error.
 * What comes through a pipe is first copied to a file without a name below TMPDIR.
 * @ret_status: of what was opened, or of that file */
int open_seekable_artifact(
	const char *path, struct stat *ret_status, GError **error) G_GNUC_WARN_UNUSED_RESULT;
