/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/paths.h"

/* What a boot loader keeps for an update of the system, in the words of Mender's contract: it
 * starts the partition `part`; while `upgrade_available` it counts its starts, and at the second
 * one without a commit it goes back to the other partition by itself. */
typedef struct {
	gint64 part; /* mender_boot_part: number of the partition */
	gboolean upgrade_available;
	gint64 boot_count;
} BootRecord;

/* One kind of boot loader. A row of the table in boot-loader.c. */
typedef struct BootLoader BootLoader;
struct BootLoader {
	const char *name;
	const char *print_program; /* for those that are driven by programs */
	const char *set_program;
	gboolean has_hex; /* mender_boot_part_hex is kept as well */
	gboolean (*is_there)(const BootLoader *loader, const Paths *paths);
	gboolean (*read)(const BootLoader *loader, const Paths *paths, BootRecord *ret_record,
		GError **error);
	gboolean (*write)(const BootLoader *loader, const Paths *paths, const BootRecord *record,
		GError **error);
};

/* The first of the table that is there; ROTA_ERROR_NOT_FOUND where none is. */
const BootLoader *boot_loader_find(const Paths *paths, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads the record. One that lacks a value or has one that is no number is ROTA_ERROR_CORRUPT. */
gboolean boot_loader_read(const BootLoader *loader, const Paths *paths, BootRecord *ret_record,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes all values at once and reads them back: another record is ROTA_ERROR_CORRUPT. */
gboolean boot_loader_write(const BootLoader *loader, const Paths *paths, const BootRecord *record,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
