/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include "base/error.h"
#include "base/file.h"
#include "crypto/key.h"

void key_secret_free(char *secret)
{
	if (secret != NULL)
		OPENSSL_cleanse(secret, strlen(secret));
	g_free(secret);
}

char *key_secret_read_line(int fd)
{
	char line[KEY_SECRET_SIZE_MAX];
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
	OPENSSL_cleanse(line, sizeof line);
	return copy;
}

char *key_secret_read(const char *path, GError **error)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *line;

	if (fd < 0) {
		rota_set_errno_error(error, errno, "passphrase file: open %s", path);
		return NULL;
	}
	line = key_secret_read_line(fd);
	if (line == NULL)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"passphrase file: %s has no first line of less than %d bytes", path,
			KEY_SECRET_SIZE_MAX);
	return line;
}
