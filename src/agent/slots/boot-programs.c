/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slots/boot-programs.h"
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "agent/process.h"
#include "agent/slots/boot-variables.h"
#include "base/error.h"

enum { PROGRAM_TIMEOUT_S = 120 };

/* @ret_output: (nullable)(transfer full) */
static gboolean run(const Paths *paths, const char *name, const GPtrArray *words, char **ret_output,
	GError **error)
{
	g_autofree char *program = paths_find_program(paths, name);
	g_autoptr(GPtrArray) arguments = g_ptr_array_new();
	ProcessPlan plan = {
		.name = name,
		.timeout_s = PROGRAM_TIMEOUT_S,
		.keep_output = ret_output != NULL,
	};
	int status = 0;

	if (program == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no program %s", name);
		return FALSE;
	}
	g_ptr_array_add(arguments, program);
	for (guint i = 0; i < words->len; i++)
		g_ptr_array_add(arguments, words->pdata[i]);
	g_ptr_array_add(arguments, NULL);
	plan.arguments = (const char *const *)arguments->pdata;
	if (!process_run(&plan, &status, ret_output, error))
		return FALSE;
	if (status == 0)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "%s: exited with %d", name, status);
	return FALSE;
}

/* @config, @defaults: (nullable): files that are named to the program */
static GPtrArray *new_words(const char *config, const char *defaults)
{
	GPtrArray *words = g_ptr_array_new();

	if (config != NULL) {
		g_ptr_array_add(words, (char *)(guintptr) "-c");
		g_ptr_array_add(words, (char *)(guintptr)config);
	}
	if (defaults != NULL) {
		g_ptr_array_add(words, (char *)(guintptr) "-f");
		g_ptr_array_add(words, (char *)(guintptr)defaults);
	}
	return words;
}

gboolean boot_programs_are_there(const BootLoader *loader, const Paths *paths)
{
	g_autofree char *print = paths_find_program(paths, loader->print_program);
	g_autofree char *set = paths_find_program(paths, loader->set_program);

	return print != NULL && set != NULL;
}

/* Of "NAME=VALUE" lines. */
static const char *find_line(gpointer data, const char *name)
{
	gsize length = strlen(name);

	for (char **line = data; *line != NULL; line++)
		if (g_str_has_prefix(*line, name) && (*line)[length] == '=')
			return g_strchomp(*line + length + 1);
	return NULL;
}

gboolean boot_programs_read_from(const BootLoader *loader, const Paths *paths, const char *config,
	BootRecord *ret_record, GError **error)
{
	g_autoptr(GPtrArray) words = new_words(config, NULL);
	g_autofree char *output = NULL;
	g_auto(GStrv) lines = NULL;

	for (const char *const *name = boot_variable_names; *name != NULL; name++)
		g_ptr_array_add(words, (char *)(guintptr)*name);
	if (!run(paths, loader->print_program, words, &output, error))
		return FALSE;
	lines = g_strsplit(output, "\n", -1);
	return boot_variables_read(find_line, lines, ret_record, error);
}

gboolean boot_programs_read(
	const BootLoader *loader, const Paths *paths, BootRecord *ret_record, GError **error)
{
	return boot_programs_read_from(loader, paths, NULL, ret_record, error);
}

char *boot_programs_dump(
	const BootLoader *loader, const Paths *paths, const char *config, GError **error)
{
	g_autoptr(GPtrArray) words = new_words(config, NULL);
	char *output = NULL;

	return run(paths, loader->print_program, words, &output, error) ? output : NULL;
}

static void add_line(gpointer data, const char *name, const char *value)
{
	g_string_append_printf(data, "%s=%s\n", name, value);
}

/* (transfer full): the name of a new file with @text. */
static char *write_temporary(const char *text, GError **error)
{
	char *path = NULL;
	int fd = g_file_open_tmp("rota-boot-XXXXXX", &path, error);

	if (fd < 0)
		return NULL;
	(void)close(fd);
	if (g_file_set_contents(path, text, -1, error))
		return path;
	(void)g_unlink(path);
	g_free(path);
	return NULL;
}

static gboolean run_batch(const BootLoader *loader, const Paths *paths, const char *config,
	const char *defaults, const BootRecord *record, GError **error)
{
	g_autoptr(GPtrArray) words = new_words(config, defaults);
	g_autoptr(GString) batch = g_string_new(NULL);
	g_autofree char *path = NULL;
	gboolean is_written;

	boot_variables_write(add_line, batch, loader->has_hex, record);
	path = write_temporary(batch->str, error);
	if (path == NULL)
		return FALSE;
	g_ptr_array_add(words, (char *)(guintptr) "-s");
	g_ptr_array_add(words, path);
	is_written = run(paths, loader->set_program, words, NULL, error);
	(void)g_unlink(path);
	return is_written;
}

/* All values in one call, which such programs make one change: part and flag belong together. */
gboolean boot_programs_write_to(const BootLoader *loader, const Paths *paths, const char *config,
	const char *variables, const BootRecord *record, GError **error)
{
	g_autofree char *defaults = variables != NULL ? write_temporary(variables, error) : NULL;
	gboolean is_written;

	if (variables != NULL && defaults == NULL)
		return FALSE;
	is_written = run_batch(loader, paths, config, defaults, record, error);
	if (defaults != NULL)
		(void)g_unlink(defaults);
	return is_written;
}

gboolean boot_programs_write(
	const BootLoader *loader, const Paths *paths, const BootRecord *record, GError **error)
{
	return boot_programs_write_to(loader, paths, NULL, NULL, record, error);
}
