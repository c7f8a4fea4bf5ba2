/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/phases.h"

/* "Not now, because": whether the vehicle is fit for the next step of an update.
 *
 * Each kind of gate is a row of the table in gates.c and is asked at each gated phase: the
 * executables in ROOT/etc/rota/gates, which know what this vehicle must look at, and the driver's
 * consent (consent.h). */

/**
 * gates_ask:
 * @step: "download", "install", "reboot", "commit" or "rollback-reboot"
 * Returns: (transfer full)(nullable): why not now; NULL = all gates are open
 */
char *gates_ask(const Update *update, const char *step);
