/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/phases.h"

/* Leave that the driver gives: a gate before the steps that ConsentBefore names.
 *
 * The question is a fact of the agent's activity, so that whatever shows it to the driver finds it
 * there; the answer is a small file beside it, written by rota-agent-bus. Both are in memory: who
 * starts the vehicle anew is asked anew. Without an answer, and after a no, the gate stays closed;
 * a no may still become a yes. */

/* As gates_ask(). */
char *consent_ask(const Update *update, const char *step);

/* @question: its id, as the agent's activity has it */
gboolean consent_write(const Paths *paths, const char *question, gboolean yes,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
