/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/steps/steps.h"
#include "agent/software.h"
#include "base/error.h"

PhaseOutcome step_failure(Update *update, GError **error)
{
	return call_modules(update, "ArtifactFailure", TRUE, error);
}

/* Before Install nothing was changed, and from Cleanup on the store says what is installed. */
static gboolean software_is_known(const UpdateRecord *record)
{
	return g_strcmp0(record->phase, "update-store") == 0 ||
	       g_strcmp0(record->phase, "cleanup") == 0;
}

/* The journal was written so often that this cannot end by itself. Nothing more is run; what is
 * installed is called by what it may be. */
PhaseOutcome step_loop(Update *update, GError **error)
{
	gboolean known = software_is_known(update->record);
	g_autoptr(StoreChanges) changes = store_changes_new();

	update->record->own.failed = TRUE;
	if (!known) {
		update->record->own.dirty = TRUE;
		if (!software_apply(update->agent->store, &update->record->artifact,
			    SOFTWARE_IS_MIXED_WITH_PROVIDES, changes, error) ||
			!store_write(update->agent->store, changes, error))
			return OUTCOME_ERROR;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
		"state loop detected: the journal was written %" G_GINT64_FORMAT " times",
		update->record->store_count);
	return OUTCOME_ERROR;
}
