/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/agent.h"
#include "agent/keeper.h"

/* The key by which servers know this device: Security.AuthPrivateKey, or the agent's own below
 * DATA. */

/* --passphrase-file: its first line opens an encrypted key. "-" is read now, as nothing that is
 * run later may find a secret on its standard input; a file is read when it is needed. */
gboolean device_key_take_passphrase(
	Agent *agent, const char *file, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * device_key_open:
 * Returns: (transfer full): the process that keeps it
 *
 * The agent's own key is made at the first need of it, and made anew, once, where
 * @agent->force_bootstrap asks for it. One that is there and cannot be read is never replaced
 * otherwise, and one that the configuration names is never made: the server knows it.
 */
Keeper *device_key_open(Agent *agent, GError **error) G_GNUC_WARN_UNUSED_RESULT;
