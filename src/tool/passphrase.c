/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/passphrase.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"
#include "crypto/key.h"

/* Reads up to the first line feed or the end; NULL on a fault of the input or a line too long. */
static char *read_line(int fd)
{
	char line[PASSPHRASE_FILE_SIZE_MAX];
	gsize length = 0;
	ssize_t got;
	char *copy = NULL;

	while ((got = TEMP_FAILURE_RETRY(read(fd, line + length, 1))) == 1 &&
		line[length] != '\n' && length + 1 < sizeof line)
		length++;
	if (got >= 0 && length + 1 < sizeof line) {
		if (length > 0 && line[length - 1] == '\r')
			length--;
		copy = g_strndup(line, length);
	}
	explicit_bzero(line, sizeof line);
	return copy;
}

static char *read_file(const char *path, GError **error)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		rota_set_errno_error(error, errno, "passphrase file: open %s", path);
		return NULL;
	}
	char *line = read_line(fd);
	if (!line)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"passphrase file: %s has no first line of less than %d bytes", path,
			PASSPHRASE_FILE_SIZE_MAX);
	return line;
}

/* Nothing of what is typed is shown; the terminal is as it was afterwards. */
static char *ask_terminal(const char *what, GError **error)
{
	struct termios before, silent;

	if (tcgetattr(STDIN_FILENO, &before) < 0) {
		rota_set_errno_error(error, errno, "ask for the passphrase of %s", what);
		return NULL;
	}
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	fprintf(stderr, "Passphrase of %s: ", what);
	fflush(stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	char *line = read_line(STDIN_FILENO);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
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
		return read_file(source->file, error);
	if (value)
		return g_strdup(value);
	if (isatty(STDIN_FILENO))
		return ask_terminal(what, error);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED,
		"a passphrase is needed: --key-passphrase-file or %s gives it", source->variable);
	return NULL;
}
