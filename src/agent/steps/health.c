/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/steps/steps.h"
#include "agent/activity.h"
#include "agent/health.h"
#include "agent/signals.h"
#include "base/error.h"

/* Healthy is what holds for the whole time that is wanted, and began to in time. */
typedef struct {
	gint64 begin_by_us;
	gint64 since_us; /* when it began to hold; 0 = it does not */
} Watch;

static PhaseOutcome give_up(const HealthWishes *wishes, const char *reason, GError **error)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT,
		"not healthy within %" G_GINT64_FORMAT " s: %s", wishes->timeout_s, reason);
	return OUTCOME_ERROR;
}

/* TRUE: it has held for long enough. */
static gboolean note(Watch *watch, const HealthWishes *wishes, const char *reason)
{
	gint64 now_us = g_get_monotonic_time();

	if (reason != NULL) {
		if (watch->since_us != 0)
			g_message("not healthy any more: %s", reason);
		watch->since_us = 0;
		return FALSE;
	}
	if (watch->since_us == 0)
		watch->since_us = now_us;
	return now_us - watch->since_us >= wishes->stay_s * G_USEC_PER_SEC;
}

/* Until the next look, or until it has held for long enough. */
static void wait_a_while(
	Update *update, const Watch *watch, const HealthWishes *wishes, const char *reason)
{
	gint64 next_us = g_get_monotonic_time() + wishes->interval_s * G_USEC_PER_SEC;
	gint64 done_us = watch->since_us + wishes->stay_s * G_USEC_PER_SEC;

	if (reason == NULL) {
		activity_wait(update->agent->activity, "it has to stay healthy", done_us);
		next_us = MIN(next_us, done_us);
	} else {
		activity_wait(update->agent->activity, reason, watch->begin_by_us);
	}
	(void)signals_sleep_until_asked(next_us);
	(void)signals_take_update_check();
}

static PhaseOutcome watch_health(Update *update, const HealthWishes *wishes, GError **error)
{
	Watch watch = { .begin_by_us =
				g_get_monotonic_time() + wishes->timeout_s * G_USEC_PER_SEC };

	while (!signals_stop_asked()) {
		g_autofree char *reason = health_ask(update, wishes);

		if (note(&watch, wishes, reason))
			return OUTCOME_OK;
		if (reason != NULL && g_get_monotonic_time() >= watch.begin_by_us)
			return give_up(wishes, reason, error);
		wait_a_while(update, &watch, wishes, reason);
	}
	return OUTCOME_STOPPED;
}

PhaseOutcome step_health(Update *update, GError **error)
{
	g_auto(HealthWishes) wishes = { 0 };
	PhaseOutcome outcome;

	if (!health_wishes_read(update, &wishes, error))
		return OUTCOME_ERROR;
	outcome = watch_health(update, &wishes, error);
	activity_go_on(update->agent->activity);
	return outcome;
}
