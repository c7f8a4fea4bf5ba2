/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header.h"

/* The `write` command that makes an artifact again, as words: "write", "module-image", ... All that
 * is said stands in it, and no default is relied on but the compression, so that mender-artifact
 * takes it too. */

/**
 * write_command_new:
 * Returns: (transfer full): the words but those that name files, of char *; NULL with
 * ROTA_ERROR_UNSUPPORTED where the artifact says what no flag of `write` can say.
 */
GPtrArray *write_command_new(
	const ArtifactHeader *header, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "--file PATH" */
void write_command_add(GPtrArray *words, const char *flag, const char *value);

/* (transfer full): one line for a POSIX shell, each word quoted where it must be. */
char *write_command_to_shell(const GPtrArray *words);
