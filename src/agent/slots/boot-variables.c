/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slots/boot-variables.h"
#include <string.h>
#include "base/error.h"

static const char part_name[] = "mender_boot_part";
static const char hex_name[] = "mender_boot_part_hex";
static const char available_name[] = "upgrade_available";
static const char count_name[] = "bootcount";

const char *const boot_variable_names[] = { part_name, available_name, count_name, NULL };

static gboolean read_number(BootVariableGetter get, gpointer data, const char *name, gint64 max,
	gint64 *ret_number, GError **error)
{
	const char *text = get(data, name);

	if (text != NULL && g_ascii_string_to_signed(text, 10, 0, max, ret_number, NULL))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
		"the boot loader's %s is missing or no number", name);
	return FALSE;
}

gboolean boot_variables_read(
	BootVariableGetter get, gpointer data, BootRecord *ret_record, GError **error)
{
	gint64 available = 0;

	if (!read_number(get, data, part_name, G_MAXINT32, &ret_record->part, error) ||
		!read_number(get, data, available_name, 1, &available, error) ||
		!read_number(get, data, count_name, G_MAXINT32, &ret_record->boot_count, error))
		return FALSE;
	ret_record->upgrade_available = available == 1;
	return TRUE;
}

static void set_number(
	BootVariableSetter set, gpointer data, const char *name, const char *format, gint64 number)
{
	g_autofree char *text =
		strcmp(format, "x") == 0
			? g_strdup_printf("%" G_GINT64_MODIFIER "x", (guint64)number)
			: g_strdup_printf("%" G_GINT64_FORMAT, number);

	set(data, name, text);
}

void boot_variables_write(
	BootVariableSetter set, gpointer data, gboolean has_hex, const BootRecord *record)
{
	set_number(set, data, part_name, "d", record->part);
	if (has_hex)
		set_number(set, data, hex_name, "x", record->part);
	set_number(set, data, available_name, "d", record->upgrade_available);
	set_number(set, data, count_name, "d", record->boot_count);
}
