/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/writer.h"

/* The payload of a generator: files of the user's, and small or temporary ones that have no name
 * outside of the artifact. */
typedef struct {
	GPtrArray *names; /* of char *: in the artifact; a NULL at the end */
	GPtrArray *paths; /* of char * */
	GArray *fds;      /* of int: what has no path of its own */
} PayloadFiles;

void payload_files_init(PayloadFiles *files);

/* @name: (nullable): otherwise the end of @path */
void payload_files_add_path(PayloadFiles *files, const char *name, const char *path);

/* One line, as `echo` writes it. */
gboolean payload_files_add_line(PayloadFiles *files, const char *name, const char *line,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @fd: (transfer full): a regular file, taken from its beginning */
void payload_files_add_fd(PayloadFiles *files, const char *name, int fd);

/* The files are those of @spec as long as @files lives. */
void payload_files_give(const PayloadFiles *files, ArtifactSpec *spec);

void payload_files_clear(PayloadFiles *files);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PayloadFiles, payload_files_clear)

/* (transfer full): @name with a "_" for each character that no payload file may have in its name:
 * package files have "+" and "~" in theirs. */
char *payload_files_plain_name(const char *name);
