/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gates.h"
#include "agent/consent.h"
#include "agent/questions.h"

typedef struct {
	const char *name;
	char *(*ask)(const Update *update, const char *step); /* as gates_ask() */
} Gate;

static char *ask_programs(const Update *update, const char *step)
{
	return questions_ask(update, update->agent->paths->gates, step);
}

static const Gate gates[] = {
	{ "programs", ask_programs },
	/* Last: a driver is not asked about a vehicle that is not fit. */
	{ "consent", consent_ask },
};

char *gates_ask(const Update *update, const char *step)
{
	for (gsize i = 0; i < G_N_ELEMENTS(gates); i++) {
		char *reason = gates[i].ask(update, step);

		if (reason != NULL)
			return reason;
	}
	return NULL;
}
