/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>
#include "agent/paths.h"

/* `rota-agent status`: what the daemon is doing, why it waits and until when. Needs no rights but
 * to read the file that the daemon keeps (activity.h). Returns the exit status: 0 where the daemon
 * runs, 1 where it does not. */
/* (transfer full): what --json prints: "running" and, where it does, what the daemon says. */
json_t *status_facts(const Paths *paths);

int status_print(const Paths *paths, gboolean as_json);
