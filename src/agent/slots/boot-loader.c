/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slots/boot-loader.h"
#include "agent/slots/boot-grub.h"
#include "agent/slots/boot-variables.h"
#include "agent/process.h"
#include "base/error.h"
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { PROGRAM_TIMEOUT_S = 120 };

/* @ret_output: (nullable)(transfer full) */
static gboolean run(const Paths *paths, const char *name, const char *const *words,
	char **ret_output, GError **error)
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
	for (; *words != NULL; words++)
		g_ptr_array_add(arguments, (char *)(gsize)*words);
	g_ptr_array_add(arguments, NULL);
	plan.arguments = (const char *const *)arguments->pdata;
	if (!process_run(&plan, &status, ret_output, error))
		return FALSE;
	if (status == 0)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "%s: exited with %d", name, status);
	return FALSE;
}

/* --- Boot loaders whose record is read and written by two programs --- */

static gboolean programs_are_there(const BootLoader *loader, const Paths *paths)
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

static gboolean programs_read(
	const BootLoader *loader, const Paths *paths, BootRecord *ret_record, GError **error)
{
	g_autofree char *output = NULL;
	g_auto(GStrv) lines = NULL;

	if (!run(paths, loader->print_program, boot_variable_names, &output, error))
		return FALSE;
	lines = g_strsplit(output, "\n", -1);
	return boot_variables_read(find_line, lines, ret_record, error);
}

static void add_line(gpointer data, const char *name, const char *value)
{
	g_string_append_printf(data, "%s=%s\n", name, value);
}

/* All values in one call, which such programs make one change: part and flag belong together. */
static gboolean programs_write(
	const BootLoader *loader, const Paths *paths, const BootRecord *record, GError **error)
{
	g_autoptr(GString) batch = g_string_new(NULL);
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("rota-boot-XXXXXX", &path, error);
	const char *const words[] = { "-s", path, NULL };
	gboolean is_written;

	if (fd < 0)
		return FALSE;
	(void)close(fd);
	boot_variables_write(add_line, batch, loader->has_hex, record);
	is_written = g_file_set_contents(path, batch->str, -1, error) &&
		     run(paths, loader->set_program, words, NULL, error);
	(void)g_unlink(path);
	return is_written;
}

#define BY_PROGRAMS programs_are_there, programs_read, programs_write

/* In the order in which they are looked for. */
static const BootLoader boot_loaders[] = {
	{ "GRUB", NULL, NULL, FALSE, boot_grub_is_there, boot_grub_read, boot_grub_write },
	{ "GRUB", "grub-mender-grubenv-print", "grub-mender-grubenv-set", FALSE, BY_PROGRAMS },
	{ "U-Boot", "fw_printenv", "fw_setenv", TRUE, BY_PROGRAMS },
};

const BootLoader *boot_loader_find(const Paths *paths, GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(boot_loaders); i++) {
		if (boot_loaders[i].is_there(&boot_loaders[i], paths))
			return &boot_loaders[i];
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND,
		"no boot loader is known here: neither /etc/mender_grubenv.config, nor "
		"grub-mender-grubenv-print, nor fw_printenv");
	return NULL;
}

gboolean boot_loader_read(
	const BootLoader *loader, const Paths *paths, BootRecord *ret_record, GError **error)
{
	if (loader->read(loader, paths, ret_record, error))
		return TRUE;
	g_prefix_error(error, "%s: ", loader->name);
	return FALSE;
}

gboolean boot_loader_write(
	const BootLoader *loader, const Paths *paths, const BootRecord *record, GError **error)
{
	BootRecord kept = { 0 };

	if (!loader->write(loader, paths, record, error)) {
		g_prefix_error(error, "%s: ", loader->name);
		return FALSE;
	}
	if (!boot_loader_read(loader, paths, &kept, error))
		return FALSE;
	if (kept.part == record->part && kept.upgrade_available == record->upgrade_available &&
		kept.boot_count == record->boot_count)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
		"%s: another record is read back than was written", loader->name);
	return FALSE;
}
