/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/steps/steps.h"
#include "agent/software.h"
#include "base/error.h"

PhaseOutcome step_failure(Update *update, GError **error)
{
	return call_modules(update, "ArtifactFailure", TRUE, error);
}

/* The journal was written so often that this cannot end by itself. Nothing more is run; what is
 * installed is called by what it may be. */
PhaseOutcome step_loop(Update *update, GError **error)
{
	g_autoptr(StoreChanges) changes = store_changes_new();

	update->record->own.failed = TRUE;
	update->record->own.dirty = TRUE;
	if (!software_apply(update->agent->store, &update->record->artifact,
		    SOFTWARE_IS_MIXED_WITH_PROVIDES, changes, error) ||
		!store_write(update->agent->store, changes, error))
		return OUTCOME_ERROR;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
		"state loop detected: the journal was written %" G_GINT64_FORMAT " times",
		update->record->store_count);
	return OUTCOME_ERROR;
}
