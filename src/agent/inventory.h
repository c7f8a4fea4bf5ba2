/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/agent.h"

/* What the device tells of itself: all mender-inventory-* programs in the order of their names, and
 * what the agent knows: client version, device type, installed software, a store kept aside.
 * Returns: (transfer full): the body of the inventory call, sorted by name: equal inventory, equal
 * text. */
char *inventory_read(const Agent *agent, GError **error) G_GNUC_WARN_UNUSED_RESULT;
