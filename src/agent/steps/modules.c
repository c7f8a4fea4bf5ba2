/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/steps/steps.h"
#include "base/error.h"

PhaseOutcome call_modules(Update *update, const char *state, gboolean all, GError **error)
{
	PhaseOutcome outcome = OUTCOME_OK;

	for (guint i = 0; update->modules != NULL && i < update->modules->len; i++) {
		g_autoptr(GError) failure = NULL;

		if (module_call(update->modules->pdata[i], state, &failure))
			continue;
		outcome = OUTCOME_ERROR;
		if (!all || i + 1 == update->modules->len) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return outcome;
		}
		g_critical("%s", failure->message);
	}
	return outcome;
}
