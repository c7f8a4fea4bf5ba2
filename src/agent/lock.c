/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/lock.h"
#include "base/error.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int lock_take(const char *path, GError **error)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		rota_set_errno_error(error, errno, "open %s", path);
		return -1;
	}
	if (fcntl(fd, F_SETLK, &lock) == 0)
		return fd;
	if (errno == EACCES || errno == EAGAIN)
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "another process holds %s", path);
	else
		rota_set_errno_error(error, errno, "lock %s", path);
	close(fd);
	return -1;
}

pid_t lock_holder(const char *path)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	autofd int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}
