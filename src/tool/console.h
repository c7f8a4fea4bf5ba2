/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>
#include "artifact/error.h"

/* What rota-artifact says, for people or, with --json, for programs.
 *
 * With --json there is exactly one JSON object on the standard output, whatever happens: the
 * result, or {"error": {...}}. What people read of an error stands on stderr either way. Where the
 * standard output carries the data itself (an artifact, a file) the object goes to stderr. */

/* Looks for --json and --no-progress, which hold wherever they stand, also on a line that is not
 * understood. */
void console_init(char **argv);

gboolean console_wants_json(void);
gboolean console_wants_progress(void); /* stderr is a terminal, and nobody said --no-progress */

/* From now on the standard output is taken by data. */
void console_give_stdout_away(void);

/* A result: the object with --json, else @text. @object: (transfer full), NULL where jansson could
 * not make it, for a name in it is no UTF-8; @text: (nullable): with its line feed. */
void console_tell(json_t *object, const char *text);

/* "rota-artifact: warning: TEXT" on stderr. */
void console_warn(const char *text);

/* An error; returns @status, the exit status it leads to. */
int complain(int status, const char *message);
/* The same of an artifact: with --json also which rule refused it, and where. @refusal: as a reader
 * filled it, or not */
int complain_of_artifact(int status, const GError *error, const ArtifactRefusal *refusal);
/* The same after the result was told: with --json there is no second object. */
int complain_after(int status, const char *message);
