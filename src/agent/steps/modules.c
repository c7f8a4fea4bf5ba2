/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/steps/steps.h"
#include "base/error.h"

guint count_modules(const Update *update)
{
	return update->modules != NULL ? update->modules->len : 0;
}

PhaseOutcome call_modules(Update *update, const char *state, gboolean all, GError **error)
{
	PhaseOutcome outcome = OUTCOME_OK;
	guint count = count_modules(update);

	for (guint i = 0; i < count; i++) {
		g_autoptr(GError) failure = NULL;

		if (module_call(update->modules->pdata[i], state, &failure))
			continue;
		outcome = OUTCOME_ERROR;
		if (!all || i + 1 == count) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return outcome;
		}
		g_critical("%s", failure->message);
	}
	return outcome;
}
