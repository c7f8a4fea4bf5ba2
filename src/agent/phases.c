/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/phases.h"
#include "agent/signals.h"
#include "agent/software.h"
#include "agent/steps/steps.h"
#include "agent/system.h"
#include "base/error.h"
#include <string.h>

#define NEXT(ok, no, error, aborted)                                                               \
	{                                                                                          \
		PHASE_##ok, PHASE_##no, PHASE_##error, PHASE_##aborted                             \
	}
#define ENTER SCRIPTS_ENTER
#define LEAVE SCRIPTS_LEAVE
#define ERROR SCRIPTS_ERROR
#define ON_CUT(phase, blame) .power_loss = { PHASE_##phase, BLAME_##blame }
#define ON_CUT_IF(holds, phase, blame, else_phase, else_blame)                                     \
	.power_loss = { PHASE_##phase, BLAME_##blame, holds, PHASE_##else_phase,                   \
		BLAME_##else_blame }

/* clang-format off */

/* A deployment of the server. A row without .stored is covered by the journal of the row before it. */
static const PhaseRow managed_rows[N_PHASES] = {
	[PHASE_REPORT_DOWNLOADING] = {
		.name = "report downloading",
		.step = step_report, .report = UPDATE_DOWNLOADING,
		.next = NEXT(DOWNLOAD, DOWNLOAD, DOWNLOAD, CLEANUP), .blame = BLAME_FAILED },
	[PHASE_DOWNLOAD] = {
		.name = "download", .stored = "update-store",
		.scripts = "Download", .moments = ENTER | LEAVE | ERROR, .step = step_download,
		.next = NEXT(REPORT_INSTALLING, CLEANUP, CLEANUP, CLEANUP), .blame = BLAME_FAILED,
		ON_CUT_IF(step_download_may_resume, DOWNLOAD, NOTHING, CLEANUP, FAILED) },
	[PHASE_REPORT_INSTALLING] = {
		.name = "report installing",
		.step = step_report, .report = UPDATE_INSTALLING,
		.next = NEXT(INSTALL, INSTALL, INSTALL, CLEANUP), .blame = BLAME_FAILED },
	[PHASE_INSTALL] = {
		.name = "install", .stored = "update-install",
		.scripts = "ArtifactInstall", .moments = ENTER | LEAVE | ERROR, .step = step_install,
		.next = NEXT(ASK_REBOOT, ASK_REBOOT, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY,
		ON_CUT(ASK_ROLLBACK, DIRTY) },
	[PHASE_ASK_REBOOT] = {
		.name = "ask for a reboot", .step = step_ask_reboot,
		.next = NEXT(REPORT_REBOOTING, REPORT_COMMITTING, ASK_ROLLBACK, ASK_ROLLBACK),
		.blame = BLAME_DIRTY },
	[PHASE_REPORT_REBOOTING] = {
		.name = "report rebooting",
		.step = step_report, .report = UPDATE_REBOOTING,
		.next = NEXT(REBOOT, REBOOT, REBOOT, ASK_ROLLBACK), .blame = BLAME_DIRTY },
	[PHASE_REBOOT] = {
		.name = "reboot", .stored = "reboot",
		.scripts = "ArtifactReboot", .moments = ENTER | ERROR, .step = step_reboot,
		.next = NEXT(VERIFY_REBOOT, VERIFY_REBOOT, ASK_ROLLBACK, ASK_ROLLBACK),
		.blame = BLAME_DIRTY,
		ON_CUT_IF(step_reboot_is_over, VERIFY_REBOOT, NOTHING, REBOOT, NOTHING) },
	[PHASE_VERIFY_REBOOT] = {
		.name = "verify the reboot", .stored = "after-reboot",
		.scripts = "ArtifactReboot", .moments = LEAVE | ERROR, .step = step_verify_reboot,
		.next = NEXT(REPORT_COMMITTING, REPORT_COMMITTING, ASK_ROLLBACK, ASK_ROLLBACK),
		.blame = BLAME_DIRTY,
		ON_CUT(ASK_ROLLBACK, DIRTY) },
	[PHASE_REPORT_COMMITTING] = {
		.name = "reach the server before commit",
		.step = step_report_anew, .report = UPDATE_INSTALLING, .flags = PHASE_INSISTS,
		.next = NEXT(COMMIT, COMMIT, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY },
	[PHASE_COMMIT] = {
		.name = "commit", .stored = "update-commit",
		.scripts = "ArtifactCommit", .moments = ENTER | ERROR, .step = step_commit,
		.next = NEXT(COMMIT_LEAVE, COMMIT_REST, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY,
		ON_CUT(ASK_ROLLBACK, DIRTY) },
	[PHASE_COMMIT_REST] = {
		.name = "commit the other payloads", .stored = "update-after-first-commit",
		.scripts = "ArtifactCommit", .moments = ERROR, .step = step_commit_rest,
		.next = NEXT(COMMIT_LEAVE, COMMIT_LEAVE, FAILURE, FAILURE), .blame = BLAME_DIRTY,
		ON_CUT(COMMIT_REST, NOTHING) },
	[PHASE_COMMIT_LEAVE] = {
		.name = "leave commit", .stored = "update-after-commit",
		.scripts = "ArtifactCommit", .moments = LEAVE | ERROR,
		.next = NEXT(CLEANUP, CLEANUP, CLEANUP, CLEANUP), .blame = BLAME_DIRTY,
		ON_CUT(COMMIT_LEAVE, NOTHING) },
	[PHASE_ASK_ROLLBACK] = {
		.name = "ask for the way back", .step = step_ask_rollback, .flags = PHASE_GOES_ON,
		.next = NEXT(ROLLBACK, FAILURE, FAILURE, FAILURE), .blame = BLAME_DIRTY },
	[PHASE_ROLLBACK] = {
		.name = "rollback", .stored = "rollback",
		.scripts = "ArtifactRollback", .moments = ENTER | LEAVE, .step = step_rollback,
		.next = NEXT(ASK_ROLLBACK_REBOOT, ASK_ROLLBACK_REBOOT, FAILURE, FAILURE),
		.blame = BLAME_DIRTY,
		.flags = PHASE_GOES_ON | PHASE_LEAVES_ALWAYS | PHASE_CLEARS_BLAME,
		ON_CUT(ROLLBACK, FAILED) },
	[PHASE_ASK_ROLLBACK_REBOOT] = {
		.name = "ask for a reboot on the way back", .step = step_ask_reboot,
		.flags = PHASE_GOES_ON,
		.next = NEXT(ROLLBACK_REBOOT, FAILURE, FAILURE, FAILURE), .blame = BLAME_DIRTY },
	[PHASE_ROLLBACK_REBOOT] = {
		.name = "reboot on the way back", .stored = "rollback-reboot",
		.scripts = "ArtifactRollbackReboot", .moments = ENTER, .step = step_rollback_reboot,
		.flags = PHASE_GOES_ON,
		.next = NEXT(VERIFY_ROLLBACK_REBOOT, VERIFY_ROLLBACK_REBOOT, VERIFY_ROLLBACK_REBOOT,
			VERIFY_ROLLBACK_REBOOT),
		.blame = BLAME_NOTHING,
		ON_CUT_IF(step_reboot_is_over, VERIFY_ROLLBACK_REBOOT, FAILED, ROLLBACK_REBOOT,
			FAILED) },
	[PHASE_VERIFY_ROLLBACK_REBOOT] = {
		.name = "verify the reboot on the way back", .stored = "after-rollback-reboot",
		.scripts = "ArtifactRollbackReboot", .moments = LEAVE | ERROR,
		.step = step_verify_rollback_reboot, .flags = PHASE_GOES_ON,
		.next = NEXT(FAILURE, FAILURE, ROLLBACK_REBOOT, ROLLBACK_REBOOT),
		.blame = BLAME_NOTHING,
		ON_CUT(VERIFY_ROLLBACK_REBOOT, FAILED) },
	[PHASE_FAILURE] = {
		.name = "tell of the failure", .stored = "update-error",
		.scripts = "ArtifactFailure", .moments = ENTER | LEAVE, .step = step_failure,
		.flags = PHASE_GOES_ON | PHASE_LEAVES_ALWAYS,
		.next = NEXT(CLEANUP, CLEANUP, CLEANUP, CLEANUP), .blame = BLAME_DIRTY,
		ON_CUT(FAILURE, FAILED) },
	[PHASE_CLEANUP] = {
		.name = "clean up", .stored = "cleanup", .also = also_software,
		.step = step_cleanup, .flags = PHASE_GOES_ON,
		.next = NEXT(REPORT_FINAL, REPORT_FINAL, REPORT_FINAL, REPORT_FINAL),
		.blame = BLAME_FAILED,
		ON_CUT(CLEANUP, NOTHING) },
	[PHASE_REPORT_FINAL] = {
		.name = "report the outcome",
		.step = step_report_final, .flags = PHASE_INSISTS | PHASE_GOES_ON,
		.next = NEXT(CLOSE, CLOSE, CLOSE, CLOSE), .blame = BLAME_NOTHING },
	[PHASE_LOOP] = {
		.name = "end a loop", .step = step_loop, .flags = PHASE_GOES_ON,
		.next = NEXT(REPORT_FINAL, REPORT_FINAL, REPORT_FINAL, REPORT_FINAL),
		.blame = BLAME_FAILED },
	[PHASE_CLOSE] = {
		.name = "close the deployment", .step = step_close, .flags = PHASE_GOES_ON,
		.next = NEXT(END, END, END, END), .blame = BLAME_NOTHING },
};

/* An install by hand: no reports, no reboots, and it waits for `commit` or `rollback`. */
static const PhaseRow standalone_rows[N_PHASES] = {
	[PHASE_OPEN] = {
		.name = "open", .step = step_open,
		.next = NEXT(DOWNLOAD, DOWNLOAD, END, END), .blame = BLAME_FAILED },
	[PHASE_DOWNLOAD] = {
		.name = "download",
		.scripts = "Download", .moments = ENTER | LEAVE | ERROR, .step = step_feed,
		.next = NEXT(INSTALL, CLEANUP, CLEANUP, CLEANUP), .blame = BLAME_FAILED },
	[PHASE_INSTALL] = {
		.name = "install", .stored = "ArtifactInstall_Enter", .stop_name = "ArtifactInstall_Enter",
		.scripts = "ArtifactInstall", .moments = ENTER | LEAVE | ERROR, .step = step_install,
		.flags = PHASE_PAUSES,
		.next = NEXT(ASK_REBOOT, ASK_REBOOT, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY,
		ON_CUT(ASK_ROLLBACK, DIRTY) },
	[PHASE_ASK_REBOOT] = {
		.name = "ask for a reboot", .step = step_ask_reboot,
		.next = NEXT(ASK_COMMIT, ASK_COMMIT, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY },
	[PHASE_ASK_COMMIT] = {
		.name = "ask for the way back", .step = step_ask_commit,
		.next = NEXT(COMMIT, COMMIT, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY },
	[PHASE_COMMIT] = {
		.name = "commit", .stored = "ArtifactCommit_Enter", .stop_name = "ArtifactCommit_Enter",
		.scripts = "ArtifactCommit", .moments = ENTER | ERROR, .step = step_commit,
		.flags = PHASE_PAUSES,
		.next = NEXT(COMMIT_LEAVE, COMMIT_REST, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY,
		ON_CUT(ASK_ROLLBACK, DIRTY) },
	[PHASE_COMMIT_REST] = {
		.name = "commit the other payloads", .stored = "ArtifactCommit_Rest",
		.step = step_commit_rest,
		.next = NEXT(COMMIT_LEAVE, COMMIT_LEAVE, FAILURE, FAILURE), .blame = BLAME_DIRTY,
		ON_CUT(COMMIT_REST, NOTHING) },
	[PHASE_COMMIT_LEAVE] = {
		.name = "leave commit", .stored = "ArtifactCommit_Leave",
		.stop_name = "ArtifactCommit_Leave",
		.scripts = "ArtifactCommit", .moments = LEAVE, .flags = PHASE_PAUSES,
		.next = NEXT(CLEANUP, CLEANUP, CLEANUP, CLEANUP), .blame = BLAME_DIRTY,
		ON_CUT(COMMIT_LEAVE, NOTHING) },
	[PHASE_ASK_ROLLBACK] = {
		.name = "ask for the way back", .step = step_ask_rollback, .flags = PHASE_GOES_ON,
		.next = NEXT(ROLLBACK, FAILURE, FAILURE, FAILURE), .blame = BLAME_DIRTY },
	[PHASE_ROLLBACK] = {
		.name = "rollback", .stored = "ArtifactRollback_Enter",
		.stop_name = "ArtifactRollback_Enter",
		.scripts = "ArtifactRollback", .moments = ENTER | LEAVE, .step = step_rollback,
		.next = NEXT(FAILURE, FAILURE, FAILURE, FAILURE), .blame = BLAME_DIRTY,
		.flags = PHASE_GOES_ON | PHASE_LEAVES_ALWAYS | PHASE_CLEARS_BLAME,
		ON_CUT(ROLLBACK, FAILED) },
	[PHASE_FAILURE] = {
		.name = "tell of the failure", .stored = "ArtifactFailure_Enter",
		.stop_name = "ArtifactFailure_Enter",
		.scripts = "ArtifactFailure", .moments = ENTER | LEAVE, .step = step_failure,
		.flags = PHASE_GOES_ON | PHASE_LEAVES_ALWAYS,
		.next = NEXT(CLEANUP, CLEANUP, CLEANUP, CLEANUP), .blame = BLAME_DIRTY,
		ON_CUT(FAILURE, FAILED) },
	[PHASE_CLEANUP] = {
		.name = "clean up", .stored = "Cleanup", .stop_name = "Cleanup",
		.also = also_software_by_hand,
		.step = step_cleanup, .flags = PHASE_GOES_ON,
		.next = NEXT(CLOSE, CLOSE, CLOSE, CLOSE), .blame = BLAME_FAILED,
		ON_CUT(CLEANUP, NOTHING) },
	[PHASE_CLOSE] = {
		.name = "close the update", .step = step_close, .flags = PHASE_GOES_ON,
		.next = NEXT(END, END, END, END), .blame = BLAME_DIRTY },
};

/* clang-format on */

const Life managed_life = {
	.name = "deployment",
	.rows = managed_rows,
	.store_key = STORE_STATE,
	.to_text = update_record_to_state,
	.counts_stores = TRUE,
};

const Life standalone_life = {
	.name = "update by hand",
	.rows = standalone_rows,
	.store_key = STORE_STANDALONE,
	.to_text = update_record_to_standalone,
};

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

static gboolean write_journal(Update *update, const PhaseRow *row, GError **error)
{
	g_free(update->record->phase);
	update->record->phase = g_strdup(row->stored);
	g_free(update->record->own.boot_id);
	update->record->own.boot_id = system_boot_id(update->agent->paths);
	if (save(update, row, error))
		return TRUE;
	g_prefix_error(error, "journal: ");
	return FALSE;
}

/* --- The walk --- */

static void blame(Update *update, Blame kind)
{
	if (kind == BLAME_NOTHING)
		return;
	update->record->own.failed = TRUE;
	if (kind == BLAME_DIRTY)
		update->record->own.dirty = TRUE;
}

static void log_failure(const Update *update, const GError *failure)
{
	g_critical("%s: %s: %s", update->life->name, update->row->name,
		failure != NULL ? failure->message : "failed");
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
		blame(update, BLAME_DIRTY);
	outcome = run_step(update);
	leave = outcome == OUTCOME_OK || outcome == OUTCOME_NO ||
		(update->row->flags & PHASE_LEAVES_ALWAYS);
	if (leave && !run_scripts(update, SCRIPTS_LEAVE)) {
		blame(update, BLAME_DIRTY);
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
	if (row->stored != NULL && !write_journal(update, row, &failure)) {
		log_failure(update, failure);
		if (!(row->flags & PHASE_GOES_ON))
			return OUTCOME_ERROR;
	}
	g_debug("%s: %s", update->life->name, row->name);
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
			blame(update, update->row->blame);
		}
		phase = update->row->next[outcome];
	}
	return WALK_DONE;
}

/* --- After a power cut --- */

/* What Mender's clients stored carries no outcome: what the store says is installed tells it. */
static void guess_outcome(Update *update, Phase phase)
{
	RecordOwn *own = &update->record->own;
	gboolean undone = update->record->all_rollbacks_successful;
	g_autofree char *installed = NULL;

	if (own->known)
		return;
	if (phase == PHASE_FAILURE)
		own->dirty = !undone;
	if (phase != PHASE_CLEANUP)
		return;
	if (!store_get(update->agent->store, STORE_ARTIFACT_NAME, &installed, NULL))
		g_warning("the name of what is installed cannot be read");
	own->failed = undone || g_strcmp0(installed, update->record->artifact.name) != 0;
	own->dirty = installed != NULL && g_str_has_suffix(installed, SOFTWARE_INCONSISTENT);
}

static Phase find_stored(const Update *update, const char *stored)
{
	for (Phase phase = PHASE_END; phase < N_PHASES; phase++) {
		if (g_strcmp0(update->life->rows[phase].stored, stored) == 0 && stored != NULL)
			return phase;
	}
	return PHASE_END;
}

/* The record says "before" where a walk by hand was paused: nothing of the phase has happened. */
static Phase find_paused(const Update *update, const char *stored)
{
	for (Phase phase = PHASE_END; phase < N_PHASES; phase++) {
		const PhaseRow *row = &update->life->rows[phase];

		if ((row->flags & PHASE_PAUSES) && g_str_has_prefix(stored, "Before_") &&
			g_str_equal(row->stop_name, stored + strlen("Before_")))
			return phase;
	}
	return PHASE_END;
}

/* Names of older clients for what a row of ours covers. */
static const char *current_name(const char *stored)
{
	static const struct {
		const char *old, *current;
	} names[] = {
		{ "update-after-store", "update-store" },
		{ "verify-reboot", "after-reboot" },
		{ "verify-rollback-reboot", "after-rollback-reboot" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		if (g_strcmp0(stored, names[i].old) == 0)
			return names[i].current;
	}
	return stored != NULL ? stored : "";
}

Phase phases_recover(Update *update)
{
	const char *stored = current_name(update->record->phase);
	Phase phase = find_paused(update, stored);
	const PhaseRow *row = NULL;

	if (phase != PHASE_END)
		return phase;
	phase = find_stored(update, stored);
	if (phase == PHASE_END) {
		g_critical("%s: the journal says %s, which is no phase: rolling back",
			update->life->name, stored);
		blame(update, BLAME_DIRTY);
		return PHASE_ASK_ROLLBACK;
	}
	row = &update->life->rows[phase];
	guess_outcome(update, phase);
	update->entered = phase;
	if (row->power_loss.holds != NULL && !row->power_loss.holds(update)) {
		if (row->power_loss.else_blame != BLAME_NOTHING)
			update->failed_at = phase;
		blame(update, row->power_loss.else_blame);
		return row->power_loss.else_phase;
	}
	if (row->power_loss.blame != BLAME_NOTHING)
		update->failed_at = phase;
	blame(update, row->power_loss.blame);
	return row->power_loss.phase;
}
