/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Where the passphrase of a key comes from: the first line of a file, an environment variable, or
 * the terminal, in this order; never the command line, which every process of the machine can read.
 */
typedef struct {
	const char *file;     /* (nullable) */
	const char *variable; /* of the environment */
} PassphraseSource;

/* For KeyLoading: @source is a PassphraseSource *, @what goes into the question. */
char *passphrase_ask(const char *what, gpointer source, GError **error);
