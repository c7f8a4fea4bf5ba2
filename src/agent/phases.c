/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/phases.h"
#include "agent/activity.h"
#include "agent/signals.h"
#include "agent/system.h"
#include "base/error.h"

/* The walker of the tables of phases. */

Update *update_new(Agent *agent, const Life *life, UpdateRecord *record)
{
	Update *update = g_new0(Update, 1);

	update->agent = agent;
	update->life = life;
	update->record = record;
	update_make_modules(update);
	return update;
}

void update_make_modules(Update *update)
{
	char **types = update->record->artifact.payload_types;

	g_clear_pointer(&update->modules, g_ptr_array_unref);
	if (types == NULL)
		return;
	update->modules = g_ptr_array_new_with_free_func((GDestroyNotify)module_free);
	for (guint i = 0; types[i] != NULL; i++) {
		if (*types[i] != '\0')
			g_ptr_array_add(
				update->modules, module_new(update->agent->paths,
							 update->agent->settings, types[i], i));
	}
}

void update_close_artifact(Update *update)
{
	g_clear_pointer(&update->reader, artifact_reader_free);
	g_clear_object(&update->input);
	g_clear_pointer(&update->header, artifact_header_free);
}

void update_free(Update *update)
{
	if (update == NULL)
		return;
	update_close_artifact(update);
	g_clear_pointer(&update->modules, g_ptr_array_unref);
	update_record_free(update->record);
	g_free(update);
}

/* --- The journal --- */

static gboolean save(Update *update, const PhaseRow *row, GError **error)
{
	g_autoptr(StoreChanges) changes = store_changes_new();
	g_autofree char *text = NULL;

	update->record->own.known = TRUE;
	update->record->all_rollbacks_successful =
		update->record->own.failed && !update->record->own.dirty;
	update->record->store_count++;
	text = update->life->to_text(update->record);
	store_changes_set(changes, update->life->store_key, text);
	if (row != NULL && row->also != NULL && !row->also(update, changes, error))
		return FALSE;
	return store_write(update->agent->store, changes, error);
}

gboolean phases_save(Update *update, GError **error)
{
	return save(update, NULL, error);
}

static gboolean is_loop(const Update *update)
{
	return update->life->counts_stores && update->record->store_count >= STATE_STORES_MAX;
}

static gboolean write_journal(
	Update *update, const char *stored, const PhaseRow *row, GError **error)
{
	g_free(update->record->phase);
	update->record->phase = g_strdup(stored);
	g_free(update->record->own.boot_id);
	update->record->own.boot_id = system_boot_id(update->agent->paths);
	if (save(update, row, error))
		return TRUE;
	g_prefix_error(error, "journal: ");
	return FALSE;
}

gboolean phases_write_journal(Update *update, const char *stored, GError **error)
{
	return write_journal(update, stored, NULL, error);
}

/* --- The walk --- */

void update_blame(Update *update, Blame kind)
{
	if (kind == BLAME_NOTHING)
		return;
	update->record->own.failed = TRUE;
	if (kind == BLAME_DIRTY)
		update->record->own.dirty = TRUE;
}

void update_give_reason(Update *update, const char *reason)
{
	RecordOwn *own = &update->record->own;
	g_autofree char *cut = NULL;

	if (own->reason != NULL)
		return;
	cut = g_strndup(reason, RECORD_REASON_MAX);
	own->reason = g_utf8_make_valid(cut, -1);
}

static void log_failure(Update *update, const GError *failure)
{
	g_autofree char *reason = g_strdup_printf(
		"%s: %s", update->row->name, failure != NULL ? failure->message : "failed");

	g_critical("%s: %s", update->life->name, reason);
	update_give_reason(update, reason);
}

static gboolean run_scripts(Update *update, ScriptMoment moment)
{
	const PhaseRow *row = update->row;
	g_autoptr(GError) failure = NULL;

	if (row->scripts == NULL || !(row->moments & moment))
		return TRUE;
	if (scripts_run(
		    update->agent->paths, update->agent->settings, row->scripts, moment, &failure))
		return TRUE;
	log_failure(update, failure);
	return FALSE;
}

static PhaseOutcome run_step(Update *update)
{
	g_autoptr(GError) failure = NULL;
	PhaseOutcome outcome;

	if (update->row->step == NULL)
		return OUTCOME_OK;
	outcome = update->row->step(update, &failure);
	if (outcome == OUTCOME_ERROR)
		log_failure(update, failure);
	return outcome;
}

/* On the way back nothing may keep the vehicle from going on: what fails is blamed and that is all.
 */
static PhaseOutcome pass_back(Update *update)
{
	PhaseOutcome outcome;
	gboolean leave;

	if (!run_scripts(update, SCRIPTS_ENTER))
		update_blame(update, BLAME_DIRTY);
	outcome = run_step(update);
	leave = outcome == OUTCOME_OK || outcome == OUTCOME_NO ||
		(update->row->flags & PHASE_LEAVES_ALWAYS);
	if (leave && !run_scripts(update, SCRIPTS_LEAVE)) {
		update_blame(update, BLAME_DIRTY);
		(void)run_scripts(update, SCRIPTS_ERROR);
	}
	return outcome;
}

static PhaseOutcome pass_forward(Update *update)
{
	PhaseOutcome outcome = OUTCOME_ERROR;

	if (run_scripts(update, SCRIPTS_ENTER))
		outcome = run_step(update);
	if ((outcome == OUTCOME_OK || outcome == OUTCOME_NO) && !run_scripts(update, SCRIPTS_LEAVE))
		outcome = OUTCOME_ERROR;
	if (outcome == OUTCOME_ERROR && !signals_stop_asked())
		(void)run_scripts(update, SCRIPTS_ERROR);
	return outcome;
}

static PhaseOutcome pass(Update *update)
{
	const PhaseRow *row = update->row;
	g_autoptr(GError) failure = NULL;
	PhaseOutcome outcome;

	if (row->flags & PHASE_CLEARS_BLAME)
		update->record->own.dirty = FALSE;
	if (row->stored != NULL && !write_journal(update, row->stored, row, &failure)) {
		log_failure(update, failure);
		if (!(row->flags & PHASE_GOES_ON))
			return OUTCOME_ERROR;
	}
	g_debug("%s: %s", update->life->name, row->name);
	activity_set_update(update->agent->activity, update->record->id,
		update->record->artifact.name, row->name);
	outcome = row->flags & PHASE_GOES_ON ? pass_back(update) : pass_forward(update);
	return signals_stop_asked() ? OUTCOME_STOPPED : outcome;
}

static gboolean must_pause(const Update *update, Phase phase)
{
	const PhaseRow *row = &update->life->rows[phase];

	return row->stop_name != NULL && update->stop_before != NULL && phase != update->entered &&
	       g_ptr_array_find_with_equal_func(
		       update->stop_before, row->stop_name, g_str_equal, NULL);
}

static WalkEnd pause_before(Update *update, Phase phase)
{
	const PhaseRow *row = &update->life->rows[phase];
	g_autoptr(GError) failure = NULL;

	g_free(update->record->phase);
	update->record->phase = row->flags & PHASE_PAUSES
					? g_strconcat("Before_", row->stop_name, NULL)
					: g_strdup(row->stored);
	if (!phases_save(update, &failure))
		log_failure(update, failure);
	return WALK_PAUSED;
}

WalkEnd phases_walk(Update *update, Phase phase)
{
	while (phase != PHASE_END) {
		PhaseOutcome outcome;

		if (must_pause(update, phase))
			return pause_before(update, phase);
		update->row = &update->life->rows[phase];
		if (is_loop(update) && update->row->stored != NULL) {
			phase = PHASE_LOOP;
			update->row = &update->life->rows[phase];
		}
		outcome = pass(update);
		if (outcome == OUTCOME_STOPPED)
			return WALK_STOPPED;
		if (outcome == OUTCOME_ERROR || outcome == OUTCOME_ABORTED) {
			if (update->failed_at == PHASE_END)
				update->failed_at = phase;
			update_blame(update, update->row->blame);
		}
		phase = update->row->next[outcome];
	}
	return WALK_DONE;
}
