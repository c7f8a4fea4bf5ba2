/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/agent.h"
#include "agent/record.h"
#include "wire/messages.h"
#include "wire/status.h"

/* What the agent says to its server, call by call. Each opens the contact where none is open,
 * authenticates where there is no token, and once more where the server no longer takes it. */

/* @ret_answer: (nullable)(transfer full): the deployment; NULL where there is none */
gboolean server_calls_next(
	Agent *agent, NextAnswer **ret_answer, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef enum {
	REPORT_TAKEN,
	REPORT_ABORTED, /* the server took the deployment back */
	REPORT_FAILED,
} ReportResult;

/* @substate: (nullable): why, in words */
ReportResult server_calls_report(Agent *agent, const char *id, UpdateStatus status,
	const char *substate, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE also where the server does not want a log of this size: trying again would not help. */
gboolean server_calls_send_log(
	Agent *agent, const char *id, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sends nothing where the server has exactly this inventory already. */
gboolean server_calls_send_inventory(Agent *agent, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): the artifact of a deployment, as a stream that goes on after cuts. */
GInputStream *server_calls_fetch(
	Agent *agent, const UpdateRecord *record, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full): the same for `install URL`: no deployment, no spool. */
GInputStream *server_calls_fetch_url(
	Agent *agent, const char *url, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Bytes of its download that are spooled already. */
gint64 server_calls_spooled(const Agent *agent, const UpdateRecord *record);

/* The next call authenticates anew. */
void server_calls_forget_token(Agent *agent);
/* There is nothing more to say: the network process goes. The token is kept. */
void server_calls_end(Agent *agent);
