/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/paths.h"
#include "agent/settings.h"
#include "agent/slots/boot-loader.h"

/* A machine in a folder, for tests: two partitions that are files (dev/part2, dev/part3), the
 * kernel's command line, and a boot loader whose record is a file and whose programs are scripts.
 * What the programs shall do wrong is said by files beside the record: machine_fault(). */

enum { MACHINE_PART_SIZE = 3 * 1024 * 1024 + 4096 }; /* no whole number of blocks */

typedef struct {
	char *root;
	char *record; /* file of NAME=VALUE lines */
	Paths *paths;
	AgentSettings settings;
} Machine;

Machine *machine_new(void);
void machine_free(Machine *machine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Machine, machine_free)

char *machine_path(const Machine *machine, const char *path); /* (transfer full): below ROOT */
void machine_write(const Machine *machine, const char *path, const char *text, int mode);
void machine_link(const Machine *machine, const char *path, const char *target);

/* @kind: "GRUB" or "U-Boot"; several may be there. */
void machine_add_boot_loader(const Machine *machine, const char *kind);

/* @fault: "fails" and "forgets" (setting), "dies" (printing). */
void machine_fault(const Machine *machine, const char *fault);

void machine_set_record(const Machine *machine, const BootRecord *record);
void machine_assert_record(const Machine *machine, const BootRecord *wanted);
void machine_set_running(const Machine *machine, int part);
