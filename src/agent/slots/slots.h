/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/paths.h"
#include "agent/settings.h"

/* Two root partitions (RootfsPartA and RootfsPartB), one of which runs.
 *
 * An update of the system: write the other one, activate it, reboot, verify, commit; or roll back
 * at any of these points. The boot loader's record is changed last at each step, in one piece. */

typedef struct {
	gint64 size;  /* of the image, for "write"; 0 = not known */
	char *before; /* file that "activate" keeps the running partition in, for "rollback" */
} SlotOptions;

/**
 * slots_run:
 * @action: "status", "write", "activate", "verify", "commit", "rollback" or "verify-rollback"
 *
 * Refuses everything where it is not known which partition runs, or the boot loader thinks it is
 * another one.
 */
gboolean slots_run(const Paths *paths, const AgentSettings *settings, const char *action,
	const SlotOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;
