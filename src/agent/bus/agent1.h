/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>
#include <systemd/sd-bus.h>
#include "agent/paths.h"

/* io.rota.Agent1: what the agent is doing, why it waits and until when, what it asks the driver.
 *
 * All of it is what the agent writes in ROOT/run/rota-agent/status.json, read when that changes and
 * told as properties. Orders are the signals that `rota-agent check-update` sends as well: the
 * agent takes no bytes from here. */
typedef struct Agent1 Agent1;

/* @paths: borrowed. Returns: NULL with @ret_status a negative errno. */
Agent1 *agent1_new(sd_bus *bus, sd_event *loop, const Paths *paths, int *ret_status);
void agent1_free(Agent1 *self);
