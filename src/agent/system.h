/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/paths.h"

/* The little the agent needs of the machine below it: platform/linux is the real one, platform/fake
 * stands in for it in unit tests. */

enum { SYSTEM_REBOOT_WAIT_S = 600 };

/* (transfer full)(nullable): a text that differs from boot to boot; NULL where the system has none.
 */
char *system_boot_id(const Paths *paths);

/* Begins a reboot. Returns TRUE when it is under way: the caller then waits for its own end. */
gboolean system_reboot(const Paths *paths, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Waits until the reboot ends this process, SYSTEM_REBOOT_WAIT_S at most. TRUE where stopping was
 * asked for meanwhile, as a reboot does; FALSE where nothing happened. */
gboolean system_wait_for_reboot(void);
