/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/phases.h"
#include "agent/software.h"
#include <string.h>

/* Where an update goes on after a power cut, a crash or a stop. */

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

static void blame_cut(Update *update, Phase phase, Blame kind)
{
	g_autofree char *reason = g_strdup_printf("%s: cut off", update->life->rows[phase].name);

	if (kind == BLAME_NOTHING)
		return;
	update->failed_at = phase;
	update_give_reason(update, reason);
	update_blame(update, kind);
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
		update_give_reason(update, "the journal named no phase that is known");
		update_blame(update, BLAME_DIRTY);
		return PHASE_ASK_ROLLBACK;
	}
	row = &update->life->rows[phase];
	guess_outcome(update, phase);
	update->entered = phase;
	if (row->power_loss.holds != NULL && !row->power_loss.holds(update)) {
		blame_cut(update, phase, row->power_loss.else_blame);
		return row->power_loss.else_phase;
	}
	blame_cut(update, phase, row->power_loss.blame);
	return row->power_loss.phase;
}
