/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/phases.h"

/* Executables of the integrator in a folder, asked one after the other for a yes: gates, health.
 * One that cannot be run, dies or takes too long says no: what is not known is a no. */

enum {
	QUESTIONS_MAX = 64, /* programs */
	QUESTION_TIMEOUT_S = 60,
	QUESTION_REASON_MAX = 512, /* bytes */
	QUESTION_STATUS_NO = 21,   /* exit status: not now; the first line printed says why */
};

/**
 * questions_ask:
 * @question: their first argument; the id of the deployment and the name of the artifact follow
 * Returns: (transfer full)(nullable): the first no, as "NAME: why"; NULL = all say yes
 */
char *questions_ask(const Update *update, const char *folder, const char *question);
