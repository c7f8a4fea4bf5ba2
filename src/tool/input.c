/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/input.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <unistd.h>
#include "artifact/error.h"
#include "artifact/file-range.h"
#include "base/error.h"
#include "base/file.h"
#include "tool/artifact-tool.h"
#include "tool/input-url.h"
#include "tool/progress.h"
#include "tool/words.h"

enum { SPOOL_PART_SIZE = 256 * 1024 };

/* Of what is taken from a server that has not said how much it is. */
#define DOWNLOAD_SIZE_MAX "64GB"

const Option input_options[] = {
	{ "ca-file", 0, OPTION_TEXT, G_STRUCT_OFFSET(InputOptions, ca_file), "FILE",
		"certificates in PEM to trust an https:// server by, beside the system's", NULL },
	{ "max-download-size", 0, OPTION_TEXT, G_STRUCT_OFFSET(InputOptions, size_max), "SIZE",
		"the most that is taken from a server", DOWNLOAD_SIZE_MAX },
	{ "idle-timeout", 0, OPTION_NUMBER, G_STRUCT_OFFSET(InputOptions, idle_limit_s), "SECONDS",
		"how long a server may send nothing", "60" },
	{ NULL },
};

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

static GInputStream *open_url(const char *url, const InputOptions *options, GError **error)
{
	static const InputOptions defaults = { .size_max = (char *)(guintptr)DOWNLOAD_SIZE_MAX };
	GInputStream *stream = NULL;

	if (!options)
		options = &defaults;
	InputUrlOptions wanted = { .ca_file = options->ca_file,
		.idle_limit_s = CLAMP(options->idle_limit_s, 0, G_MAXINT32) };
	if (words_size("--max-download-size", options->size_max, &wanted.size_max, error))
		stream = input_url_open(url, &wanted, error);
	if (!stream)
		g_prefix_error(error, "cannot open artifact %s: ", url);
	return stream;
}

static GInputStream *open_file(const char *path, GError **error)
{
	struct stat status;
	int fd = open_path(path, &status, error);

	if (fd < 0)
		return NULL;
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	progress_watch("Reading", fd);
	return g_unix_input_stream_new(fd, TRUE);
}

GInputStream *open_artifact(const char *path, const InputOptions *options)
{
	g_autoptr(GError) error = NULL;
	GInputStream *in =
		input_is_url(path) ? open_url(path, options, &error) : open_file(path, &error);

	if (!in)
		complain(STATUS_OPEN, error->message);
	return in;
}

/* --- what is gone over twice --- */

static gboolean copy_all(GInputStream *from, int to, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(SPOOL_PART_SIZE);

	for (;;) {
		gssize got = g_input_stream_read(from, buffer, SPOOL_PART_SIZE, NULL, error);

		if (got <= 0)
			return got == 0;
		if (!file_write_all(to, buffer, (gsize)got, error)) {
			g_prefix_error(error, "a temporary file in %s: ", g_get_tmp_dir());
			return FALSE;
		}
	}
}

static int spool(GInputStream *in, const char *path, struct stat *ret_status, GError **error)
{
	int fd = file_open_nameless(g_get_tmp_dir(), error);

	if (fd >= 0 && copy_all(in, fd, error) && fstat(fd, ret_status) == 0)
		return fd;
	g_prefix_error(error, "cannot open artifact %s: ", path);
	file_close_fd(&fd);
	return -1;
}

int open_seekable_artifact(const char *path, struct stat *ret_status, GError **error)
{
	g_autoptr(GInputStream) in = NULL;

	if (input_is_url(path)) {
		in = open_url(path, NULL, error);
	} else {
		int fd = open_path(path, ret_status, error);

		if (fd < 0 || S_ISREG(ret_status->st_mode))
			return fd;
		in = g_unix_input_stream_new(fd, TRUE);
	}
	return in ? spool(in, path, ret_status, error) : -1;
}

int status_of_reading(const GError *error, int invalid)
{
	return g_error_matches(error, ARTIFACT_ERROR, ARTIFACT_ERROR_IO) ? STATUS_OPEN : invalid;
}
