/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/agent.h"

/* The managed mode: asks the server for updates, reports inventory, and walks deployments, until it
 * is asked to stop. An update that was cut off is brought to its end first. Returns: the exit
 * status. */
int daemon_run(Agent *agent);
