/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/steps/steps.h"
#include "base/error.h"

/* By hand: with a way back it waits for the word, without one there is nothing to wait for. */
PhaseOutcome step_ask_commit(Update *update, GError **error)
{
	PhaseOutcome can_roll_back = step_ask_rollback(update, error);

	if (can_roll_back == OUTCOME_ERROR)
		return OUTCOME_ERROR;
	if (can_roll_back == OUTCOME_OK) {
		if (update->stop_before == NULL)
			update->stop_before = g_ptr_array_new_with_free_func(g_free);
		g_ptr_array_add(update->stop_before, g_strdup("ArtifactCommit_Enter"));
	}
	return OUTCOME_OK;
}

PhaseOutcome step_commit(Update *update, GError **error)
{
	guint count = count_modules(update);

	if (!scripts_check_versions(update->agent->paths, error))
		return OUTCOME_ERROR;
	if (count == 0)
		return OUTCOME_OK;
	if (!module_call(update->modules->pdata[0], "ArtifactCommit", error))
		return OUTCOME_ERROR;
	update->record->own.payload = 1;
	return count > 1 ? OUTCOME_NO : OUTCOME_OK;
}

/* From here on there is no way back. One that fails is told, and the others are committed all the
 * same: half of a committed update helps nobody. */
PhaseOutcome step_commit_rest(Update *update, GError **error)
{
	PhaseOutcome outcome = OUTCOME_OK;
	gint64 *at = &update->record->own.payload;

	for (*at = MAX(*at, 1); *at < count_modules(update); (*at)++) {
		g_autoptr(GError) failure = NULL;

		if (!phases_save(update, &failure) ||
			!module_call(update->modules->pdata[*at], "ArtifactCommit", &failure)) {
			g_critical("%s", failure->message);
			outcome = OUTCOME_ERROR;
		}
	}
	if (outcome == OUTCOME_ERROR)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"not every payload could be committed");
	return outcome;
}
