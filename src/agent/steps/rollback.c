/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/steps/steps.h"
#include "base/error.h"

static void remember(Update *update, gboolean supported)
{
	g_free(update->record->supports_rollback);
	update->record->supports_rollback =
		g_strdup(supported ? ROLLBACK_SUPPORTED : ROLLBACK_NOT_SUPPORTED);
}

/* Only where every payload has a way back is there one for the whole. */
PhaseOutcome step_ask_rollback(Update *update, GError **error)
{
	guint count = count_modules(update);

	if (count == 0)
		return OUTCOME_NO;
	for (guint i = 0; i < count; i++) {
		ModuleAnswer answer = MODULE_NO;

		if (!module_ask(update->modules->pdata[i], "SupportsRollback", &answer, error))
			return OUTCOME_ERROR;
		if (answer != MODULE_YES) {
			remember(update, FALSE);
			return OUTCOME_NO;
		}
	}
	remember(update, TRUE);
	return OUTCOME_OK;
}

/* Last in, first out: a later payload may stand on an earlier one. All get their turn. */
PhaseOutcome step_rollback(Update *update, GError **error)
{
	guint failed = 0;

	for (guint i = count_modules(update); i > 0; i--) {
		g_autoptr(GError) failure = NULL;

		if (module_call(update->modules->pdata[i - 1], "ArtifactRollback", &failure))
			continue;
		g_critical("%s", failure->message);
		failed++;
	}
	if (failed == 0)
		return OUTCOME_OK;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
		"%u of %u payloads could not be taken back", failed, count_modules(update));
	return OUTCOME_ERROR;
}
