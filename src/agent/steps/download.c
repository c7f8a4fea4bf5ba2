/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/steps/steps.h"
#include "agent/server-calls.h"
#include "agent/signals.h"
#include "agent/software.h"
#include "agent/tree-file.h"
#include "base/error.h"
#include "base/file.h"

static gboolean open_reader(Update *update, GError **error)
{
	ArtifactPolicy policy = {
		.keys = update->agent->verify_keys,
		.refuse_augmented = TRUE,
	};

	update->reader = artifact_reader_open(update->input, &policy, NULL, error);
	if (update->reader == NULL)
		return FALSE;
	update->header = artifact_reader_steal_header(update->reader);
	if (update->header->signature == ARTIFACT_SIGNED_UNCHECKED)
		g_warning("the artifact is signed, but no ArtifactVerifyKey is set: not checked");
	for (guint i = 0; i < update->header->warnings->len; i++)
		g_warning("artifact: %s", (const char *)update->header->warnings->pdata[i]);
	return TRUE;
}

/* A payload whose module is missing is refused before anything is written for it. */
static gboolean check_modules(Update *update, GError **error)
{
	for (guint i = 0; i < update->modules->len; i++) {
		if (!module_is_there(update->modules->pdata[i], error))
			return FALSE;
	}
	return TRUE;
}

static gboolean accept_header(Update *update, GError **error)
{
	if (!open_reader(update, error) ||
		!software_check_depends(update->agent, update->header, error))
		return FALSE;
	update_record_set_artifact(update->record, update->header);
	update_make_modules(update);
	if (!check_modules(update, error)) {
		/* Nothing was called, so nothing is to be cleaned up. */
		g_clear_pointer(&update->modules, g_ptr_array_unref);
		return FALSE;
	}
	g_message("artifact %s: header is good, %u payloads", update->header->name,
		update->header->payloads->len);
	return TRUE;
}

PhaseOutcome step_open(Update *update, GError **error)
{
	return accept_header(update, error) ? OUTCOME_OK : OUTCOME_ERROR;
}

static gboolean prepare_modules(Update *update, GError **error)
{
	g_auto(Software) software = { 0 };
	ModuleDevice device = { 0 };

	if (!software_load(update->agent->store, &software, error) ||
		!scripts_unpack(update->agent->paths, update->header, error))
		return FALSE;
	device.artifact_name = software.name;
	device.artifact_group = software.group;
	device.device_type = update->agent->device_type;
	for (guint i = 0; i < update->modules->len; i++) {
		if (!module_prepare(update->modules->pdata[i], update->header, &device, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean feed_modules(Update *update, GError **error)
{
	const ArtifactFile *file = NULL;

	for (guint i = 0; i < update->modules->len; i++) {
		if (!module_download(update->modules->pdata[i], update->reader, &file, error))
			return FALSE;
	}
	return artifact_reader_finish(update->reader, error);
}

PhaseOutcome step_feed(Update *update, GError **error)
{
	gboolean empty = update->modules->len == 0;

	if (!prepare_modules(update, error) || !feed_modules(update, error))
		return OUTCOME_ERROR;
	update_close_artifact(update);
	/* The next journal entry says that all of this is there. */
	if (!tree_sync(update->agent->paths->data, error))
		return OUTCOME_ERROR;
	return empty ? OUTCOME_NO : OUTCOME_OK;
}

/* What an earlier try left in the modules is cleaned up as after any failed download, so that a
 * module never sees a second Download without a Cleanup before it. */
static void forget_earlier_try(Update *update)
{
	if (update->modules == NULL)
		return;
	if (cleanup_modules(update, NULL) != OUTCOME_OK)
		g_warning("cleaning up after an interrupted download failed");
}

PhaseOutcome step_download(Update *update, GError **error)
{
	PhaseOutcome outcome;

	forget_earlier_try(update);
	update->input = server_calls_fetch(update->agent, update->record, error);
	if (update->input == NULL || !accept_header(update, error))
		return OUTCOME_ERROR;
	/* The journal now names the payloads whose modules will have something to clean up. */
	if (!phases_save(update, error))
		return OUTCOME_ERROR;
	outcome = step_feed(update, error);
	update_close_artifact(update);
	return outcome;
}

/* A download goes on from what was spooled, and begins anew where no module has been called yet.
 * Every start that finds more of it than the last one did begins to count anew, as this is no loop
 * however often the ignition goes off. */
gboolean step_download_may_resume(Update *update)
{
	RecordOwn *own = &update->record->own;
	gint64 spooled = server_calls_spooled(update->agent, update->record);

	if (!own->known || update->record->artifact.source.uri == NULL)
		return FALSE;
	if (spooled <= 0)
		return update->modules == NULL;
	if (spooled > own->spooled)
		update->record->store_count = 1;
	own->spooled = spooled;
	return TRUE;
}
