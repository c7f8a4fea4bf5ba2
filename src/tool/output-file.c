/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/output-file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"

enum { NAME_TRIES = 100 };

void output_file_clear(OutputFile *output)
{
	if (output->path && !output->standard_output && output->fd >= 0)
		close(output->fd);
	if (output->temporary)
		unlink(output->temporary);
	g_clear_pointer(&output->temporary, g_free);
	g_clear_pointer(&output->path, g_free);
	g_clear_pointer(&output->folder, g_free);
}

static char *temporary_name(const OutputFile *output)
{
	g_autofree char *base = g_path_get_basename(output->path);
	g_autofree char *name = g_strdup_printf(".%s.%08x", base, g_random_int());

	return g_build_filename(output->folder, name, NULL);
}

static gboolean open_named(OutputFile *output)
{
	output->temporary = temporary_name(output);
	output->fd = open(output->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, output->mode);
	if (output->fd >= 0)
		return TRUE;
	g_clear_pointer(&output->temporary, g_free);
	return FALSE;
}

gboolean output_file_open(OutputFile *output, const char *path, mode_t mode, GError **error)
{
	*output = (OutputFile){ .path = g_strdup(path), .fd = STDOUT_FILENO, .mode = mode };
	output->standard_output = g_str_equal(path, "-");
	output->folder =
		output->standard_output ? g_strdup(g_get_tmp_dir()) : g_path_get_dirname(path);
	if (output->standard_output)
		return TRUE;
	output->fd = open(output->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	if (output->fd >= 0 || open_named(output))
		return TRUE;
	rota_set_errno_error(error, errno, "write %s", path);
	return FALSE;
}

/* A file without a name cannot take the place of another one: it gets a name of its own first. */
static gboolean give_temporary_name(OutputFile *output)
{
	g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", output->fd);

	for (guint i = 0; i < NAME_TRIES; i++) {
		g_autofree char *name = temporary_name(output);

		if (linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0) {
			output->temporary = g_steal_pointer(&name);
			return TRUE;
		}
		if (errno != EEXIST)
			return FALSE;
	}
	return FALSE;
}

gboolean output_file_commit(OutputFile *output, GError **error)
{
	if (output->standard_output)
		return TRUE;
	if (fdatasync(output->fd) < 0 || (!output->temporary && !give_temporary_name(output)) ||
		rename(output->temporary, output->path) < 0) {
		rota_set_errno_error(error, errno, "write %s", output->path);
		return FALSE;
	}
	g_clear_pointer(&output->temporary, g_free);
	return file_sync_folder(output->folder, error);
}
