/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/steps/steps.h"
#include "agent/signals.h"
#include "agent/system.h"
#include "base/error.h"

static const char *const answer_words[] = {
	[MODULE_NO] = "",
	[MODULE_YES] = REBOOT_CUSTOM,
	[MODULE_AUTOMATIC] = REBOOT_AUTOMATIC,
};

PhaseOutcome step_ask_reboot(Update *update, GError **error)
{
	guint count = count_modules(update);
	g_auto(GStrv) words = g_new0(char *, count + 1);
	PhaseOutcome outcome = OUTCOME_NO;

	for (guint i = 0; i < count; i++) {
		ModuleAnswer answer = MODULE_NO;

		if (!module_ask(update->modules->pdata[i], "NeedsArtifactReboot", &answer, error))
			return OUTCOME_ERROR;
		words[i] = g_strdup(answer_words[answer]);
		if (answer != MODULE_NO)
			outcome = OUTCOME_OK;
	}
	g_strfreev(update->record->reboot_requested);
	update->record->reboot_requested = g_steal_pointer(&words);
	return outcome;
}

static const char *wanted(const Update *update, guint i)
{
	char **words = update->record->reboot_requested;

	return words != NULL && i < g_strv_length(words) ? words[i] : "";
}

static gboolean wants_system_reboot(const Update *update)
{
	for (guint i = 0; i < count_modules(update); i++) {
		if (g_str_equal(wanted(update, i), REBOOT_AUTOMATIC))
			return TRUE;
	}
	return FALSE;
}

static PhaseOutcome reboot_system(Update *update, GError **error)
{
	if (!system_reboot(update->agent->paths, error))
		return OUTCOME_ERROR;
	if (system_wait_for_reboot())
		return OUTCOME_STOPPED;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT,
		"the system did not reboot within %d s", SYSTEM_REBOOT_WAIT_S);
	return OUTCOME_ERROR;
}

/* Payloads that reboot something by themselves come first, the whole system last and once. */
static PhaseOutcome reboot_all(Update *update, const char *state, GError **error)
{
	for (guint i = 0; i < count_modules(update); i++) {
		if (g_str_equal(wanted(update, i), REBOOT_CUSTOM) &&
			!module_call(update->modules->pdata[i], state, error))
			return OUTCOME_ERROR;
	}
	return wants_system_reboot(update) ? reboot_system(update, error) : OUTCOME_OK;
}

/* The system boots anew only once per phase: the agent that dies in between, in the same boot, has
 * to ask for it again. */
static gboolean reboot_is_pending(const Update *update)
{
	g_autofree char *now = system_boot_id(update->agent->paths);

	return wants_system_reboot(update) && now != NULL &&
	       g_strcmp0(now, update->record->own.boot_id) == 0;
}

static PhaseOutcome verify_all(Update *update, const char *state, GError **error)
{
	for (guint i = 0; i < count_modules(update); i++) {
		if (*wanted(update, i) != '\0' &&
			!module_call(update->modules->pdata[i], state, error))
			return OUTCOME_ERROR;
	}
	return OUTCOME_OK;
}

PhaseOutcome step_reboot(Update *update, GError **error)
{
	return reboot_all(update, "ArtifactReboot", error);
}

PhaseOutcome step_verify_reboot(Update *update, GError **error)
{
	return verify_all(update, "ArtifactVerifyReboot", error);
}

PhaseOutcome step_rollback_reboot(Update *update, GError **error)
{
	return reboot_all(update, "ArtifactRollbackReboot", error);
}

PhaseOutcome step_verify_rollback_reboot(Update *update, GError **error)
{
	return verify_all(update, "ArtifactVerifyRollbackReboot", error);
}

gboolean step_reboot_is_over(Update *update)
{
	return !reboot_is_pending(update);
}
