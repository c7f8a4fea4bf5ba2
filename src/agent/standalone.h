/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/agent.h"

/* Updates by hand: install, then commit or roll back; each command is one walk along the standalone
 * table. Texts and exit statuses are those of Mender's client: 0 done, 1 failed, 2 nothing in
 * progress, 4 done and a payload wants a reboot. */

enum {
	EXIT_STATUS_DONE = 0,
	EXIT_STATUS_FAILED = 1,
	EXIT_STATUS_NOTHING = 2,
	EXIT_STATUS_REBOOT = 4,
};

typedef struct {
	GPtrArray *stop_before; /* (nullable): of char *: names of states, copied */
	gboolean reboot_exit_code;
} StandaloneOptions;

/* @source: a file, or an http or https URL */
int standalone_install(Agent *agent, const char *source, const StandaloneOptions *options);
int standalone_resume(Agent *agent, const StandaloneOptions *options);
int standalone_commit(Agent *agent, const StandaloneOptions *options);
int standalone_rollback(Agent *agent, const StandaloneOptions *options);

/* TRUE while an update by hand waits in the store. */
gboolean standalone_is_open(Agent *agent);
