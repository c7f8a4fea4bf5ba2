/* SPDX-License-Identifier: Apache-2.0 */
/* A campaign is made: its targets are frozen as a set of device numbers, in constant work however
 * many they are; each device is judged when it asks. */
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "server/artifacts/artifacts.h"
#include "server/campaigns/handlers.h"
#include "server/campaigns/pending.h"

enum {
	CAMPAIGN_NAME_SIZE_MAX = 256,
	CAMPAIGN_DEVICES_MAX = 25000, /* named one by one */
	CAMPAIGN_RETRIES_MAX = 100,
};

typedef struct {
	char *name;
	char *artifact_name;
	char **devices;
	gboolean all_devices;
	gboolean force_installation;
	gint64 retries;
	json_t *phases;
	json_t *update_control_map;
} NewCampaign;

static const JsonField new_campaign_fields[] = {
	JSON_FIELD(NewCampaign, name, JSON_TEXT, REQUIRED, CAMPAIGN_NAME_SIZE_MAX),
	JSON_FIELD(NewCampaign, artifact_name, JSON_TEXT, REQUIRED),
	JSON_FIELD(NewCampaign, devices, JSON_TEXTS, OPTIONAL, CAMPAIGN_DEVICES_MAX),
	JSON_FIELD(NewCampaign, all_devices, JSON_BOOL, OPTIONAL),
	JSON_FIELD(NewCampaign, force_installation, JSON_BOOL, OPTIONAL),
	JSON_FIELD(NewCampaign, retries, JSON_NUMBER, OPTIONAL),
	JSON_FIELD(NewCampaign, phases, JSON_VALUE, OPTIONAL),
	JSON_FIELD(NewCampaign, update_control_map, JSON_VALUE, OPTIONAL),
	{ 0 },
};
const JsonRecord new_campaign_record = { sizeof(NewCampaign), new_campaign_fields };

static gboolean refuse(GError **error, RotaError code, const char *what)
{
	g_set_error(error, ROTA_ERROR, code, "%s", what);
	return FALSE;
}

/* Who asks for a slow rollout must not get a sudden one. */
static gboolean check_request(const NewCampaign *request, GError **error)
{
	if (json_array_size(request->phases) > 0)
		return refuse(error, ROTA_ERROR_INVALID, "phases: this server has none");
	if (json_object_size(request->update_control_map) > 0)
		return refuse(
			error, ROTA_ERROR_INVALID, "update_control_map: this server has none");
	if (request->retries < 0 || request->retries > CAMPAIGN_RETRIES_MAX)
		return refuse(error, ROTA_ERROR_INVALID, "retries: not a number from 0 to 100");
	return TRUE;
}

static gboolean check_release(Call *call, const char *name, GError **error)
{
	g_autoptr(GPtrArray) artifacts =
		artifacts_named(call_transaction(call), call_tenant(call), name, error);

	if (artifacts == NULL)
		return FALSE;
	if (artifacts->len > 0)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
		"artifact_name: no artifact is called %s", name);
	return FALSE;
}

/* --- Targets --- */

static DeviceSet *named_devices(Call *call, char **ids, GError **error)
{
	g_autoptr(DeviceSet) set = roaring_bitmap_create();
	guint32 number;

	for (guint i = 0; ids[i] != NULL; i++) {
		if (!hot_device_row(app_hot(call_app(call)), call_tenant(call), ids[i], &number)) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
				"devices[%u]: no such device", i);
			return NULL;
		}
		roaring_bitmap_add(set, number);
	}
	return g_steal_pointer(&set);
}

/* @group: (nullable): else what the request says. */
static DeviceSet *find_targets(
	Call *call, const NewCampaign *request, const char *group, GError **error)
{
	DeviceSets *sets = app_device_sets(call_app(call));
	gboolean are_named = request->devices != NULL && request->devices[0] != NULL;
	g_autoptr(DeviceSet) targets = NULL;

	if (group != NULL && (are_named || request->all_devices)) {
		refuse(error, ROTA_ERROR_INVALID, "devices and all_devices: not with a group");
		return NULL;
	}
	if (group == NULL && are_named == request->all_devices) {
		refuse(error, ROTA_ERROR_INVALID, "devices and all_devices: one of them is needed");
		return NULL;
	}
	if (are_named)
		return named_devices(call, request->devices, error);
	targets = device_sets_with_status(sets, call_tenant(call), DEVICE_ACCEPTED);
	if (group != NULL) {
		g_autoptr(DeviceSet) members = device_sets_in_group(sets, call_tenant(call), group);

		roaring_bitmap_and_inplace(targets, members);
	}
	return g_steal_pointer(&targets);
}

/* What two equal campaigns have in common. */
static char *make_digest(const Campaign *campaign, const DeviceSet *targets)
{
	g_autoptr(GBytes) bytes = device_set_to_bytes(targets);
	g_autoptr(Sha256) sum = sha256_new();
	const gint64 numbers[] = { campaign->force_installation, campaign->retries };

	sha256_update(sum, campaign->name, strlen(campaign->name) + 1);
	sha256_update(sum, campaign->artifact_name, strlen(campaign->artifact_name) + 1);
	sha256_update(sum, numbers, sizeof numbers);
	sha256_update(sum, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
	return sha256_finish_hex(sum);
}

/* --- Storing --- */

static gboolean store_campaign(
	Call *call, Campaign *campaign, const DeviceSet *targets, GError **error)
{
	Transaction *transaction = call_transaction(call);
	const char *tenant = call_tenant(call);
	g_autofree char *digest = make_digest(campaign, targets);
	gboolean running;
	gint64 newest_us;

	if (!campaign_is_running(transaction, tenant, digest, &running, error) ||
		!campaign_newest_us(transaction, tenant, &newest_us, error))
		return FALSE;
	if (running)
		return refuse(error, ROTA_ERROR_CONFLICT, "an equal deployment is running already");
	campaign->id = g_uuid_string_random();
	campaign->created_us = MAX(clock_now_us(), newest_us + 1);
	campaign->max_devices = (gint64)roaring_bitmap_get_cardinality(targets);
	if (!campaign_insert(transaction, tenant, campaign, digest, targets, error))
		return FALSE;
	pending_add(app_pending(call_app(call)), transaction, tenant, campaign->id,
		campaign->created_us, targets);
	return TRUE;
}

static void say_created(Call *call, const Campaign *campaign)
{
	call_set_status(call, 201);
	call_set_header(call, "Location",
		call_strdup_printf(
			call, "/api/management/v1/deployments/deployments/%s", campaign->id));
	call_audit(call, "deployment", campaign->id,
		json_pack("{s:s, s:s, s:s?, s:I}", "name", campaign->name, "artifact_name",
			campaign->artifact_name, "group", campaign->group, "devices",
			(json_int_t)campaign->max_devices));
}

static gboolean create(Call *call, const char *group, GError **error)
{
	const NewCampaign *request = call_body(call);
	g_autoptr(Campaign) campaign = g_new0(Campaign, 1);
	g_autoptr(DeviceSet) targets = NULL;

	if (!check_request(request, error) || !check_release(call, request->artifact_name, error))
		return FALSE;
	targets = find_targets(call, request, group, error);
	if (targets == NULL)
		return FALSE;
	if (roaring_bitmap_is_empty(targets))
		return refuse(error, ROTA_ERROR_INVALID, "no devices found");
	campaign->name = g_strdup(request->name);
	campaign->artifact_name = g_strdup(request->artifact_name);
	campaign->group = g_strdup(group);
	campaign->force_installation = request->force_installation;
	campaign->retries = request->retries;
	if (!store_campaign(call, campaign, targets, error))
		return FALSE;
	say_created(call, campaign);
	return TRUE;
}

gboolean create_campaign(Call *call, GError **error)
{
	return create(call, NULL, error);
}

gboolean create_group_campaign(Call *call, GError **error)
{
	return create(call, call_parameter(call, "name"), error);
}
