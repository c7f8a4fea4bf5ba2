/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slots/machine-fixture.h"
#include "base/file.h"
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static const char print_script[] = "#!/bin/sh\n"
				   "[ ! -e @RECORD@.dies ] || exit 1\n"
				   "for name; do\n"
				   "	grep \"^$name=\" @RECORD@ || exit 1\n"
				   "done\n";

/* Takes a batch as one change. */
static const char set_script[] = "#!/bin/sh\n"
				 "[ \"$1\" = -s ] || exit 2\n"
				 "[ ! -e @RECORD@.fails ] || exit 1\n"
				 "[ ! -e @RECORD@.forgets ] || exit 0\n"
				 "cp \"$2\" @RECORD@.new && mv @RECORD@.new @RECORD@\n";

static const struct {
	const char *kind;
	const char *print_program;
	const char *set_program;
} programs[] = {
	{ "GRUB", "usr/bin/grub-mender-grubenv-print", "usr/bin/grub-mender-grubenv-set" },
	{ "U-Boot", "sbin/fw_printenv", "sbin/fw_setenv" },
};

char *machine_path(const Machine *machine, const char *path)
{
	return g_build_filename(machine->root, path, NULL);
}

static void make_folder_of(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);

	g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
}

void machine_write(const Machine *machine, const char *path, const char *text, int mode)
{
	g_autofree char *full = machine_path(machine, path);

	make_folder_of(full);
	g_assert_true(g_file_set_contents(full, text, -1, NULL));
	g_assert_cmpint(g_chmod(full, mode), ==, 0);
}

void machine_link(const Machine *machine, const char *path, const char *target)
{
	g_autofree char *full = machine_path(machine, path);

	make_folder_of(full);
	g_assert_cmpint(symlink(target, full), ==, 0);
}

static void write_script(const Machine *machine, const char *path, const char *script)
{
	g_auto(GStrv) parts = g_strsplit(script, "@RECORD@", -1);
	g_autofree char *text = g_strjoinv(machine->record, parts);

	machine_write(machine, path, text, 0755);
}

void machine_add_boot_loader(const Machine *machine, const char *kind)
{
	for (gsize i = 0; i < G_N_ELEMENTS(programs); i++) {
		if (!g_str_equal(programs[i].kind, kind))
			continue;
		write_script(machine, programs[i].print_program, print_script);
		write_script(machine, programs[i].set_program, set_script);
	}
}

void machine_fault(const Machine *machine, const char *fault)
{
	g_autofree char *path = g_strdup_printf("%s.%s", machine->record, fault);

	g_assert_true(g_file_set_contents(path, "", 0, NULL));
}

void machine_set_record(const Machine *machine, const BootRecord *record)
{
	g_autofree char *text =
		g_strdup_printf("mender_boot_part=%" G_GINT64_FORMAT
				"\nupgrade_available=%d\nbootcount=%" G_GINT64_FORMAT "\n",
			record->part, record->upgrade_available ? 1 : 0, record->boot_count);

	g_assert_true(g_file_set_contents(machine->record, text, -1, NULL));
}

void machine_assert_record(const Machine *machine, const BootRecord *wanted)
{
	const BootLoader *loader = boot_loader_find(machine->paths, NULL);
	BootRecord found = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_nonnull(loader);
	g_assert_true(boot_loader_read(loader, machine->paths, &found, &error));
	g_assert_cmpint(found.part, ==, wanted->part);
	g_assert_cmpint(found.upgrade_available, ==, wanted->upgrade_available);
	g_assert_cmpint(found.boot_count, ==, wanted->boot_count);
}

void machine_set_running(const Machine *machine, int part)
{
	g_autofree char *text = g_strdup_printf("quiet root=/dev/part%d rw\n", part);

	machine_write(machine, "proc/cmdline", text, 0644);
}

static void make_part(const Machine *machine, int part)
{
	g_autofree char *path = g_strdup_printf("%s/dev/part%d", machine->root, part);
	g_autofree char *content = g_malloc(MACHINE_PART_SIZE);

	memset(content, '0' + part, MACHINE_PART_SIZE);
	make_folder_of(path);
	g_assert_true(g_file_set_contents(path, content, MACHINE_PART_SIZE, NULL));
}

Machine *machine_new(void)
{
	Machine *machine = g_new0(Machine, 1);

	machine->root = g_dir_make_tmp("rota-machine-XXXXXX", NULL);
	g_assert_nonnull(machine->root);
	machine->record = machine_path(machine, "record");
	machine->paths = paths_new(machine->root, NULL);
	machine->settings.rootfs_part_a = g_strdup("/dev/part2");
	machine->settings.rootfs_part_b = g_strdup("/dev/part3");
	make_part(machine, 2);
	make_part(machine, 3);
	machine_set_running(machine, 2);
	machine_set_record(machine, &(BootRecord){ .part = 2 });
	return machine;
}

void machine_free(Machine *machine)
{
	g_assert_true(file_remove_tree(machine->root, NULL));
	g_free(machine->settings.rootfs_part_a);
	g_free(machine->settings.rootfs_part_b);
	paths_free(machine->paths);
	g_free(machine->record);
	g_free(machine->root);
	g_free(machine);
}
