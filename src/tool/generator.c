/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/generator.h"
#include <string.h>
#include <unistd.h>
#include "artifact/file-range.h"
#include "artifact/names.h"
#include "base/error.h"
#include "base/file.h"
#include "tool/console.h"
#include "tool/words.h"

enum { PATH_SIZE_MAX = 4096 };

gboolean generator_refuse(GError **error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *message = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID, message);
	return FALSE;
}

char **generator_inputs(const GPtrArray *files, char **operands)
{
	guint n_files = files ? files->len : 0, n_operands = g_strv_length(operands);
	char **inputs = g_new0(char *, n_files + n_operands + 1);

	for (guint i = 0; i < n_files; i++)
		inputs[i] = files->pdata[i];
	for (guint i = 0; i < n_operands; i++)
		inputs[n_files + i] = operands[i];
	return inputs;
}

gboolean generator_check_one(char **inputs, const char *what, GError **error)
{
	return (inputs[0] && !inputs[1]) || generator_refuse(error, "one %s must be named", what);
}

gboolean generator_check_some(char **inputs, const char *what, GError **error)
{
	return inputs[0] || generator_refuse(error, "at least one %s must be named", what);
}

gboolean generator_check_dest_dir(const char *dest_dir, GError **error)
{
	if (!dest_dir)
		return generator_refuse(error, "--dest-dir is needed");
	if (!g_path_is_absolute(dest_dir))
		return generator_refuse(error, "--dest-dir: %s is not an absolute path", dest_dir);
	g_auto(GStrv) parts = g_strsplit(dest_dir, "/", -1);
	if (g_strv_contains((const char *const *)parts, ".."))
		return generator_refuse(error, "--dest-dir: %s leads upwards", dest_dir);
	if (!text_is_printable(dest_dir, PATH_SIZE_MAX))
		return generator_refuse(error, "--dest-dir: has characters that cannot be printed");
	return TRUE;
}

gboolean generator_check_project(const char *option, const char *name, GError **error)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";

	if (!name)
		return generator_refuse(error, "%s is needed", option);
	if (!*name || strspn(name, allowed) != strlen(name))
		return generator_refuse(
			error, "%s: only letters, digits, _ and - may be in it", option);
	return TRUE;
}

/* --- folders --- */

static void warn_of(guint n, const char *format)
{
	g_autofree char *text = n > 0 ? g_strdup_printf("%u %s", n, format) : NULL;

	if (text)
		console_warn(text);
}

/* Where --tmp says, else beside the artifact that is to come, where there must be room for that
 * anyway. Where that cannot be, writing it will say so. */
static int open_spool(const WriteOptions *options, GError **error)
{
	const char *output = options->output;

	if (options->temporary_folder)
		return file_open_nameless(options->temporary_folder, error);
	g_autofree char *folder = g_path_get_dirname(output);
	gboolean to_a_file = !g_str_equal(output, "-") && !g_str_has_prefix(output, "/dev/") &&
			     !g_str_has_prefix(output, "/proc/");
	int fd = to_a_file ? file_open_nameless(folder, NULL) : -1;

	return fd >= 0 ? fd : file_open_nameless(g_get_tmp_dir(), error);
}

static gboolean choose_time(TreeTarChoice *choice, GError **error)
{
	const char *text = g_getenv("SOURCE_DATE_EPOCH");

	choice->has_time = text && *text;
	return words_source_date(&choice->time_s, error);
}

int generator_pack_folder(const char *folder, const TreeTarChoice *choice,
	const WriteOptions *options, GError **error)
{
	TreeTarChoice timed = *choice;
	TreeTarCounts counts;
	autofd int fd = open_spool(options, error);

	if (fd < 0 || !choose_time(&timed, error))
		return -1;
	if (!tree_tar_write(folder, &timed, fd, &counts, error)) {
		g_prefix_error(error, "pack %s: ", folder);
		return -1;
	}
	warn_of(counts.n_sockets, "sockets were passed over");
	warn_of(counts.n_attributes,
		"entries have extended attributes or ACLs: the archive does not keep them");
	int taken = fd;
	fd = -1;
	return taken;
}
