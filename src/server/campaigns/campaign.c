/* SPDX-License-Identifier: Apache-2.0 */
#include "server/campaigns/campaign.h"

#include "base/clock.h"

void campaign_free(Campaign *campaign)
{
	if (campaign == NULL)
		return;
	g_free(campaign->id);
	g_free(campaign->name);
	g_free(campaign->artifact_name);
	g_free(campaign->kind);
	g_free(campaign->group);
	g_free(campaign);
}

void campaign_device_free(CampaignDevice *device)
{
	if (device == NULL)
		return;
	g_free(device->campaign);
	g_free(device->device);
	g_free(device->substate);
	g_free(device->artifact);
	g_free(device->request);
	g_free(device);
}

const char *campaign_status(const Campaign *campaign)
{
	if (campaign->finished_us != 0)
		return "finished";
	return campaign->is_started ? "inprogress" : "pending";
}

/* While it runs, whoever has not begun is pending, whether it has asked or not. */
static gint64 count_pending(const Campaign *campaign, const CampaignCounts *counts)
{
	gint64 n = campaign->max_devices;

	if (campaign->finished_us != 0)
		return 0;
	for (UpdateStatus status = 0; status < N_UPDATE_STATUSES; status++)
		if (status != UPDATE_PENDING)
			n -= counts->devices[status];
	return MAX(n, 0);
}

json_t *campaign_statistics(const Campaign *campaign, const CampaignCounts *counts)
{
	json_t *object = json_object();

	for (UpdateStatus status = 0; status < N_UPDATE_STATUSES; status++)
		json_object_set_new(object, update_status_name(status),
			json_integer(status == UPDATE_PENDING ? count_pending(campaign, counts)
							      : counts->devices[status]));
	return object;
}

static void set_time(json_t *object, const char *name, gint64 time_us)
{
	g_autofree char *text = time_us != 0 ? clock_format_rfc3339(time_us) : NULL;

	if (text != NULL)
		json_object_set_new(object, name, json_string(text));
}

static json_t *group_filter(const char *group)
{
	return json_pack("{s:[{s:s, s:s, s:s, s:s}]}", "terms", "scope", "system", "attribute",
		"group", "type", "$eq", "value", group);
}

json_t *campaign_to_json(const Campaign *campaign, const CampaignCounts *counts, json_t *artifacts)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", campaign->id, "name",
		campaign->name, "artifact_name", campaign->artifact_name, "status",
		campaign_status(campaign), "type", campaign->kind);

	set_time(object, "created", campaign->created_us);
	set_time(object, "finished", campaign->finished_us);
	json_object_set_new(object, "device_count", json_integer(campaign->device_count));
	json_object_set_new(object, "max_devices", json_integer(campaign->max_devices));
	json_object_set_new(object, "initial_device_count", json_integer(campaign->max_devices));
	json_object_set_new(
		object, "force_installation", json_boolean(campaign->force_installation));
	json_object_set_new(object, "retries", json_integer(campaign->retries));
	json_object_set(object, "artifacts", artifacts);
	json_object_set_new(object, "groups", json_array());
	if (campaign->group != NULL) {
		json_array_append_new(
			json_object_get(object, "groups"), json_string(campaign->group));
		json_object_set_new(object, "filter", group_filter(campaign->group));
	}
	json_object_set_new(object, "statistics",
		json_pack("{s:o, s:I}", "status", campaign_statistics(campaign, counts),
			"total_size", (json_int_t)campaign->total_size));
	return object;
}

json_t *campaign_device_to_json(const CampaignDevice *device, json_t *image)
{
	json_t *object = json_pack("{s:s, s:s, s:b}", "id", device->device, "status",
		update_status_name(device->status), "log", device->has_log);

	set_time(object, "created", device->created_us);
	set_time(object, "started", device->started_us);
	set_time(object, "finished", device->finished_us);
	if (device->substate != NULL)
		json_object_set_new(object, "substate", json_string(device->substate));
	if (device->attempts > 0)
		json_object_set_new(object, "attempts", json_integer(device->attempts));
	if (image != NULL)
		json_object_set(object, "image", image);
	return object;
}
