/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/input.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <unistd.h>
#include "artifact/file-range.h"
#include "base/error.h"
#include "base/file.h"
#include "tool/artifact-tool.h"
#include "tool/progress.h"

enum { SPOOL_PART_SIZE = 256 * 1024 };

static int open_path(const char *path, struct stat *ret_status, GError **error)
{
	int fd = g_str_equal(path, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
					: open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, ret_status) == 0 && !S_ISDIR(ret_status->st_mode))
		return fd;
	rota_set_errno_error(error, fd < 0 ? errno : EISDIR, "cannot open artifact %s", path);
	file_close_fd(&fd);
	return -1;
}

GInputStream *open_artifact(const char *path)
{
	g_autoptr(GError) error = NULL;
	struct stat status;
	int fd = open_path(path, &status, &error);

	if (fd < 0) {
		complain(STATUS_OPEN, error->message);
		return NULL;
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	progress_watch("Reading", fd);
	return g_unix_input_stream_new(fd, TRUE);
}

static gboolean copy_all(int from, int to, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(SPOOL_PART_SIZE);

	for (;;) {
		ssize_t got = TEMP_FAILURE_RETRY(read(from, buffer, SPOOL_PART_SIZE));

		if (got < 0) {
			rota_set_errno_error(error, errno, "read");
			return FALSE;
		}
		if (got == 0)
			return TRUE;
		if (!file_write_all(to, buffer, (gsize)got, error)) {
			g_prefix_error(error, "a temporary file in %s: ", g_get_tmp_dir());
			return FALSE;
		}
	}
}

int open_seekable_artifact(const char *path, struct stat *ret_status, GError **error)
{
	autofd int fd = open_path(path, ret_status, error);

	if (fd < 0)
		return -1;
	if (S_ISREG(ret_status->st_mode)) {
		int taken = fd;

		fd = -1;
		return taken;
	}
	int spool = file_open_nameless(g_get_tmp_dir(), error);
	if (spool >= 0 && copy_all(fd, spool, error) && fstat(spool, ret_status) == 0)
		return spool;
	g_prefix_error(error, "cannot open artifact %s: ", path);
	file_close_fd(&spool);
	return -1;
}
