/* SPDX-License-Identifier: Apache-2.0 */
/* A device reports how far it is, and afterwards why it failed. There is no order of statuses to
 * keep: reports may be lost, doubled or late, and the last one is the truth the vehicle tells. */
#include "base/clock.h"
#include "base/error.h"
#include "server/campaigns/handlers.h"
#include "wire/messages.h"

static CampaignDevice *get_own_part(Call *call, GError **error)
{
	g_autoptr(GError) failure = NULL;
	CampaignDevice *part = campaign_device_find(call_transaction(call), call_tenant(call),
		call_parameter(call, "id"), call_device_id(call), &failure);

	if (failure != NULL)
		g_propagate_error(error, g_steal_pointer(&failure));
	else if (part == NULL)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND,
			"no such deployment of this device");
	return part;
}

/* Statuses that only the server sets, and that no report undoes. */
static const struct {
	UpdateStatus status;
	const char *text;
} final_statuses[] = {
	{ UPDATE_ABORTED, "Deployment aborted" },
	{ UPDATE_DECOMMISSIONED, "Device decommissioned" },
};

static gboolean check_open(const CampaignDevice *part, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(final_statuses); i++) {
		if (part->status != final_statuses[i].status)
			continue;
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "%s", final_statuses[i].text);
		return FALSE;
	}
	return TRUE;
}

/* An equal status changes nothing. A failure that was counted and gave the device another attempt
 * is the same report again, as long as the device has not asked since. */
static gboolean is_repeated(const CampaignDevice *part, UpdateStatus status)
{
	if (status == part->status)
		return TRUE;
	return status == UPDATE_FAILURE && part->status == UPDATE_PENDING && part->attempts > 0 &&
	       part->request == NULL;
}

gboolean report_status(Call *call, GError **error)
{
	const StatusReport *report = call_body(call);
	const Progress progress = progress_of(call);
	g_autoptr(CampaignDevice) part = NULL;
	UpdateStatus status;

	if (!update_status_from_name(report->status, &status) ||
		!update_status_from_device(status)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"status: %s: no status a device reports", report->status);
		return FALSE;
	}
	part = get_own_part(call, error);
	if (part == NULL || !check_open(part, error))
		return FALSE;
	return is_repeated(part, status) ||
	       progress_set_status(&progress, part, status, report->substate, error);
}

/* One line a message: time, level, text. */
static char *log_to_text(const LogReport *report)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < report->messages->len; i++) {
		const LogMessage *message = g_ptr_array_index(report->messages, i);
		g_autofree char *time = clock_format_rfc3339(message->timestamp);

		g_string_append_printf(text, "%s %s: %s\n", time, message->level, message->message);
	}
	return g_string_free(text, FALSE);
}

gboolean report_log(Call *call, GError **error)
{
	g_autoptr(CampaignDevice) part = get_own_part(call, error);
	g_autofree char *text = log_to_text(call_body(call));

	return part != NULL &&
	       transaction_run(call_transaction(call), NULL, error, QUERY_CAMPAIGN_LOG_PUT, DB_TEXT,
		       call_tenant(call), DB_TEXT, part->campaign, DB_TEXT, part->device, DB_TEXT,
		       text, DB_END);
}
