/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/steps/steps.h"
#include "agent/activity.h"
#include "agent/backoff.h"
#include "agent/server-calls.h"
#include "agent/signals.h"
#include "base/error.h"

/* Waits for the next try; FALSE when there is none. */
static gboolean wait_for_retry(Agent *agent, Backoff *backoff)
{
	gint64 wait_s = backoff_next_s(backoff, agent->settings);

	if (wait_s < 0)
		return FALSE;
	if (agent->retry_after_s > 0)
		wait_s = agent->retry_after_s;
	activity_wait(agent->activity, "the next try to reach the server",
		g_get_monotonic_time() + wait_s * G_USEC_PER_SEC);
	return signals_sleep(g_get_monotonic_time() + wait_s * G_USEC_PER_SEC);
}

static ReportResult report(
	Update *update, UpdateStatus status, const char *substate, GError **error)
{
	gboolean insists = (update->row->flags & PHASE_INSISTS) != 0;
	Backoff backoff = { 0 };

	for (;;) {
		g_autoptr(GError) failure = NULL;
		ReportResult result = server_calls_report(
			update->agent, update->record->id, status, substate, &failure);

		if (result == REPORT_TAKEN)
			return result;
		if (result == REPORT_ABORTED || !insists ||
			!wait_for_retry(update->agent, &backoff)) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return result;
		}
		g_warning("%s: %s: trying again", update->row->name, failure->message);
	}
}

/* Only an abort counts; a server that is out of reach does not keep an update from going on. */
PhaseOutcome step_report(Update *update, GError **error)
{
	g_autoptr(GError) failure = NULL;
	ReportResult result = report(update, update->row->report, NULL, &failure);

	if (result == REPORT_TAKEN)
		return OUTCOME_OK;
	if (result == REPORT_ABORTED) {
		g_warning("the server aborted the deployment");
		return OUTCOME_ABORTED;
	}
	g_warning("%s: %s", update->row->name, failure->message);
	return OUTCOME_OK;
}

/* What breaks keys, identity, certificates or the network must not be committed: the new system has
 * to reach the server from scratch. */
PhaseOutcome step_report_anew(Update *update, GError **error)
{
	ReportResult result;

	server_calls_end(update->agent);
	server_calls_forget_token(update->agent);
	result = report(update, update->row->report, NULL, error);
	if (result == REPORT_ABORTED)
		return OUTCOME_ABORTED;
	return result == REPORT_TAKEN ? OUTCOME_OK : OUTCOME_ERROR;
}

static gboolean send_log(Update *update, Backoff *backoff)
{
	for (;;) {
		g_autoptr(GError) failure = NULL;

		if (server_calls_send_log(update->agent, update->record->id, &failure))
			return TRUE;
		g_warning("sending the log: %s", failure->message);
		if (!wait_for_retry(update->agent, backoff))
			return FALSE;
	}
}

/* A report that never gets through is given up: the vehicle keeps what it has. */
PhaseOutcome step_report_final(Update *update, GError **error)
{
	gboolean failed = update->record->own.failed;
	Backoff backoff = { 0 };

	if (report(update, failed ? UPDATE_FAILURE : UPDATE_SUCCESS,
		    failed ? update->record->own.reason : NULL, error) == REPORT_FAILED)
		return OUTCOME_ERROR;
	g_clear_error(error);
	if (failed && !send_log(update, &backoff)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "the log was not taken");
		return OUTCOME_ERROR;
	}
	return OUTCOME_OK;
}
