/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/slots/boot-loader.h"

/* A boot loader's record as the variables of Mender's contract (client.md 15.8). */

/* (nullable): the value */
typedef const char *(*BootVariableGetter)(gpointer data, const char *name);
typedef void (*BootVariableSetter)(gpointer data, const char *name, const char *value);

/* ROTA_ERROR_CORRUPT names what is missing or no number. */
gboolean boot_variables_read(BootVariableGetter get, gpointer data, BootRecord *ret_record,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @has_hex: mender_boot_part_hex is kept as well. */
void boot_variables_write(
	BootVariableSetter set, gpointer data, gboolean has_hex, const BootRecord *record);

/* What boot_variables_read() asks for; NULL-terminated. */
extern const char *const boot_variable_names[];
