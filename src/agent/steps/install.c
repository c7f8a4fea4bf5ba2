/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/steps/steps.h"

PhaseOutcome step_install(Update *update, GError **error)
{
	/* The journal is past the download now: what was spooled is not needed again. */
	if (update->record->id != NULL) {
		g_autoptr(GError) failure = NULL;

		if (!contact_drop_spool(update->agent->paths->data, update->record->id, &failure))
			g_warning("%s", failure->message);
	}
	return call_modules(update, "ArtifactInstall", FALSE, error);
}
