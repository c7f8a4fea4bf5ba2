/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "tool/tree-tar.h"
#include "tool/write-options.h"

/* What the generators share: the `write` verbs that make the payload of one update module. */

/* Always FALSE, with ROTA_ERROR_INVALID. */
gboolean generator_refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* (transfer container): what --file named, then the operands; NULL-terminated. @files: (nullable)
 */
char **generator_inputs(const GPtrArray *files, char **operands);

/* Is there exactly one? @what: "file" */
gboolean generator_check_one(char **inputs, const char *what, GError **error);
gboolean generator_check_some(char **inputs, const char *what, GError **error);

/* An absolute path on the device, without control characters. */
gboolean generator_check_dest_dir(const char *dest_dir, GError **error);

/* Only [a-zA-Z0-9_-], and not empty. */
gboolean generator_check_project(const char *option, const char *name, GError **error);

/* A folder packed into a file without a name, which lies where the options have a payload wait.
 * @choice: .time_s and .has_time are set here, from SOURCE_DATE_EPOCH. Returns: a descriptor, or -1
 * with @error; what could not be kept is warned of. */
int generator_pack_folder(const char *folder, const TreeTarChoice *choice,
	const WriteOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;
