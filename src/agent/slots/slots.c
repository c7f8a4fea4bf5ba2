/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slots/slots.h"
#include "agent/slots/boot-loader.h"
#include "agent/slots/image.h"
#include "base/error.h"
#include "base/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOT_COUNT = 2, COMMAND_LINE_SIZE_MAX = 64 * 1024, BEFORE_SIZE_MAX = 64 };

typedef struct {
	char *device;  /* as the settings name it, below ROOT */
	char *real;    /* without links */
	gint64 number; /* at its end: what the boot loader calls it */
} Slot;

typedef struct {
	const Paths *paths;
	const SlotOptions *options;
	Slot slots[SLOT_COUNT];
	gsize running;
	const BootLoader *loader;
	BootRecord record;
} Slots;

static void clear_slots(Slots *slots)
{
	for (gsize i = 0; i < SLOT_COUNT; i++) {
		g_free(slots->slots[i].device);
		free(slots->slots[i].real);
	}
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Slots, clear_slots)

static const Slot *passive(const Slots *slots)
{
	return &slots->slots[1 - slots->running];
}

/* --- Which partition is which --- */

static gboolean open_slot(
	const Paths *paths, const char *key, const char *device, Slot *slot, GError **error)
{
	const char *digits;

	if (device == NULL || *device != '/') {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: %s", key,
			device == NULL ? "not set" : "not the path of a device");
		return FALSE;
	}
	slot->device = g_build_filename(paths->root, device, NULL);
	slot->real = realpath(slot->device, NULL);
	if (slot->real == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "%s: %s is not there", key,
			slot->device);
		return FALSE;
	}
	digits = slot->real + strlen(slot->real);
	while (digits > slot->real && g_ascii_isdigit(digits[-1]))
		digits--;
	if (g_ascii_string_to_signed(digits, 10, 0, G_MAXINT32, &slot->number, NULL))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: %s does not end in a number", key,
		slot->real);
	return FALSE;
}

static gboolean is_mounted_as_root(const Slots *slots, const Slot *slot)
{
	struct stat device, root;

	return paths_is_system(slots->paths) && stat(slot->real, &device) == 0 &&
	       S_ISBLK(device.st_mode) && stat("/", &root) == 0 && device.st_rdev == root.st_dev;
}

/* (transfer full)(nullable): the device behind the kernel's "root=", without links. */
static char *root_of_command_line(const Paths *paths)
{
	static const struct {
		const char *prefix;
		const char *folder;
	} names[] = {
		{ "PARTUUID=", "dev/disk/by-partuuid" },
		{ "PARTLABEL=", "dev/disk/by-partlabel" },
		{ "UUID=", "dev/disk/by-uuid" },
		{ "LABEL=", "dev/disk/by-label" },
		{ "/", "/" },
	};
	g_autofree char *path = g_build_filename(paths->root, "proc/cmdline", NULL);
	g_autofree char *text = file_read_text(path, COMMAND_LINE_SIZE_MAX, NULL);
	g_auto(GStrv) words = NULL;

	if (text == NULL)
		return NULL;
	words = g_strsplit_set(text, " \n", -1);
	for (char **word = words; *word != NULL; word++) {
		for (gsize i = 0; g_str_has_prefix(*word, "root=") && i < G_N_ELEMENTS(names);
			i++) {
			const char *name = *word + strlen("root=");
			g_autofree char *device = NULL;

			if (!g_str_has_prefix(name, names[i].prefix))
				continue;
			device = g_build_filename(
				paths->root, names[i].folder, name + strlen(names[i].prefix), NULL);
			return realpath(device, NULL);
		}
	}
	return NULL;
}

static gboolean find_running(Slots *slots, GError **error)
{
	g_autofree char *root = root_of_command_line(slots->paths);

	for (gsize i = 0; i < SLOT_COUNT; i++) {
		slots->running = i;
		if (is_mounted_as_root(slots, &slots->slots[i]))
			return TRUE;
	}
	for (gsize i = 0; i < SLOT_COUNT; i++) {
		slots->running = i;
		if (root != NULL && g_str_equal(root, slots->slots[i].real))
			return TRUE;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND,
		"it is not known which partition runs: neither %s nor %s is the root",
		slots->slots[0].device, slots->slots[1].device);
	return FALSE;
}

static gboolean open_slots(Slots *slots, const AgentSettings *settings, GError **error)
{
	if (!open_slot(slots->paths, "RootfsPartA", settings->rootfs_part_a, &slots->slots[0],
		    error) ||
		!open_slot(slots->paths, "RootfsPartB", settings->rootfs_part_b, &slots->slots[1],
			error))
		return FALSE;
	if (slots->slots[0].number == slots->slots[1].number) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"RootfsPartA and RootfsPartB are the same partition");
		return FALSE;
	}
	if (!find_running(slots, error))
		return FALSE;
	slots->loader = boot_loader_find(slots->paths, error);
	return slots->loader != NULL &&
	       boot_loader_read(slots->loader, slots->paths, &slots->record, error);
}

/* --- Conditions --- */

static gboolean check_agreement(const Slots *slots, GError **error)
{
	const Slot *running = &slots->slots[slots->running];

	if (slots->record.part == running->number)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
		"%s runs, and the boot loader starts partition %" G_GINT64_FORMAT, running->device,
		slots->record.part);
	return FALSE;
}

static gboolean check_no_trial(const Slots *slots, GError **error)
{
	if (!slots->record.upgrade_available)
		return check_agreement(slots, error);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
		"an update of the system waits for its commit");
	return FALSE;
}

static gboolean check_trial(const Slots *slots, GError **error)
{
	if (slots->record.upgrade_available)
		return check_agreement(slots, error);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
		"no update of the system is tried: the boot loader went back");
	return FALSE;
}

static gboolean set_record(
	const Slots *slots, gint64 part, gboolean upgrade_available, GError **error)
{
	const BootRecord record = { .part = part, .upgrade_available = upgrade_available };

	return boot_loader_write(slots->loader, slots->paths, &record, error);
}

/* --- Actions --- */

static gboolean show_status(Slots *slots, GError **error)
{
	printf("boot_loader=%s\nrunning=%s\nother=%s\nboot_part=%" G_GINT64_FORMAT
	       "\nupgrade_available=%d\nboot_count=%" G_GINT64_FORMAT "\n",
		slots->loader->name, slots->slots[slots->running].device, passive(slots)->device,
		slots->record.part, slots->record.upgrade_available ? 1 : 0,
		slots->record.boot_count);
	return TRUE;
}

static gboolean write_slot(Slots *slots, GError **error)
{
	ImageResult result = { 0 };

	if (!check_no_trial(slots, error) || !image_write(STDIN_FILENO, passive(slots)->real,
						     (guint64)slots->options->size, &result, error))
		return FALSE;
	printf("%s: %" G_GUINT64_FORMAT " bytes, %" G_GUINT64_FORMAT " of them new\n",
		passive(slots)->device, result.size, result.written);
	return TRUE;
}

/* What ran before is on the disk before the boot loader hears of anything. */
static gboolean keep_before(const Slots *slots, GError **error)
{
	g_autofree char *text =
		g_strdup_printf("%" G_GINT64_FORMAT "\n", slots->slots[slots->running].number);

	return slots->options->before == NULL ||
	       file_write_atomic(slots->options->before, text, strlen(text), 0600, error);
}

static gboolean activate(Slots *slots, GError **error)
{
	return check_no_trial(slots, error) && keep_before(slots, error) &&
	       set_record(slots, passive(slots)->number, TRUE, error);
}

static gboolean verify(Slots *slots, GError **error)
{
	return check_trial(slots, error);
}

static gboolean commit(Slots *slots, GError **error)
{
	return check_trial(slots, error) && set_record(slots, slots->record.part, FALSE, error);
}

/* @ret_part: the partition to go back to; -1 where nothing was activated. */
static gboolean read_before(const Slots *slots, gint64 *ret_part, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autofree char *text = NULL;

	*ret_part = -1;
	if (slots->options->before != NULL)
		text = file_read_text(slots->options->before, BEFORE_SIZE_MAX, &failure);
	if (text == NULL &&
		(failure == NULL || g_error_matches(failure, ROTA_ERROR, ROTA_ERROR_NOT_FOUND)))
		return TRUE;
	if (text == NULL) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	if (g_ascii_string_to_signed(g_strchomp(text), 10, 0, G_MAXINT32, ret_part, NULL) &&
		(*ret_part == slots->slots[0].number || *ret_part == slots->slots[1].number))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT, "%s: names none of the two partitions",
		slots->options->before);
	return FALSE;
}

/* Before the reboot, after it, after a commit, and after the boot loader went back by itself: the
 * partition from before is started again, and there is no trial. */
static gboolean roll_back(Slots *slots, GError **error)
{
	gint64 part = -1;

	if (!read_before(slots, &part, error))
		return FALSE;
	if (part < 0 && !slots->record.upgrade_available)
		return TRUE;
	/* Only who begun the update knows what ran before it; else it is the one that is not tried.
	 */
	if (part < 0)
		part = slots->slots[slots->slots[0].number == slots->record.part ? 1 : 0].number;
	return set_record(slots, part, FALSE, error);
}

static gboolean verify_rollback(Slots *slots, GError **error)
{
	return check_no_trial(slots, error);
}

static const struct {
	const char *name;
	gboolean (*run)(Slots *slots, GError **error);
} actions[] = {
	{ "status", show_status },
	{ "write", write_slot },
	{ "activate", activate },
	{ "verify", verify },
	{ "commit", commit },
	{ "rollback", roll_back },
	{ "verify-rollback", verify_rollback },
};

gboolean slots_run(const Paths *paths, const AgentSettings *settings, const char *action,
	const SlotOptions *options, GError **error)
{
	g_auto(Slots) slots = { .paths = paths, .options = options };

	for (gsize i = 0; i < G_N_ELEMENTS(actions); i++) {
		if (g_str_equal(actions[i].name, action))
			return open_slots(&slots, settings, error) && actions[i].run(&slots, error);
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "slot %s: no such action", action);
	return FALSE;
}
