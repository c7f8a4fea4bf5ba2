/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tree-file.h"
#include "base/error.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int tree_file_create(const char *path, mode_t mode, GError **error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		rota_set_errno_error(error, errno, "create %s", path);
	return fd;
}

gboolean tree_file_write(const char *folder, const char *name, gconstpointer data, gsize size,
	mode_t mode, GError **error)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);
	autofd int fd = tree_file_create(path, mode, error);

	return fd >= 0 && file_write_all(fd, data, size, error);
}

gboolean tree_sync(const char *folder, GError **error)
{
	autofd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && syncfs(fd) == 0)
		return TRUE;
	rota_set_errno_error(error, errno, "sync %s", folder);
	return FALSE;
}
