/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon.h"
#include "agent/activity.h"
#include "agent/backoff.h"
#include "agent/bootstrap.h"
#include "agent/deployment-log.h"
#include "agent/last-update.h"
#include "agent/lock.h"
#include "agent/phases.h"
#include "agent/scripts.h"
#include "agent/server-calls.h"
#include "agent/signals.h"
#include "agent/software.h"
#include "agent/standalone.h"
#include "base/error.h"
#include "base/file.h"
#include <stdlib.h>

/* When something is due next, and how long to wait after it failed. */
typedef struct {
	gint64 due_us; /* monotonic */
	Backoff backoff;
} Timer;

typedef struct {
	Agent *agent;
	Timer update;
	Timer inventory;
} Daemon;

static void set_due(Timer *timer, gint64 wait_s)
{
	timer->due_us = g_get_monotonic_time() + wait_s * G_USEC_PER_SEC;
}

/* The ordinary interval after success; back-off, or what the server asked for, after a failure. */
static void arm(Daemon *daemon, Timer *timer, gboolean went_well, gint64 interval_s)
{
	gint64 wait_s = interval_s;

	if (went_well) {
		backoff_reset(&timer->backoff);
		set_due(timer, interval_s);
		return;
	}
	wait_s = backoff_next_s(&timer->backoff, daemon->agent->settings);
	if (wait_s < 0) {
		backoff_reset(&timer->backoff);
		wait_s = interval_s;
	}
	if (daemon->agent->retry_after_s > 0)
		wait_s = daemon->agent->retry_after_s;
	set_due(timer, MIN(wait_s, interval_s));
}

static gboolean run_scripts(Daemon *daemon, const char *state, ScriptMoment moment)
{
	g_autoptr(GError) failure = NULL;

	if (scripts_run(daemon->agent->paths, daemon->agent->settings, state, moment, &failure))
		return TRUE;
	g_warning("%s", failure->message);
	return FALSE;
}

/* --- Deployments --- */

static void tell_past(Agent *agent)
{
	activity_set_last_update(agent->activity, last_update_load(agent->store));
	activity_set_history(agent->activity, last_update_history(agent->store));
}

static void walk(Daemon *daemon, Update *update, Phase phase)
{
	WalkEnd end = phases_walk(update, phase);

	if (end == WALK_STOPPED)
		return;
	g_message("deployment %s: %s", update->record->id,
		update->record->own.failed ? "failed" : "done");
	activity_set_update(daemon->agent->activity, NULL, NULL, NULL);
	tell_past(daemon->agent);
	/* What is installed may have changed: the server is told at once. */
	set_due(&daemon->inventory, 0);
	set_due(&daemon->update, daemon->agent->settings->update_poll_s);
}

static DeploymentLog *open_log(Daemon *daemon, const char *id)
{
	g_autoptr(GError) failure = NULL;
	DeploymentLog *log =
		deployment_log_open(daemon->agent->settings->update_log_path, id, &failure);

	if (log == NULL)
		g_warning("deployment log: %s", failure->message);
	return log;
}

static UpdateRecord *record_of(const NextAnswer *answer)
{
	UpdateRecord *record = update_record_new();

	record->id = g_strdup(answer->id);
	record->artifact.name = g_strdup(answer->artifact.artifact_name);
	record->artifact.source.uri = g_strdup(answer->artifact.source.uri);
	record->artifact.source.expire = g_strdup(answer->artifact.source.expire);
	return record;
}

static void start_deployment(Daemon *daemon, const NextAnswer *answer)
{
	g_autoptr(GError) failure = NULL;
	autofd int lock = lock_take(daemon->agent->paths->update_lock, &failure);
	g_autoptr(DeploymentLog) log = NULL;
	g_autoptr(Update) update = NULL;

	if (lock < 0 || standalone_is_open(daemon->agent)) {
		g_warning("deployment %s waits: an update by hand is open", answer->id);
		activity_note(daemon->agent->activity, "update_check",
			"a deployment waits: an update by hand is open");
		return;
	}
	activity_set_state(daemon->agent->activity, "updating");
	log = open_log(daemon, answer->id);
	g_message("deployment %s: artifact %s", answer->id, answer->artifact.artifact_name);
	update = update_new(daemon->agent, &managed_life, record_of(answer));
	walk(daemon, update, PHASE_GATE_DOWNLOAD);
}

/* @ret_record: (nullable)(transfer full) */
static gboolean load_record(Agent *agent, UpdateRecord **ret_record, GError **error)
{
	g_autofree char *text = NULL;
	g_autofree char *uncommitted = NULL;

	*ret_record = NULL;
	if (!store_get(agent->store, STORE_STATE, &text, error) ||
		!store_get(agent->store, STORE_STATE_UNCOMMITTED, &uncommitted, error))
		return FALSE;
	if (text == NULL && uncommitted == NULL)
		return TRUE;
	if (text != NULL)
		*ret_record = update_record_from_state(text, error);
	if (*ret_record == NULL && uncommitted != NULL) {
		g_clear_error(error);
		*ret_record = update_record_from_state(uncommitted, error);
	}
	return *ret_record != NULL;
}

/* A record nobody can read must not stop updates for ever: it is said, reported to nobody, and
 * dropped. */
static void drop_record(Agent *agent, const GError *failure)
{
	g_autoptr(StoreChanges) changes = store_changes_new();
	g_autoptr(GError) error = NULL;

	g_critical("%s: the deployment that was under way is given up", failure->message);
	store_changes_set(changes, STORE_STATE, NULL);
	store_changes_set(changes, STORE_STATE_UNCOMMITTED, NULL);
	if (!store_write(agent->store, changes, &error))
		g_critical("%s", error->message);
}

/* Where it goes on is judged before the journal is touched: the boot it was written in matters. The
 * load counts as a save, so that a crash in a loop ends. */
static void recover(Daemon *daemon)
{
	Agent *agent = daemon->agent;
	g_autoptr(GError) failure = NULL;
	UpdateRecord *record = NULL;
	g_autoptr(DeploymentLog) log = NULL;
	g_autoptr(Update) update = NULL;
	autofd int lock = -1;
	Phase phase;

	if (!load_record(agent, &record, &failure)) {
		drop_record(agent, failure);
		return;
	}
	if (record == NULL)
		return;
	lock = lock_take(agent->paths->update_lock, &failure);
	if (lock < 0) {
		g_critical("%s", failure->message);
		update_record_free(record);
		return;
	}
	log = open_log(daemon, record->id);
	activity_set_state(agent->activity, "updating");
	update = update_new(agent, &managed_life, record);
	phase = phases_recover(update);
	g_warning("deployment %s was cut off at %s and goes on", record->id, record->phase);
	if (!phases_save(update, &failure))
		g_critical("%s", failure->message);
	walk(daemon, update, phase);
}

/* --- What is done when something is due --- */

static gboolean sync_inventory(Daemon *daemon)
{
	g_autoptr(GError) failure = NULL;

	if (run_scripts(daemon, "Sync", SCRIPTS_ENTER) &&
		server_calls_send_inventory(daemon->agent, &failure) &&
		run_scripts(daemon, "Sync", SCRIPTS_LEAVE)) {
		activity_note(daemon->agent->activity, "inventory", "the server has it");
		return TRUE;
	}
	if (failure != NULL)
		g_warning("inventory: %s", failure->message);
	activity_note(daemon->agent->activity, "inventory",
		failure != NULL ? failure->message : "a state script failed");
	(void)run_scripts(daemon, "Sync", SCRIPTS_ERROR);
	return FALSE;
}

static gboolean sync_update(Daemon *daemon, NextAnswer **ret_answer)
{
	g_autoptr(GError) failure = NULL;

	if (run_scripts(daemon, "Sync", SCRIPTS_ENTER) &&
		server_calls_next(daemon->agent, ret_answer, &failure) &&
		run_scripts(daemon, "Sync", SCRIPTS_LEAVE)) {
		activity_note(daemon->agent->activity, "update_check",
			*ret_answer != NULL ? (*ret_answer)->id : "no update");
		return TRUE;
	}
	if (failure != NULL)
		g_warning("update check: %s", failure->message);
	activity_note(daemon->agent->activity, "update_check",
		failure != NULL ? failure->message : "a state script failed");
	(void)run_scripts(daemon, "Sync", SCRIPTS_ERROR);
	return FALSE;
}

static void do_inventory(Daemon *daemon)
{
	gboolean went_well = sync_inventory(daemon);

	arm(daemon, &daemon->inventory, went_well, daemon->agent->settings->inventory_poll_s);
}

static void do_update(Daemon *daemon)
{
	NextAnswer *answer = NULL;
	gboolean went_well = sync_update(daemon, &answer);

	arm(daemon, &daemon->update, went_well, daemon->agent->settings->update_poll_s);
	if (went_well && answer != NULL)
		start_deployment(daemon, answer);
	else if (went_well && daemon->agent->inventory_sent == NULL)
		set_due(&daemon->inventory, 0);
	json_record_free(&next_answer_record, answer);
}

static gboolean is_due(const Timer *timer)
{
	return timer->due_us <= g_get_monotonic_time();
}

static void tell_software(Agent *agent)
{
	g_auto(Software) software = { 0 };
	g_autoptr(GError) failure = NULL;

	if (software_load(agent->store, &software, &failure))
		activity_set_software(agent->activity, software.name, agent->device_type);
	else
		g_warning("%s", failure->message);
}

static void tell_idle(Daemon *daemon)
{
	Activity *activity = daemon->agent->activity;
	gboolean update_first = daemon->update.due_us <= daemon->inventory.due_us;

	tell_software(daemon->agent);
	activity_set_state(activity, "idle");
	activity_wait(activity,
		update_first ? "the next update check" : "the next inventory report",
		MIN(daemon->update.due_us, daemon->inventory.due_us));
}

/* One turn: idle until something is due or asked for, then that. Inventory goes first, so that a
 * server that has just accepted the device knows it before it decides about an update. */
static void turn(Daemon *daemon)
{
	(void)run_scripts(daemon, "Idle", SCRIPTS_ENTER);
	tell_idle(daemon);
	(void)signals_sleep_until_asked(MIN(daemon->update.due_us, daemon->inventory.due_us));
	if (signals_stop_asked())
		return;
	activity_set_state(daemon->agent->activity, "asking");
	(void)run_scripts(daemon, "Idle", SCRIPTS_LEAVE);
	if (signals_take_inventory()) {
		g_clear_pointer(&daemon->agent->inventory_sent, g_free);
		set_due(&daemon->inventory, 0);
	}
	if (signals_take_update_check())
		set_due(&daemon->update, 0);
	if (is_due(&daemon->inventory))
		do_inventory(daemon);
	if (is_due(&daemon->update) && !signals_stop_asked())
		do_update(daemon);
	server_calls_end(daemon->agent);
}

int daemon_run(Agent *agent)
{
	Daemon daemon = { .agent = agent };
	g_autoptr(GError) failure = NULL;
	autofd int lock = lock_take(agent->paths->daemon_lock, &failure);

	if (lock < 0 || !bootstrap_ensure(agent, &failure)) {
		g_critical("%s", failure->message);
		return EXIT_FAILURE;
	}
	if (agent->verify_keys == NULL)
		g_warning("no ArtifactVerifyKey is set: unsigned artifacts will be installed");
	agent->activity = activity_new(agent->paths);
	tell_past(agent);
	recover(&daemon);
	server_calls_end(agent);
	while (!signals_stop_asked())
		turn(&daemon);
	return EXIT_SUCCESS;
}
