/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/standalone.h"
#include "agent/lock.h"
#include "agent/phases.h"
#include "agent/progress.h"
#include "agent/server-calls.h"
#include "agent/steps/steps.h"
#include "base/error.h"
#include "base/file.h"
#include <stdio.h>
#include <string.h>

static void say(const char *text)
{
	printf("%s\n", text);
	fflush(stdout);
}

/* --- What is open --- */

/* A record nobody can read must not keep the vehicle from updates for ever. */
static gboolean drop_record(Agent *agent, const GError *failure, GError **error)
{
	g_autoptr(StoreChanges) changes = store_changes_new();

	g_critical("%s: the update that was open is given up", failure->message);
	store_changes_set(changes, STORE_STANDALONE, NULL);
	return store_write(agent->store, changes, error);
}

/* @ret_update: (nullable)(transfer full) */
static gboolean load(Agent *agent, Update **ret_update, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) failure = NULL;
	UpdateRecord *record = NULL;

	*ret_update = NULL;
	if (!store_get(agent->store, STORE_STANDALONE, &text, error))
		return FALSE;
	if (text == NULL)
		return TRUE;
	record = update_record_from_standalone(text, &failure);
	if (record == NULL)
		return drop_record(agent, failure, error);
	*ret_update = update_new(agent, &standalone_life, record);
	return TRUE;
}

gboolean standalone_is_open(Agent *agent)
{
	g_autoptr(Update) update = NULL;

	return !load(agent, &update, NULL) || update != NULL;
}

static gboolean deployment_is_open(Agent *agent)
{
	g_autofree char *text = NULL;

	return !store_get(agent->store, STORE_STATE, &text, NULL) || text != NULL;
}

static void take_options(Update *update, const StandaloneOptions *options)
{
	if (options->stop_before == NULL)
		return;
	update->stop_before = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < options->stop_before->len; i++)
		g_ptr_array_add(update->stop_before, g_strdup(options->stop_before->pdata[i]));
}

/* --- What to say at the end --- */

/* clang-format off */
static const struct {
	Phase failed_at;
	const char *text;
} failure_texts[] = {
	{ PHASE_OPEN, "Streaming failed." },
	{ PHASE_DOWNLOAD, "Streaming failed." },
	{ PHASE_INSTALL, "Installation failed." },
	{ PHASE_ASK_REBOOT, "Installation failed." },
	{ PHASE_ASK_COMMIT, "Installation failed." },
	{ PHASE_COMMIT, "Committing failed." },
	{ PHASE_COMMIT_REST, "Committing failed." },
	{ PHASE_COMMIT_LEAVE, "One or more post-commit steps failed." },
	{ PHASE_CLEANUP, "Cleanup failed." },
};
/* clang-format on */

static const char *damage_text(const Update *update)
{
	gboolean cannot = g_str_equal(update->record->supports_rollback, ROLLBACK_NOT_SUPPORTED);

	if (update->failed_at == PHASE_OPEN || update->failed_at == PHASE_DOWNLOAD)
		return "System not modified.";
	if (!update->record->own.dirty)
		return "Rolled back.";
	if (cannot)
		return "Update Module does not support rollback. System may be in an inconsistent "
		       "state.";
	return "Rollback failed. System may be in an inconsistent state.";
}

static int tell_failure(const Update *update)
{
	gboolean after_commit =
		update->failed_at == PHASE_COMMIT_LEAVE || update->failed_at == PHASE_CLEANUP;

	for (gsize i = 0; i < G_N_ELEMENTS(failure_texts); i++) {
		if (failure_texts[i].failed_at == update->failed_at)
			say(failure_texts[i].text);
	}
	if (!after_commit)
		say(damage_text(update));
	return EXIT_STATUS_FAILED;
}

static gboolean wants_reboot(const Update *update)
{
	for (char **word = update->record->reboot_requested; word != NULL && *word != NULL;
		word++) {
		if (**word != '\0')
			return TRUE;
	}
	return FALSE;
}

static int tell_reboot(const Update *update, const StandaloneOptions *options)
{
	if (!wants_reboot(update))
		return EXIT_STATUS_DONE;
	say("At least one payload requested a reboot of the device it updated.");
	return options->reboot_exit_code ? EXIT_STATUS_REBOOT : EXIT_STATUS_DONE;
}

static int tell_pause(const Update *update, const StandaloneOptions *options)
{
	if (!g_str_equal(update->record->phase, "Before_ArtifactCommit_Enter"))
		return EXIT_STATUS_DONE;
	say("Installed, but not committed.");
	say("Use 'commit' to update, or 'rollback' to roll back the update.");
	return tell_reboot(update, options);
}

static int tell_install(const Update *update, const StandaloneOptions *options)
{
	if (update->modules == NULL || update->modules->len == 0)
		say("Artifact with empty payload. Committing immediately.");
	else
		say("Update Module doesn't support rollback. Committing immediately.");
	if (update->record->own.failed)
		return tell_failure(update);
	say("Installed and committed.");
	return tell_reboot(update, options);
}

typedef int (*TellDone)(const Update *update, const StandaloneOptions *options);

static int tell_commit(const Update *update, const StandaloneOptions *options)
{
	say("Committed.");
	return EXIT_STATUS_DONE;
}

static int tell_rollback(const Update *update, const StandaloneOptions *options)
{
	say("Rolled back.");
	return EXIT_STATUS_DONE;
}

static int finish(Update *update, Phase phase, const StandaloneOptions *options, TellDone tell_done)
{
	WalkEnd end = phases_walk(update, phase);
	const RecordOwn *own = &update->record->own;

	server_calls_end(update->agent);
	if (end == WALK_STOPPED) {
		say("Interrupted. Use 'resume' to go on.");
		return EXIT_STATUS_FAILED;
	}
	if (end == WALK_PAUSED)
		return tell_pause(update, options);
	if (own->asked && !own->dirty && update->failed_at == PHASE_END)
		return tell_rollback(update, options);
	return own->failed ? tell_failure(update) : tell_done(update, options);
}

static int fail(const GError *failure)
{
	fprintf(stderr, "%s\n", failure->message);
	return EXIT_STATUS_FAILED;
}

/* --- install --- */

static gboolean is_url(const char *source)
{
	return g_str_has_prefix(source, "http://") || g_str_has_prefix(source, "https://");
}

static GInputStream *open_source(Agent *agent, const char *source, GError **error)
{
	g_autoptr(GFile) file = NULL;

	if (is_url(source))
		return server_calls_fetch_url(agent, source, error);
	file = g_file_new_for_path(source);
	return G_INPUT_STREAM(g_file_read(file, NULL, error));
}

static int install(Agent *agent, const char *source, const StandaloneOptions *options)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(Update) update = NULL;

	if (standalone_is_open(agent) || deployment_is_open(agent)) {
		say("Update already in progress. Please commit or roll back first.");
		return EXIT_STATUS_FAILED;
	}
	say("Installing artifact...");
	progress_show();
	update = update_new(agent, &standalone_life, update_record_new());
	take_options(update, options);
	update->input = open_source(agent, source, &failure);
	if (update->input == NULL) {
		fprintf(stderr, "%s: %s\n", source, failure->message);
		update->failed_at = PHASE_OPEN;
		return tell_failure(update);
	}
	return finish(update, PHASE_OPEN, options, tell_install);
}

/* --- resume, commit, rollback --- */

static int resume(Agent *agent, Update *update, const StandaloneOptions *options)
{
	return finish(update, phases_recover(update), options, tell_commit);
}

static int commit(Agent *agent, Update *update, const StandaloneOptions *options)
{
	const char *phase = update->record->phase;

	if (!g_str_equal(phase, "Before_ArtifactCommit_Enter") &&
		!g_str_equal(phase, "ArtifactCommit_Enter")) {
		fprintf(stderr, "the update is not at the point where it can be committed\n");
		return EXIT_STATUS_FAILED;
	}
	update->entered = PHASE_COMMIT;
	return finish(update, PHASE_COMMIT, options, tell_commit);
}

static gboolean can_still_roll_back(const char *phase)
{
	static const char *const phases[] = { "Before_ArtifactInstall_Enter",
		"ArtifactInstall_Enter", "Before_ArtifactCommit_Enter", "ArtifactCommit_Enter",
		"Before_ArtifactCommit_Leave", "ArtifactRollback_Enter", NULL };

	return g_strv_contains(phases, phase);
}

static int rollback(Agent *agent, Update *update, const StandaloneOptions *options)
{
	g_autoptr(GError) failure = NULL;
	PhaseOutcome can = OUTCOME_ERROR;

	if (!can_still_roll_back(update->record->phase)) {
		fprintf(stderr, "the update is past the point where it can be rolled back\n");
		return EXIT_STATUS_FAILED;
	}
	can = step_ask_rollback(update, &failure);
	if (can == OUTCOME_ERROR)
		return fail(failure);
	if (can == OUTCOME_NO) {
		say("Update Module does not support rollback.");
		return EXIT_STATUS_FAILED;
	}
	update->record->own.failed = TRUE;
	update->record->own.asked = TRUE;
	return finish(update, PHASE_ROLLBACK, options, tell_rollback);
}

typedef int (*OnOpen)(Agent *agent, Update *update, const StandaloneOptions *options);

static int with_open(Agent *agent, const StandaloneOptions *options, OnOpen run)
{
	autofd int lock = -1;
	g_autoptr(GError) failure = NULL;
	g_autoptr(Update) update = NULL;

	lock = lock_take(agent->paths->update_lock, &failure);
	if (lock < 0 || !load(agent, &update, &failure))
		return fail(failure);
	if (update == NULL) {
		say("No update in progress.");
		return EXIT_STATUS_NOTHING;
	}
	take_options(update, options);
	return run(agent, update, options);
}

int standalone_install(Agent *agent, const char *source, const StandaloneOptions *options)
{
	g_autoptr(GError) failure = NULL;
	autofd int lock = lock_take(agent->paths->update_lock, &failure);

	return lock < 0 ? fail(failure) : install(agent, source, options);
}

int standalone_resume(Agent *agent, const StandaloneOptions *options)
{
	return with_open(agent, options, resume);
}

int standalone_commit(Agent *agent, const StandaloneOptions *options)
{
	return with_open(agent, options, commit);
}

int standalone_rollback(Agent *agent, const StandaloneOptions *options)
{
	return with_open(agent, options, rollback);
}
