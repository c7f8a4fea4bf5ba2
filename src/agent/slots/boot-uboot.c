/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slots/boot-uboot.h"
#include "agent/slots/boot-programs.h"
#include "base/error.h"

enum { COPIES = 2 };

static char *config_path(const Paths *paths, gsize copy)
{
	g_autofree char *name = g_strdup_printf("fw_env_%zu.config", copy + 1);

	return g_build_filename(paths->root, "etc/rota", name, NULL);
}

gboolean boot_uboot_is_there(const BootLoader *loader, const Paths *paths)
{
	for (gsize i = 0; i < COPIES; i++) {
		g_autofree char *path = config_path(paths, i);

		if (!g_file_test(path, G_FILE_TEST_EXISTS))
			return FALSE;
	}
	return boot_programs_are_there(loader, paths);
}

static gboolean read_copy(const BootLoader *loader, const Paths *paths, gsize copy,
	BootRecord *ret_record, GError **error)
{
	g_autofree char *path = config_path(paths, copy);

	if (boot_programs_read_from(loader, paths, path, ret_record, error))
		return TRUE;
	g_prefix_error(error, "copy %zu: ", copy + 1);
	return FALSE;
}

/* The one that the boot script takes. */
static gboolean find_current(const BootLoader *loader, const Paths *paths, gsize *ret_copy,
	BootRecord *ret_record, GError **error)
{
	g_autoptr(GError) failure = NULL;

	*ret_copy = 0;
	if (read_copy(loader, paths, 0, ret_record, &failure))
		return TRUE;
	g_warning("%s: %s", loader->name, failure->message);
	*ret_copy = 1;
	return read_copy(loader, paths, 1, ret_record, error);
}

gboolean boot_uboot_read(
	const BootLoader *loader, const Paths *paths, BootRecord *ret_record, GError **error)
{
	gsize current;

	return find_current(loader, paths, &current, ret_record, error);
}

/* With what the other copy holds beside the record. */
static gboolean write_copy(const BootLoader *loader, const Paths *paths, gsize copy,
	const char *variables, const BootRecord *record, GError **error)
{
	g_autofree char *path = config_path(paths, copy);

	if (boot_programs_write_to(loader, paths, path, variables, record, error))
		return TRUE;
	g_prefix_error(error, "copy %zu: ", copy + 1);
	return FALSE;
}

/* Where the first is not good, the second is all there is: it is the last to be touched. */
gboolean boot_uboot_write(
	const BootLoader *loader, const Paths *paths, const BootRecord *record, GError **error)
{
	BootRecord before;
	g_autofree char *config = NULL;
	g_autofree char *variables = NULL;
	gsize current;

	if (!find_current(loader, paths, &current, &before, error))
		return FALSE;
	config = config_path(paths, current);
	variables = boot_programs_dump(loader, paths, config, error);
	return variables != NULL &&
	       write_copy(loader, paths, 1 - current, variables, record, error) &&
	       write_copy(loader, paths, current, variables, record, error);
}
