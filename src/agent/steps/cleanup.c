/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/steps/steps.h"
#include "agent/last-update.h"
#include "agent/software.h"

static void drop_spool(const Update *update)
{
	g_autoptr(GError) failure = NULL;

	if (update->record->id != NULL &&
		!contact_drop_spool(update->agent->paths->data, update->record->id, &failure))
		g_warning("%s", failure->message);
}

/* Each module's tree goes even where its Cleanup failed: the next update starts with none. */
PhaseOutcome cleanup_modules(Update *update, GError **error)
{
	PhaseOutcome outcome = call_modules(update, "Cleanup", TRUE, error);

	for (guint i = 0; i < count_modules(update); i++) {
		g_autoptr(GError) failure = NULL;

		if (!module_remove_tree(update->modules->pdata[i], &failure))
			g_warning("%s", failure->message);
	}
	return outcome;
}

PhaseOutcome step_cleanup(Update *update, GError **error)
{
	update_close_artifact(update);
	drop_spool(update);
	return cleanup_modules(update, error);
}

/* Into the transaction that begins Cleanup: either the journal still says what came before and the
 * old software is named, or it says Cleanup and the new one is. A Cleanup that fails changes
 * nothing about that. */
static gboolean add_software(
	Update *update, SoftwareVerdict if_dirty, StoreChanges *changes, GError **error)
{
	const RecordOwn *own = &update->record->own;

	if (own->failed && !own->dirty)
		return TRUE;
	return software_apply(update->agent->store, &update->record->artifact,
		own->failed ? if_dirty : SOFTWARE_IS_NEW, changes, error);
}

gboolean also_software(Update *update, StoreChanges *changes, GError **error)
{
	return add_software(update, SOFTWARE_IS_MIXED, changes, error);
}

gboolean also_software_by_hand(Update *update, StoreChanges *changes, GError **error)
{
	return add_software(update, SOFTWARE_IS_MIXED_WITH_PROVIDES, changes, error);
}

PhaseOutcome step_close(Update *update, GError **error)
{
	g_autoptr(StoreChanges) changes = store_changes_new();

	store_changes_set(changes, update->life->store_key, NULL);
	if (g_str_equal(update->life->store_key, STORE_STATE)) {
		store_changes_set(changes, STORE_STATE_UNCOMMITTED, NULL);
		last_update_add(update->agent->store, changes, update->record);
	}
	return store_write(update->agent->store, changes, error) ? OUTCOME_OK : OUTCOME_ERROR;
}
