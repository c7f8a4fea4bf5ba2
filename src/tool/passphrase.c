/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/passphrase.h"
#include <errno.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>
#include "base/error.h"
#include "crypto/key.h"
#include "tool/ending.h"

/* Nothing of what is typed is shown; the terminal is as it was afterwards, also where a signal ends
 * the program meanwhile. */
static char *ask_terminal(const char *what, GError **error)
{
	struct termios before, silent;

	if (tcgetattr(STDIN_FILENO, &before) < 0) {
		rota_set_errno_error(error, errno, "ask for the passphrase of %s", what);
		return NULL;
	}
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	ending_restore_terminal(&before);
	/* First silence, then the question: what is typed at once must neither be shown nor lost.
	 */
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fprintf(stderr, "Passphrase of %s: ", what);
	fflush(stderr);
	char *line = key_secret_read_line(STDIN_FILENO);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	ending_restore_terminal(NULL);
	fputc('\n', stderr);
	if (!line)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"no passphrase of %s could be read from the terminal", what);
	return line;
}

char *passphrase_ask(const char *what, gpointer data, GError **error)
{
	const PassphraseSource *source = data;
	const char *value = g_getenv(source->variable);

	if (source->file)
		return key_secret_read(source->file, error);
	if (value)
		return g_strdup(value);
	if (isatty(STDIN_FILENO))
		return ask_terminal(what, error);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED,
		"a passphrase is needed: --key-passphrase-file or %s gives it", source->variable);
	return NULL;
}
