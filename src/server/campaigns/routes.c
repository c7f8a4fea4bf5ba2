/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "server/campaigns/campaigns.h"
#include "server/campaigns/handlers.h"
#include "wire/messages.h"
#include "wire/paths.h"
#include "server/rows.h"

#define V1 "/api/management/v1/deployments/deployments"
#define V2 "/api/management/v2/deployments/deployments"

const Route campaign_routes[] = {
	{ HTTP_GET, PATH_NEXT_V1, CALLER_DEVICE, NULL, RUN_LOOP, NULL, 0, NULL, next_by_query },
	{ HTTP_POST, PATH_NEXT_V1, CALLER_DEVICE, NULL, RUN_LOOP, NULL, WIRE_BODY_MAX, NULL,
		next_by_flat_body },
	{ HTTP_POST, PATH_NEXT_V2, CALLER_DEVICE, NULL, RUN_LOOP, NULL, WIRE_BODY_MAX,
		&next_request_record, next_by_provides },
	{ HTTP_PUT, PATH_DEPLOYMENT_V1 "{id}/status", CALLER_DEVICE, NULL, RUN_WRITE, NULL,
		WIRE_BODY_MAX, &status_report_record, report_status },
	{ HTTP_PUT, PATH_DEPLOYMENT_V1 "{id}/log", CALLER_DEVICE, NULL, RUN_WRITE, NULL,
		WIRE_BODY_MAX, &log_report_record, report_log },
	{ HTTP_POST, V1, CALLER_USER, "deployments.write", RUN_WRITE, "create", WIRE_BODY_MAX,
		&new_campaign_record, create_campaign },
	{ HTTP_POST, V1 "/group/{name}", CALLER_USER, "deployments.write", RUN_WRITE, "create",
		WIRE_BODY_MAX, &new_campaign_record, create_group_campaign },
	{ HTTP_GET, V1, CALLER_USER, "deployments.read", RUN_READ, NULL, 0, NULL, list_campaigns },
	{ HTTP_GET, V2, CALLER_USER, "deployments.read", RUN_READ, NULL, 0, NULL,
		list_campaigns_v2 },
	{ HTTP_POST, V1 "/statistics/list", CALLER_USER, "deployments.read", RUN_READ, NULL,
		WIRE_BODY_MAX, &statistics_request_record, list_statistics },
	{ HTTP_GET, V1 "/{id}", CALLER_USER, "deployments.read", RUN_READ, NULL, 0, NULL,
		get_campaign },
	{ HTTP_PUT, V1 "/{id}/status", CALLER_USER, "deployments.write", RUN_WRITE, "abort",
		WIRE_BODY_MAX, &status_change_record, change_status },
	{ HTTP_GET, V1 "/{id}/statistics", CALLER_USER, "deployments.read", RUN_READ, NULL, 0, NULL,
		get_statistics },
	{ HTTP_GET, V1 "/{id}/devices", CALLER_USER, "deployments.read", RUN_READ, NULL, 0, NULL,
		list_campaign_devices },
	{ HTTP_GET, V1 "/{id}/devices/list", CALLER_USER, "deployments.read", RUN_READ, NULL, 0,
		NULL, page_campaign_devices },
	{ HTTP_GET, V1 "/{id}/device_list", CALLER_USER, "deployments.read", RUN_READ, NULL, 0,
		NULL, list_target_ids },
	{ HTTP_GET, V1 "/{id}/devices/{device}/log", CALLER_USER, "deployments.read", RUN_READ,
		NULL, 0, NULL, get_device_log },
	{ HTTP_GET, V1 "/devices/{device}", CALLER_USER, "deployments.read", RUN_READ, NULL, 0,
		NULL, list_device_history },
	{ HTTP_DELETE, V1 "/devices/{device}", CALLER_USER, "deployments.write", RUN_WRITE, "abort",
		0, NULL, abort_device },
	{ HTTP_DELETE, V1 "/devices/{device}/history", CALLER_USER, "deployments.write", RUN_WRITE,
		"reset", 0, NULL, forget_device_history },
	{ 0 },
};

/* --- Devices that go --- */

/* A device that is gone, for a job of its own. */
typedef struct {
	App *app;
	char *tenant, *device;
	guint32 number;
} GoneDevice;

static GoneDevice *gone_device_new(App *app, const char *tenant, const char *device, guint32 number)
{
	GoneDevice *gone = g_new0(GoneDevice, 1);

	*gone = (GoneDevice){ app, g_strdup(tenant), g_strdup(device), number };
	return gone;
}

static void gone_device_free(gpointer data)
{
	GoneDevice *gone = data;

	g_free(gone->tenant);
	g_free(gone->device);
	g_free(gone);
}

static gboolean end_gone(Transaction *transaction, gpointer data, GError **error)
{
	const GoneDevice *gone = data;
	const Progress progress = { gone->app, transaction, gone->tenant, clock_now_us() };

	return progress_end_device(
		&progress, gone->device, gone->number, UPDATE_DECOMMISSIONED, error);
}

static void gone_is_ended(gpointer data, const GError *error)
{
	const GoneDevice *gone = data;

	if (error != NULL)
		g_warning("end the deployments of device %s, which is gone: %s", gone->device,
			error->message);
	gone_device_free(data);
}

static void end_gone_later(gpointer data)
{
	const GoneDevice *gone = data;

	database_write(app_database(gone->app), end_gone, gone_is_ended,
		gone_device_new(gone->app, gone->tenant, gone->device, gone->number));
}

/* Memory follows commits, and jobs are committed in groups: a campaign made in the group in which
 * its device goes does not see that, nor is it seen. So, when all of the group is in memory, what
 * the device still has open is ended once more. */
gboolean campaigns_device_changed(
	App *app, Transaction *transaction, const DeviceChange *change, GError **error)
{
	const Progress progress = { app, transaction, change->tenant, change->time_us };

	if (change->after != DEVICE_GONE)
		return TRUE;
	transaction_on_commit(transaction, end_gone_later,
		gone_device_new(app, change->tenant, change->device, change->row),
		gone_device_free);
	return progress_end_device(
		&progress, change->device, change->row, UPDATE_DECOMMISSIONED, error);
}

/* Is there a row? Takes @rows. */
static gboolean has_row(Rows *taken, gboolean *ret_present, GError **error)
{
	g_autoptr(Rows) rows = taken;
	g_autoptr(GError) failure = NULL;

	if (rows == NULL)
		return FALSE;
	*ret_present = rows_next(rows, &failure);
	return rows_ended(g_steal_pointer(&failure), error);
}

gboolean campaigns_are_using(Transaction *transaction, const char *tenant,
	const char *artifact_name, gboolean *ret_used, GError **error)
{
	return has_row(transaction_query(transaction, error, QUERY_CAMPAIGNS_USING_ARTIFACT,
			       DB_TEXT, tenant, DB_TEXT, artifact_name, DB_END),
		ret_used, error);
}

gboolean campaigns_have_used(Transaction *transaction, const char *tenant, const char *artifact_id,
	gboolean *ret_used, GError **error)
{
	return has_row(transaction_query(transaction, error, QUERY_CAMPAIGNS_THAT_USED_ARTIFACT,
			       DB_TEXT, tenant, DB_TEXT, artifact_id, DB_END),
		ret_used, error);
}
