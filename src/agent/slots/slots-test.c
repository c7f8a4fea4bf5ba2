/* SPDX-License-Identifier: Apache-2.0 */
/* The order of things on two partitions. shows: I4-MS6, F3
 *  - each action in each state that a machine can be in: what it answers, and the boot loader's
 *    record behind it
 *  - what is kept for a rollback: none, a number, something else, a partition of nobody
 *  - settings and machines on which nothing is done at all
 *  - the names under which a kernel may have been told its root */
#include "agent/slots/slots.h"
#include "agent/slots/machine-fixture.h"
#include "base/error.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { FINE = -1 };

static gboolean run(const Machine *machine, const char *action, char *before, GError **error)
{
	const SlotOptions options = { .before = before };

	return slots_run(machine->paths, &machine->settings, action, &options, error);
}

/* What the action write reads. */
static void offer_image(const Machine *machine)
{
	g_autofree char *path = machine_path(machine, "image");
	int fd;

	machine_write(machine, "image", "an image", 0644);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(dup2(fd, STDIN_FILENO), ==, STDIN_FILENO);
	close(fd);
}

/* States of a machine: partition 2 ran before the update. */
#define AT_REST                                                                                    \
	2,                                                                                         \
	{                                                                                          \
		2, FALSE, 0                                                                        \
	}
#define ACTIVATED                                                                                  \
	2,                                                                                         \
	{                                                                                          \
		3, TRUE, 0                                                                         \
	}
#define TRIED                                                                                      \
	3,                                                                                         \
	{                                                                                          \
		3, TRUE, 1                                                                         \
	}
#define COMMITTED                                                                                  \
	3,                                                                                         \
	{                                                                                          \
		3, FALSE, 0                                                                        \
	}
#define WENT_BACK                                                                                  \
	2,                                                                                         \
	{                                                                                          \
		2, FALSE, 0                                                                        \
	}
#define AT_ODDS                                                                                    \
	2,                                                                                         \
	{                                                                                          \
		3, FALSE, 0                                                                        \
	}
#define AT_ODDS_TRIED                                                                              \
	3,                                                                                         \
	{                                                                                          \
		2, TRUE, 1                                                                         \
	}

static const struct {
	const char *action;
	int running;
	BootRecord record;
	const char *before; /* the file's content; NULL = no such file */
	int code;           /* FINE, or of ROTA_ERROR */
	BootRecord after;
} rows[] = {
	{ "status", AT_REST, NULL, FINE, { 2, FALSE, 0 } },
	{ "status", TRIED, NULL, FINE, { 3, TRUE, 1 } },
	{ "status", AT_ODDS, NULL, FINE, { 3, FALSE, 0 } },
	{ "write", AT_REST, NULL, FINE, { 2, FALSE, 0 } },
	{ "write", ACTIVATED, NULL, ROTA_ERROR_CONFLICT, { 3, TRUE, 0 } },
	{ "write", TRIED, NULL, ROTA_ERROR_CONFLICT, { 3, TRUE, 1 } },
	{ "write", COMMITTED, NULL, FINE, { 3, FALSE, 0 } },
	{ "write", AT_ODDS, NULL, ROTA_ERROR_CONFLICT, { 3, FALSE, 0 } },
	{ "activate", AT_REST, NULL, FINE, { 3, TRUE, 0 } },
	{ "activate", ACTIVATED, NULL, ROTA_ERROR_CONFLICT, { 3, TRUE, 0 } },
	{ "activate", TRIED, NULL, ROTA_ERROR_CONFLICT, { 3, TRUE, 1 } },
	{ "activate", COMMITTED, NULL, FINE, { 2, TRUE, 0 } },
	{ "activate", AT_ODDS, NULL, ROTA_ERROR_CONFLICT, { 3, FALSE, 0 } },
	{ "verify", TRIED, "2\n", FINE, { 3, TRUE, 1 } },
	{ "verify", ACTIVATED, "2\n", ROTA_ERROR_CONFLICT, { 3, TRUE, 0 } },
	{ "verify", WENT_BACK, "2\n", ROTA_ERROR_CONFLICT, { 2, FALSE, 0 } },
	{ "verify", AT_ODDS_TRIED, "2\n", ROTA_ERROR_CONFLICT, { 2, TRUE, 1 } },
	{ "commit", TRIED, "2\n", FINE, { 3, FALSE, 0 } },
	{ "commit", ACTIVATED, "2\n", ROTA_ERROR_CONFLICT, { 3, TRUE, 0 } },
	{ "commit", WENT_BACK, "2\n", ROTA_ERROR_CONFLICT, { 2, FALSE, 0 } },
	{ "commit", COMMITTED, "2\n", ROTA_ERROR_CONFLICT, { 3, FALSE, 0 } },
	{ "commit", AT_ODDS_TRIED, "2\n", ROTA_ERROR_CONFLICT, { 2, TRUE, 1 } },
	{ "rollback", AT_REST, NULL, FINE, { 2, FALSE, 0 } },
	{ "rollback", AT_REST, "2\n", FINE, { 2, FALSE, 0 } },
	{ "rollback", ACTIVATED, "2\n", FINE, { 2, FALSE, 0 } },
	{ "rollback", ACTIVATED, NULL, FINE, { 2, FALSE, 0 } },
	{ "rollback", TRIED, "2\n", FINE, { 2, FALSE, 0 } },
	{ "rollback", TRIED, NULL, FINE, { 2, FALSE, 0 } },
	{ "rollback", COMMITTED, "2\n", FINE, { 2, FALSE, 0 } },
	{ "rollback", COMMITTED, NULL, FINE, { 3, FALSE, 0 } },
	{ "rollback", WENT_BACK, "2\n", FINE, { 2, FALSE, 0 } },
	{ "rollback", AT_ODDS_TRIED, "2\n", FINE, { 2, FALSE, 0 } },
	{ "rollback", TRIED, "", ROTA_ERROR_CORRUPT, { 3, TRUE, 1 } },
	{ "rollback", TRIED, "two\n", ROTA_ERROR_CORRUPT, { 3, TRUE, 1 } },
	{ "rollback", TRIED, "4\n", ROTA_ERROR_CORRUPT, { 3, TRUE, 1 } },
	{ "verify-rollback", AT_REST, "2\n", FINE, { 2, FALSE, 0 } },
	{ "verify-rollback", ACTIVATED, "2\n", ROTA_ERROR_CONFLICT, { 3, TRUE, 0 } },
	{ "verify-rollback", TRIED, "2\n", ROTA_ERROR_CONFLICT, { 3, TRUE, 1 } },
	/* The record says the old one, and the new one still runs: the reboot is to come. */
	{ "verify-rollback", 3, { 2, FALSE, 0 }, "2\n", ROTA_ERROR_CONFLICT, { 2, FALSE, 0 } },
	{ "no-such-action", AT_REST, NULL, ROTA_ERROR_INVALID, { 2, FALSE, 0 } },
};

static void test_each_action_in_each_state(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(Machine) machine = machine_new();
		g_autofree char *before = machine_path(machine, "before");
		g_autoptr(GError) error = NULL;
		gboolean is_done;

		g_test_message("row %zu: %s", i, rows[i].action);
		machine_add_boot_loader(machine, "U-Boot");
		machine_set_running(machine, rows[i].running);
		machine_set_record(machine, &rows[i].record);
		if (rows[i].before != NULL)
			machine_write(machine, "before", rows[i].before, 0600);
		offer_image(machine);
		is_done = run(machine, rows[i].action, before, &error);
		g_assert_cmpint(is_done, ==, rows[i].code == FINE);
		if (rows[i].code != FINE)
			g_assert_error(error, ROTA_ERROR, rows[i].code);
		machine_assert_record(machine, &rows[i].after);
	}
}

/* The running partition is never written, whichever it is. */
static void test_only_the_other_is_written(void)
{
	for (int running = 2; running <= 3; running++) {
		g_autoptr(Machine) machine = machine_new();
		g_autofree char *mine = g_strdup_printf("%s/dev/part%d", machine->root, running);
		g_autofree char *other =
			g_strdup_printf("%s/dev/part%d", machine->root, 5 - running);
		g_autofree char *before = NULL;
		g_autofree char *after = NULL;
		g_autofree char *written = NULL;
		gsize size = 0;

		machine_add_boot_loader(machine, "GRUB");
		machine_set_running(machine, running);
		machine_set_record(machine, &(BootRecord){ .part = running });
		offer_image(machine);
		g_assert_true(g_file_get_contents(mine, &before, NULL, NULL));
		g_assert_true(run(machine, "write", NULL, NULL));
		g_assert_true(g_file_get_contents(mine, &after, &size, NULL));
		g_assert_cmpmem(before, size, after, size);
		g_assert_true(g_file_get_contents(other, &written, NULL, NULL));
		g_assert_true(g_str_has_prefix(written, "an image"));
	}
}

static void test_what_runs_is_kept(void)
{
	g_autoptr(Machine) machine = machine_new();
	g_autofree char *before = machine_path(machine, "before");
	g_autofree char *kept = NULL;

	machine_add_boot_loader(machine, "GRUB");
	g_assert_true(run(machine, "activate", before, NULL));
	g_assert_true(g_file_get_contents(before, &kept, NULL, NULL));
	g_assert_cmpstr(kept, ==, "2\n");
}

/* Before the boot loader hears of anything: a note that cannot be written, a record that cannot. */
static void test_activate_fails(void)
{
	static const struct {
		const char *before;
		const char *fault;
	} faulty[] = { { "no/such/folder", NULL }, { "before", "fails" }, { "before", "forgets" } };

	for (gsize i = 0; i < G_N_ELEMENTS(faulty); i++) {
		g_autoptr(Machine) machine = machine_new();
		g_autofree char *before = machine_path(machine, faulty[i].before);
		g_autoptr(GError) error = NULL;

		machine_add_boot_loader(machine, "GRUB");
		if (faulty[i].fault != NULL)
			machine_fault(machine, faulty[i].fault);
		g_assert_false(run(machine, "activate", before, &error));
		g_assert_nonnull(error);
		machine_assert_record(machine, &(BootRecord){ .part = 2 });
	}
}

/* --- Machines on which nothing is done --- */

static void no_setting(Machine *machine)
{
	g_clear_pointer(&machine->settings.rootfs_part_b, g_free);
}

static void set_part_b(Machine *machine, const char *device)
{
	g_free(machine->settings.rootfs_part_b);
	machine->settings.rootfs_part_b = g_strdup(device);
}

static void relative(Machine *machine)
{
	set_part_b(machine, "dev/part3");
}

static void missing(Machine *machine)
{
	set_part_b(machine, "/dev/part4");
}

static void no_number(Machine *machine)
{
	machine_write(machine, "dev/root", "", 0600);
	set_part_b(machine, "/dev/root");
}

static void twice_the_same(Machine *machine)
{
	machine_link(machine, "dev/disk/other", "../part2");
	set_part_b(machine, "/dev/disk/other");
}

static void another_root(Machine *machine)
{
	machine_write(machine, "proc/cmdline", "root=/dev/part9 rw\n", 0644);
}

static void no_command_line(Machine *machine)
{
	machine_write(machine, "proc/cmdline", "", 0644);
}

static void garbled_record(Machine *machine)
{
	g_assert_true(g_file_set_contents(machine->record,
		"mender_boot_part=x\nupgrade_available=0\nbootcount=0\n", -1, NULL));
}

static void silent_boot_loader(Machine *machine)
{
	machine_fault(machine, "dies");
}

static const struct {
	void (*spoil)(Machine *machine);
	int code;
	const char *says;
} spoilt[] = {
	{ no_setting, ROTA_ERROR_INVALID, "RootfsPartB: not set" },
	{ relative, ROTA_ERROR_INVALID, "RootfsPartB: not the path" },
	{ missing, ROTA_ERROR_NOT_FOUND, "is not there" },
	{ no_number, ROTA_ERROR_INVALID, "does not end in a number" },
	{ twice_the_same, ROTA_ERROR_INVALID, "the same partition" },
	{ another_root, ROTA_ERROR_NOT_FOUND, "not known which partition runs" },
	{ no_command_line, ROTA_ERROR_NOT_FOUND, "not known which partition runs" },
	{ garbled_record, ROTA_ERROR_CORRUPT, "mender_boot_part is missing or no number" },
	{ silent_boot_loader, ROTA_ERROR_UNAVAILABLE, "exited with 1" },
};

static void test_nothing_is_done_on_a_guess(void)
{
	static const char *const actions[] = { "status", "write", "activate", "verify", "commit",
		"rollback", "verify-rollback" };

	for (gsize i = 0; i < G_N_ELEMENTS(spoilt); i++) {
		g_autoptr(Machine) machine = machine_new();

		machine_add_boot_loader(machine, "U-Boot");
		spoilt[i].spoil(machine);
		for (gsize j = 0; j < G_N_ELEMENTS(actions); j++) {
			g_autoptr(GError) error = NULL;

			g_assert_false(run(machine, actions[j], NULL, &error));
			g_assert_error(error, ROTA_ERROR, spoilt[i].code);
			g_assert_nonnull(strstr(error->message, spoilt[i].says));
		}
	}
}

static void test_without_a_boot_loader(void)
{
	g_autoptr(Machine) machine = machine_new();
	g_autoptr(GError) error = NULL;

	g_assert_false(run(machine, "status", NULL, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND);
}

/* --- How a kernel was told its root --- */

static void test_names_of_the_root(void)
{
	static const struct {
		const char *root;
		const char *link;
	} names[] = {
		{ "PARTUUID=abcd-02", "dev/disk/by-partuuid/abcd-02" },
		{ "PARTLABEL=system-b", "dev/disk/by-partlabel/system-b" },
		{ "UUID=1234", "dev/disk/by-uuid/1234" },
		{ "LABEL=rootfs-b", "dev/disk/by-label/rootfs-b" },
		{ "/dev/disk/by-path/x", "dev/disk/by-path/x" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(Machine) machine = machine_new();
		g_autofree char *line = g_strdup_printf("ro root=%s quiet\n", names[i].root);
		g_autofree char *target = g_strdup("../../part3");

		machine_add_boot_loader(machine, "U-Boot");
		machine_link(machine, names[i].link, target);
		machine_write(machine, "proc/cmdline", line, 0644);
		machine_set_record(machine, &(BootRecord){ .part = 3 });
		g_assert_true(run(machine, "activate", NULL, NULL));
		machine_assert_record(
			machine, &(BootRecord){ .part = 2, .upgrade_available = TRUE });
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/slots/each-action-in-each-state", test_each_action_in_each_state);
	g_test_add_func("/slots/only-the-other-is-written", test_only_the_other_is_written);
	g_test_add_func("/slots/what-runs-is-kept", test_what_runs_is_kept);
	g_test_add_func("/slots/activate-fails", test_activate_fails);
	g_test_add_func("/slots/nothing-on-a-guess", test_nothing_is_done_on_a_guess);
	g_test_add_func("/slots/without-a-boot-loader", test_without_a_boot_loader);
	g_test_add_func("/slots/names-of-the-root", test_names_of_the_root);
	return g_test_run();
}
