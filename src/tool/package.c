/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/package-private.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "artifact/header.h"
#include "artifact/names.h"
#include "base/error.h"
#include "base/file.h"

void package_free(Package *package)
{
	if (!package)
		return;
	g_free(package->name);
	g_free(package->version);
	g_free(package->architecture);
	g_free(package);
}

gboolean package_refuse(const char *path, const char *kind, const char *why, GError **error)
{
	g_set_error(
		error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not a %s package: %s", path, kind, why);
	return FALSE;
}

gboolean package_read_at(int fd, const char *path, const char *kind, gpointer data, gsize size,
	guint64 offset, GError **error)
{
	for (gsize done = 0; done < size;) {
		ssize_t got = TEMP_FAILURE_RETRY(
			pread(fd, (char *)data + done, size - done, (off_t)(offset + done)));

		if (got < 0) {
			rota_set_errno_error(error, errno, "read %s", path);
			return FALSE;
		}
		if (got == 0)
			return package_refuse(path, kind, "it ends too early", error);
		done += (gsize)got;
	}
	return TRUE;
}

static gboolean is_text(const char *text)
{
	return text && *text && text_is_printable(text, ARTIFACT_NAME_SIZE_MAX);
}

gboolean package_is_complete(
	const Package *package, const char *path, const char *kind, GError **error)
{
	if (is_text(package->name) && is_text(package->version) && is_text(package->architecture))
		return TRUE;
	return package_refuse(
		path, kind, "it does not say its name, version and architecture", error);
}

int package_open(const char *path, guint64 *ret_size, GError **error)
{
	struct stat status;
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status) < 0) {
		rota_set_errno_error(error, errno, "open %s", path);
		return -1;
	}
	if (!S_ISREG(status.st_mode)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not a regular file", path);
		return -1;
	}
	if (ret_size)
		*ret_size = (guint64)status.st_size;
	int taken = fd;
	fd = -1;
	return taken;
}
