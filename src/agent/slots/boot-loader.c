/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slots/boot-loader.h"
#include "agent/slots/boot-grub.h"
#include "agent/slots/boot-programs.h"
#include "agent/slots/boot-uboot.h"
#include "base/error.h"

#define BY_PROGRAMS boot_programs_are_there, boot_programs_read, boot_programs_write

/* In the order in which they are looked for. */
static const BootLoader boot_loaders[] = {
	{ "GRUB", NULL, NULL, FALSE, boot_grub_is_there, boot_grub_read, boot_grub_write },
	{ "GRUB", "grub-mender-grubenv-print", "grub-mender-grubenv-set", FALSE, BY_PROGRAMS },
	{ "U-Boot", "fw_printenv", "fw_setenv", TRUE, boot_uboot_is_there, boot_uboot_read,
		boot_uboot_write },
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
