/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>
#include "agent/paths.h"

/* What the daemon is doing, why it waits and until when: one JSON object in
 * ROOT/run/rota-agent/status.json, for `rota-agent status` and for whoever else watches a vehicle.
 *
 * /run is memory: nothing here wears the flash, and what is said is gone with the boot it was said
 * in. Whoever cannot write it goes on all the same. No member is a secret. All functions take NULL:
 * a command by hand has no activity. */
typedef struct Activity Activity;

enum { ACTIVITY_SIZE_MAX = 64 * 1024, ACTIVITY_TEXT_MAX = 1024 };

Activity *activity_new(const Paths *paths);
/* Removes the file: nobody is doing anything any more. */
void activity_free(Activity *activity);

/* "idle", "asking", "updating". */
void activity_set_state(Activity *activity, const char *state);
/* What is installed, as it is named. */
void activity_set_software(Activity *activity, const char *artifact_name, const char *device_type);
/* The update that runs; NULL, NULL, NULL = none. */
void activity_set_update(
	Activity *activity, const char *deployment, const char *artifact, const char *phase);

/* @until_us: monotonic; 0 = nobody knows */
void activity_wait(Activity *activity, const char *reason, gint64 until_us);
/* The driver is asked: @question names the question for the answer. */
void activity_ask(Activity *activity, const char *question, const char *deployment,
	const char *artifact, const char *step);
/* Nothing is waited for any more, and nobody asked. */
void activity_go_on(Activity *activity);
/* (nullable)(transfer none): why it waits, where it does. */
const char *activity_waits_for(const Activity *activity);

/* How something ended, and that it was now: "update_check", "no update". */
void activity_note(Activity *activity, const char *what, const char *result);
/* @last: (transfer full)(nullable): the last update, as last_update.h keeps it */
void activity_set_last_update(Activity *activity, json_t *last);
/* @history: (transfer full)(nullable): the updates before it as well, the last one first */
void activity_set_history(Activity *activity, json_t *history);

/* (transfer full)(nullable): what a daemon wrote there, whether or not it still runs. */
json_t *activity_load(const Paths *paths);
