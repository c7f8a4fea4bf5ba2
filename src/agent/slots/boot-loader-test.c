/* SPDX-License-Identifier: Apache-2.0 */
/* Boot loaders, by fake ones that are two programs and a file. shows: I4-MS6
 *  - which is found: none, one of two programs, one that is no program, both kinds
 *  - records that are not believed: a value missing, no number, too large, out of range
 *  - programs that fail, that say something and fail, that do not keep what they are told
 *  - what is written: all values at once, the part in hexadecimal too where that is kept */
#include "agent/slots/machine-fixture.h"
#include "base/error.h"
#include <glib/gstdio.h>
#include <string.h>

static void assert_not_found(const Machine *machine)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(boot_loader_find(machine->paths, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND);
}

static void test_find(void)
{
	g_autoptr(Machine) machine = machine_new();
	g_autofree char *print = machine_path(machine, "sbin/fw_printenv");

	assert_not_found(machine);
	machine_write(machine, "sbin/fw_printenv", "#!/bin/sh\n", 0755);
	assert_not_found(machine);
	machine_add_boot_loader(machine, "U-Boot");
	g_assert_cmpint(g_chmod(print, 0644), ==, 0);
	assert_not_found(machine);
	g_assert_cmpint(g_chmod(print, 0755), ==, 0);
	g_assert_cmpstr(boot_loader_find(machine->paths, NULL)->name, ==, "U-Boot");
	machine_add_boot_loader(machine, "GRUB");
	g_assert_cmpstr(boot_loader_find(machine->paths, NULL)->name, ==, "GRUB");
}

static const BootLoader *loader_of(const Machine *machine)
{
	machine_add_boot_loader(machine, "U-Boot");
	return boot_loader_find(machine->paths, NULL);
}

static const struct {
	const char *text;
	int code; /* ROTA_ERROR_CORRUPT, or UNAVAILABLE where the program says so itself */
} bad_records[] = {
	{ "", ROTA_ERROR_UNAVAILABLE },
	{ "mender_boot_part=2\nupgrade_available=0\n", ROTA_ERROR_UNAVAILABLE },
	{ "mender_boot_part=\nupgrade_available=0\nbootcount=0\n", ROTA_ERROR_CORRUPT },
	{ "mender_boot_part=two\nupgrade_available=0\nbootcount=0\n", ROTA_ERROR_CORRUPT },
	{ "mender_boot_part=2x\nupgrade_available=0\nbootcount=0\n", ROTA_ERROR_CORRUPT },
	{ "mender_boot_part=-2\nupgrade_available=0\nbootcount=0\n", ROTA_ERROR_CORRUPT },
	{ "mender_boot_part=4294967296\nupgrade_available=0\nbootcount=0\n", ROTA_ERROR_CORRUPT },
	{ "mender_boot_part=2\nupgrade_available=2\nbootcount=0\n", ROTA_ERROR_CORRUPT },
	{ "mender_boot_part=2\nupgrade_available=0\nbootcount=99999999999999999999\n",
		ROTA_ERROR_CORRUPT },
};

static void test_bad_records(void)
{
	g_autoptr(Machine) machine = machine_new();
	const BootLoader *loader = loader_of(machine);

	for (gsize i = 0; i < G_N_ELEMENTS(bad_records); i++) {
		BootRecord record = { 0 };
		g_autoptr(GError) error = NULL;

		g_assert_true(g_file_set_contents(machine->record, bad_records[i].text, -1, NULL));
		g_assert_false(boot_loader_read(loader, machine->paths, &record, &error));
		g_assert_error(error, ROTA_ERROR, bad_records[i].code);
		g_assert_true(g_str_has_prefix(error->message, "U-Boot: "));
	}
}

static void test_odd_but_good(void)
{
	g_autoptr(Machine) machine = machine_new();
	BootRecord record = { 0 };

	g_assert_true(g_file_set_contents(machine->record,
		"mender_boot_part=12 "
		"\nmender_boot_part_hex=c\nupgrade_available=1\nbootcount=3\r\n",
		-1, NULL));
	g_assert_true(boot_loader_read(loader_of(machine), machine->paths, &record, NULL));
	g_assert_cmpint(record.part, ==, 12);
	g_assert_true(record.upgrade_available);
	g_assert_cmpint(record.boot_count, ==, 3);
}

static const struct {
	const char *fault;
	int code;
	gboolean is_changed; /* what is on the disk */
} faults[] = {
	{ "fails", ROTA_ERROR_UNAVAILABLE, FALSE },
	{ "forgets", ROTA_ERROR_CORRUPT, FALSE },
	{ "dies", ROTA_ERROR_UNAVAILABLE, TRUE },
};

static void test_faults(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_autoptr(Machine) machine = machine_new();
		const BootLoader *loader = loader_of(machine);
		const BootRecord wanted = { .part = 3, .upgrade_available = TRUE };
		g_autofree char *text = NULL;
		g_autoptr(GError) error = NULL;

		machine_fault(machine, faults[i].fault);
		g_assert_false(boot_loader_write(loader, machine->paths, &wanted, &error));
		g_assert_error(error, ROTA_ERROR, faults[i].code);
		g_assert_true(g_file_get_contents(machine->record, &text, NULL, NULL));
		g_assert_cmpint(
			strstr(text, "mender_boot_part=3") != NULL, ==, faults[i].is_changed);
	}
}

static void test_write(void)
{
	static const struct {
		const char *kind;
		const char *text;
	} rows[] = {
		{ "GRUB", "mender_boot_part=26\nupgrade_available=1\nbootcount=0\n" },
		{ "U-Boot", "mender_boot_part=26\nmender_boot_part_hex=1a\nupgrade_available=1\n"
			    "bootcount=0\n" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(Machine) machine = machine_new();
		const BootRecord wanted = { .part = 26, .upgrade_available = TRUE };
		g_autofree char *text = NULL;

		machine_add_boot_loader(machine, rows[i].kind);
		g_assert_true(boot_loader_write(
			boot_loader_find(machine->paths, NULL), machine->paths, &wanted, NULL));
		g_assert_true(g_file_get_contents(machine->record, &text, NULL, NULL));
		g_assert_cmpstr(text, ==, rows[i].text);
		machine_assert_record(machine, &wanted);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/boot-loader/find", test_find);
	g_test_add_func("/boot-loader/bad-records", test_bad_records);
	g_test_add_func("/boot-loader/odd-but-good", test_odd_but_good);
	g_test_add_func("/boot-loader/faults", test_faults);
	g_test_add_func("/boot-loader/write", test_write);
	return g_test_run();
}
