/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/output-file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "artifact/output.h"
#include "base/error.h"
#include "base/file.h"
#include "tool/artifact-tool.h"
#include "tool/ending.h"

enum { NAME_TRIES = 100 };

G_DEFINE_QUARK(rota - output - file - error - quark, output_file_error)

static void forget_temporary(OutputFile *output)
{
	ending_keep(output->temporary);
	g_clear_pointer(&output->temporary, g_free);
}

void output_file_clear(OutputFile *output)
{
	if (output->path && !output->borrowed && output->fd >= 0)
		close(output->fd);
	if (output->temporary) {
		unlink(output->temporary);
		forget_temporary(output);
	}
	g_clear_pointer(&output->path, g_free);
	g_clear_pointer(&output->folder, g_free);
}

static gboolean fail_to_open(const OutputFile *output, int reason, GError **error)
{
	g_set_error(
		error, OUTPUT_FILE_ERROR, reason, "write %s: %s", output->path, g_strerror(reason));
	return FALSE;
}

/* --- what is no file --- */

/* The descriptor that a path names, or -1. To open such a path would start a file of the shell's
 * anew, and to replace it would take the name from everybody. */
static int descriptor_of(const char *path)
{
	static const char *const standard[] = { "/dev/stdin", "/dev/stdout", "/dev/stderr" };
	static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
	guint64 number;

	if (g_str_equal(path, "-"))
		return STDOUT_FILENO;
	for (guint i = 0; i < G_N_ELEMENTS(standard); i++)
		if (g_str_equal(path, standard[i]))
			return (int)i;
	for (guint i = 0; i < G_N_ELEMENTS(folders); i++)
		if (g_str_has_prefix(path, folders[i]) &&
			g_ascii_string_to_unsigned(
				path + strlen(folders[i]), 10, 0, G_MAXINT, &number, NULL))
			return (int)number;
	return -1;
}

static void announce(int fd)
{
	if (fd == STDOUT_FILENO)
		console_give_stdout_away();
}

void output_file_announce(const char *path)
{
	announce(descriptor_of(path));
}

static gboolean use_descriptor(OutputFile *output, int fd, GError **error)
{
	output->fd = fd;
	output->in_place = output->borrowed = TRUE;
	announce(fd);
	output->folder = g_strdup(g_get_tmp_dir());
	return fcntl(fd, F_GETFD) >= 0 || fail_to_open(output, errno, error);
}

static gboolean open_in_place(OutputFile *output, GError **error)
{
	output->in_place = TRUE;
	output->folder = g_strdup(g_get_tmp_dir());
	output->fd = open(output->path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	return output->fd >= 0 || fail_to_open(output, errno, error);
}

/* --- a file --- */

static char *temporary_name(const OutputFile *output)
{
	g_autofree char *base = g_path_get_basename(output->path);
	g_autofree char *name = g_strdup_printf(".%s.%08x", base, g_random_int());

	return g_build_filename(output->folder, name, NULL);
}

static gboolean open_named(OutputFile *output)
{
	output->temporary = temporary_name(output);
	ending_remove(output->temporary);
	output->fd = open(output->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, output->mode);
	if (output->fd >= 0)
		return TRUE;
	forget_temporary(output);
	return FALSE;
}

static gboolean open_file(OutputFile *output, GError **error)
{
	output->folder = g_path_get_dirname(output->path);
	output->fd = open(output->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, output->mode);
	return output->fd >= 0 || open_named(output) || fail_to_open(output, errno, error);
}

gboolean output_file_open(OutputFile *output, const char *path, mode_t mode, GError **error)
{
	int descriptor = descriptor_of(path);
	struct stat status;

	*output = (OutputFile){ .path = g_strdup(path), .fd = -1, .mode = mode };
	if (descriptor >= 0)
		return use_descriptor(output, descriptor, error);
	if (stat(path, &status) < 0 || S_ISREG(status.st_mode))
		return open_file(output, error);
	if (!S_ISDIR(status.st_mode))
		return open_in_place(output, error);
	/* Told before gigabytes are packed for nothing. */
	g_set_error(
		error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "write %s: %s", path, g_strerror(EISDIR));
	return FALSE;
}

void output_file_take_after(OutputFile *output, const struct stat *status)
{
	if (output->in_place)
		return;
	/* Somebody else's file stays his only where root writes it; the mode then goes without the
	 * bits that would lend our rights. */
	mode_t mode = status->st_mode & 07777;
	if (fchown(output->fd, status->st_uid, status->st_gid) < 0)
		mode &= 0777;
	if (fchmod(output->fd, mode) < 0)
		g_debug("%s: its mode stays as it is", output->path);
}

/* A file without a name gets its own where that is free, else a temporary one: it cannot take the
 * place of another file at once. */
static gboolean give_name(OutputFile *output)
{
	g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", output->fd);

	if (linkat(AT_FDCWD, self, AT_FDCWD, output->path, AT_SYMLINK_FOLLOW) == 0)
		return TRUE;
	for (guint i = 0; i < NAME_TRIES && errno == EEXIST; i++) {
		output->temporary = temporary_name(output);
		ending_remove(output->temporary);
		if (linkat(AT_FDCWD, self, AT_FDCWD, output->temporary, AT_SYMLINK_FOLLOW) == 0)
			return TRUE;
		forget_temporary(output);
	}
	return FALSE;
}

gboolean output_file_commit(OutputFile *output, GError **error)
{
	if (output->in_place)
		return TRUE;
	if (fdatasync(output->fd) < 0 || (!output->temporary && !give_name(output)) ||
		(output->temporary && rename(output->temporary, output->path) < 0)) {
		rota_set_errno_error(error, errno, "write %s", output->path);
		return FALSE;
	}
	if (output->temporary)
		forget_temporary(output);
	return file_sync_folder(output->folder, error);
}

int output_file_complain(const OutputFile *output, const GError *error)
{
	const char *name = output->borrowed ? "the standard output" : output->path;

	if (error->domain != ARTIFACT_OUTPUT_ERROR)
		return complain(STATUS_USAGE, error->message);
	g_autofree char *message = g_strdup_printf("write %s: %s", name, g_strerror(error->code));
	complain(STATUS_USAGE, message);
	if (error->code == EPIPE)
		ending_of_broken_pipe();
	return STATUS_USAGE;
}
