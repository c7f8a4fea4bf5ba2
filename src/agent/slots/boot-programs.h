/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/slots/boot-loader.h"

/* Boot loaders whose record is read by one program and written by another, in one batch: U-Boot's
 * fw_printenv and fw_setenv, and those that take the same words. */

gboolean boot_programs_are_there(const BootLoader *loader, const Paths *paths);
gboolean boot_programs_read(const BootLoader *loader, const Paths *paths, BootRecord *ret_record,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean boot_programs_write(const BootLoader *loader, const Paths *paths, const BootRecord *record,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same of the environment that the file @config (nullable) names. */
gboolean boot_programs_read_from(const BootLoader *loader, const Paths *paths, const char *config,
	BootRecord *ret_record, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* @variables: (nullable): NAME=VALUE lines for an environment that cannot be read */
gboolean boot_programs_write_to(const BootLoader *loader, const Paths *paths, const char *config,
	const char *variables, const BootRecord *record, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): all variables, as NAME=VALUE lines. */
char *boot_programs_dump(const BootLoader *loader, const Paths *paths, const char *config,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
