/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/steps/steps.h"
#include "agent/activity.h"
#include "agent/gates.h"
#include "agent/server-calls.h"
#include "agent/signals.h"
#include "base/error.h"

/* One wait before a gate: what was said of it, and when it is to be said again. */
typedef struct {
	char *told; /* the reason the server knows; NULL = none */
	gint64 tell_again_us;
	gint64 until_us; /* then the gate is taken for closed for good */
} Wait;

/* Before a long wait a row may want the journal of what comes after it: a power cut while the
 * vehicle waits to be rebooted is the reboot it waited for. */
static gboolean store_wait(Update *update, GError **error)
{
	const char *stored = update->row->gate.stored;

	return stored == NULL || phases_write_journal(update, stored, error);
}

/* The server is told of each new reason, and else as often as it is asked for updates: it may have
 * taken the deployment back meanwhile. */
static ReportResult tell(Update *update, Wait *wait, const char *reason)
{
	Agent *agent = update->agent;
	gint64 now_us = g_get_monotonic_time();
	gboolean is_new = g_strcmp0(wait->told, reason) != 0;
	g_autoptr(GError) failure = NULL;
	ReportResult result;

	if (!is_new && now_us < wait->tell_again_us)
		return REPORT_TAKEN;
	if (is_new)
		g_message("%s waits: %s", update->row->gate.step, reason);
	result = server_calls_report(
		agent, update->record->id, update->row->gate.waiting, reason, &failure);
	if (result == REPORT_FAILED)
		g_warning("%s", failure->message);
	if (result == REPORT_TAKEN && !server_calls_send_inventory(agent, &failure))
		g_warning("inventory: %s", failure->message);
	server_calls_end(agent);
	wait->tell_again_us = now_us + agent->settings->update_poll_s * G_USEC_PER_SEC;
	g_free(wait->told);
	wait->told = g_strdup(reason);
	return result;
}

/* TRUE: the gate is to be asked again. */
static gboolean wait_a_while(Update *update, const Wait *wait, const char *reason)
{
	gint64 again_us =
		g_get_monotonic_time() + update->agent->settings->gate_interval_s * G_USEC_PER_SEC;

	activity_wait(update->agent->activity, reason, MIN(again_us, wait->until_us));
	(void)signals_sleep_until_asked(MIN(again_us, wait->until_us));
	(void)signals_take_update_check();
	return !signals_stop_asked();
}

static PhaseOutcome wait_before(Update *update, Wait *wait, char *reason, GError **error)
{
	g_autofree char *why = reason;
	gboolean stored = FALSE;

	while (why != NULL) {
		if (g_get_monotonic_time() >= wait->until_us) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT,
				"no leave to %s within %" G_GINT64_FORMAT " s: %s",
				update->row->gate.step, update->agent->settings->gate_timeout_s,
				why);
			return OUTCOME_ERROR;
		}
		if (!stored && !store_wait(update, error))
			return OUTCOME_ERROR;
		stored = TRUE;
		activity_wait(update->agent->activity, why, 0);
		if (tell(update, wait, why) == REPORT_ABORTED)
			return OUTCOME_ABORTED;
		if (!wait_a_while(update, wait, why))
			return OUTCOME_STOPPED;
		g_free(why);
		why = gates_ask(update, update->row->gate.step);
	}
	g_message("%s: goes on", update->row->gate.step);
	return OUTCOME_OK;
}

PhaseOutcome step_gate(Update *update, GError **error)
{
	gint64 limit_us = update->agent->settings->gate_timeout_s * G_USEC_PER_SEC;
	Wait wait = { .until_us = g_get_monotonic_time() + limit_us };
	char *reason = gates_ask(update, update->row->gate.step);
	PhaseOutcome outcome;

	if (reason == NULL)
		return OUTCOME_OK;
	outcome = wait_before(update, &wait, reason, error);
	activity_go_on(update->agent->activity);
	g_free(wait.told);
	return outcome;
}
