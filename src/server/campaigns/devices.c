/* SPDX-License-Identifier: Apache-2.0 */
/* Users read and stop what single devices do in campaigns. */
#include <string.h>
#include "base/error.h"
#include "server/artifacts/artifacts.h"
#include "server/auth/devices.h"
#include "server/campaigns/handlers.h"
#include "server/campaigns/pending.h"

enum {
	DEVICES_MAX = 20000, /* in a list that is not paged */
	HISTORY_PAGE_MAX = 20,
};

/* --- One campaign's devices --- */

/* What a device was given, or NULL: it got nothing, or the artifact is gone. Each is read once for
 * a list: @images is id to json_t *. */
static gboolean find_image(
	Call *call, const char *id, GHashTable *images, json_t **ret_image, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(Artifact) artifact = NULL;

	*ret_image = NULL;
	if (id == NULL || g_hash_table_lookup_extended(images, id, NULL, (gpointer *)ret_image))
		return TRUE;
	artifact = artifact_find(call_transaction(call), call_tenant(call), id, &failure);
	if (failure != NULL) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	if (artifact != NULL) {
		*ret_image = artifact_to_json(artifact);
		g_hash_table_insert(images, g_strdup(id), *ret_image);
	}
	return TRUE;
}

static GHashTable *images_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)json_decref);
}

static gboolean add_devices(Call *call, const GPtrArray *devices, json_t *array, GError **error)
{
	g_autoptr(GHashTable) images = images_new();

	for (guint i = 0; i < devices->len; i++) {
		const CampaignDevice *device = g_ptr_array_index(devices, i);
		json_t *image;

		if (!find_image(call, device->artifact, images, &image, error))
			return FALSE;
		json_array_append_new(array, campaign_device_to_json(device, image));
	}
	return TRUE;
}

/* Targets that have not asked yet, as if they were rows: from the @first of them on, at most @n. */
static gboolean add_unasked(Call *call, const Campaign *campaign, const DeviceSet *unasked,
	gint64 first, gint64 n, json_t *array, GError **error)
{
	gint64 size = (gint64)roaring_bitmap_get_cardinality(unasked);
	gint64 n_added = first < size ? MIN(n, size - first) : 0;
	g_autofree guint32 *numbers = g_new0(guint32, MAX(n_added, 0));
	char id[UUID_TEXT_SIZE];

	if (n_added <= 0)
		return TRUE;
	roaring_bitmap_range_uint32_array(unasked, (gsize)first, (gsize)n_added, numbers);
	for (gint64 i = 0; i < n_added; i++) {
		CampaignDevice device = {
			.device = id, .status = UPDATE_PENDING, .created_us = campaign->created_us
		};

		if (hot_device_id(app_hot(call_app(call)), numbers[i], id))
			json_array_append_new(array, campaign_device_to_json(&device, NULL));
	}
	return TRUE;
}

/* (transfer full): empty where a filter or the campaign's end leaves nobody pending. */
static DeviceSet *find_unasked(
	Call *call, const Campaign *campaign, const char *status, GError **error)
{
	static const char *const pending_words[] = { "", "pending", "active", NULL };
	g_autoptr(DeviceSet) targets = NULL;
	g_autoptr(DeviceSet) asked = NULL;

	if (campaign->finished_us != 0 || !g_strv_contains(pending_words, status))
		return roaring_bitmap_create();
	targets = campaign_get_targets(
		call_transaction(call), call_tenant(call), campaign->id, error);
	if (targets == NULL)
		return NULL;
	asked = campaign_device_set(call_transaction(call), call_tenant(call), campaign->id, error);
	if (asked == NULL)
		return NULL;
	roaring_bitmap_andnot_inplace(targets, asked);
	return g_steal_pointer(&targets);
}

static gboolean check_status_word(const char *status, GError **error)
{
	static const char *const words[] = { "", "pause", "active", "finished", NULL };
	UpdateStatus known;

	if (g_strv_contains(words, status) || update_status_from_name(status, &known))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "status: %s is not known", status);
	return FALSE;
}

/* First who has asked, then who has not. @paging: (nullable): else all. */
static gboolean answer_devices(Call *call, const Campaign *campaign, const char *status,
	const Paging *paging, GError **error)
{
	gint64 n = paging != NULL ? paging->per_page : DEVICES_MAX;
	gint64 first = paging != NULL ? (paging->page - 1) * paging->per_page : 0;
	CampaignDeviceFilter filter = { campaign->id, NULL, status, n, first };
	g_autoptr(DeviceSet) unasked = find_unasked(call, campaign, status, error);
	g_autoptr(GPtrArray) devices = NULL;
	g_autoptr(json_t) array = json_array();
	gint64 n_asked;

	if (unasked == NULL || !campaign_devices_count(call_transaction(call), call_tenant(call),
				       &filter, &n_asked, error))
		return FALSE;
	devices = campaign_devices_list(call_transaction(call), call_tenant(call), &filter, error);
	if (devices == NULL || !add_devices(call, devices, array, error) ||
		!add_unasked(call, campaign, unasked, MAX(first - n_asked, 0), n - devices->len,
			array, error))
		return FALSE;
	if (paging != NULL)
		call_set_paging(call, paging,
			n_asked + (gint64)roaring_bitmap_get_cardinality(unasked), FALSE);
	call_set_json(call, g_steal_pointer(&array));
	return TRUE;
}

static Campaign *get_named(Call *call, GError **error)
{
	return campaign_get(
		call_transaction(call), call_tenant(call), call_parameter(call, "id"), error);
}

gboolean list_campaign_devices(Call *call, GError **error)
{
	g_autoptr(Campaign) campaign = get_named(call, error);

	return campaign != NULL && answer_devices(call, campaign, "", NULL, error);
}

gboolean page_campaign_devices(Call *call, GError **error)
{
	const char *status = call_query(call, "status");
	g_autoptr(Campaign) campaign = NULL;
	Paging paging;

	if (status == NULL)
		status = "";
	if (!call_paging(call, &paging, error) || !check_status_word(status, error))
		return FALSE;
	campaign = get_named(call, error);
	return campaign != NULL && answer_devices(call, campaign, status, &paging, error);
}

typedef struct {
	Hot *hot;
	json_t *array;
} IdList;

static bool add_id(guint32 number, void *data)
{
	const IdList *list = data;
	char id[UUID_TEXT_SIZE];

	if (hot_device_id(list->hot, number, id))
		json_array_append_new(list->array, json_string(id));
	return true;
}

gboolean list_target_ids(Call *call, GError **error)
{
	g_autoptr(DeviceSet) targets = campaign_get_targets(
		call_transaction(call), call_tenant(call), call_parameter(call, "id"), error);
	IdList list = { app_hot(call_app(call)), NULL };

	if (targets == NULL)
		return FALSE;
	list.array = json_array();
	roaring_iterate(targets, add_id, &list);
	call_set_json(call, list.array);
	return TRUE;
}

gboolean get_device_log(Call *call, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autofree char *log = campaign_find_log(call_transaction(call), call_tenant(call),
		call_parameter(call, "id"), call_parameter(call, "device"), &failure);

	if (failure != NULL) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	if (log == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no log of this device");
		return FALSE;
	}
	call_set_text(call, "text/plain", log);
	return TRUE;
}

/* --- One device's campaigns --- */

static json_t *history_entry(
	Call *call, const CampaignDevice *part, GHashTable *images, GError **error)
{
	g_autoptr(Campaign) campaign =
		campaign_get(call_transaction(call), call_tenant(call), part->campaign, error);
	CampaignCounts counts;
	json_t *image;
	g_autoptr(json_t) no_artifacts = json_array();

	if (campaign == NULL ||
		!campaign_get_counts(
			call_transaction(call), call_tenant(call), campaign->id, &counts, error) ||
		!find_image(call, part->artifact, images, &image, error))
		return NULL;
	return json_pack("{s:s, s:o, s:o}", "id", part->campaign, "deployment",
		campaign_to_json(campaign, &counts, no_artifacts), "device",
		campaign_device_to_json(part, image));
}

static gboolean answer_history(Call *call, const GPtrArray *parts, GError **error)
{
	g_autoptr(GHashTable) images = images_new();
	g_autoptr(json_t) array = json_array();

	for (guint i = 0; i < parts->len; i++) {
		json_t *entry = history_entry(call, g_ptr_array_index(parts, i), images, error);

		if (entry == NULL)
			return FALSE;
		json_array_append_new(array, entry);
	}
	call_set_json(call, g_steal_pointer(&array));
	return TRUE;
}

gboolean list_device_history(Call *call, GError **error)
{
	const char *status = call_query(call, "status");
	CampaignDeviceFilter filter = { NULL, call_parameter(call, "device"),
		status != NULL ? status : "", 0, 0 };
	g_autoptr(GPtrArray) parts = NULL;
	Paging paging;
	gint64 total;

	if (!call_paging(call, &paging, error) || !check_status_word(filter.status, error) ||
		!campaign_devices_count(
			call_transaction(call), call_tenant(call), &filter, &total, error))
		return FALSE;
	paging.per_page = MIN(paging.per_page, HISTORY_PAGE_MAX);
	filter.limit = paging.per_page;
	filter.offset = (paging.page - 1) * paging.per_page;
	parts = campaign_devices_list(call_transaction(call), call_tenant(call), &filter, error);
	if (parts == NULL)
		return FALSE;
	call_set_paging(call, &paging, total, FALSE);
	return answer_history(call, parts, error);
}

static gboolean find_number(Call *call, const char *id, guint32 *ret_number, GError **error)
{
	if (hot_device_row(app_hot(call_app(call)), call_tenant(call), id, ret_number))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such device");
	return FALSE;
}

gboolean abort_device(Call *call, GError **error)
{
	const char *id = call_parameter(call, "device");
	const Progress progress = progress_of(call);
	guint32 number;

	if (!find_number(call, id, &number, error))
		return FALSE;
	call_audit(call, "device", id, NULL);
	return progress_end_device(&progress, id, number, UPDATE_ABORTED, error);
}

gboolean forget_device_history(Call *call, GError **error)
{
	const char *id = call_parameter(call, "device");
	const Progress progress = progress_of(call);
	guint32 number;

	if (!find_number(call, id, &number, error) ||
		!transaction_run(progress.transaction, NULL, error, QUERY_CAMPAIGN_DEVICE_FORGET,
			DB_TEXT, progress.tenant, DB_TEXT, id, DB_END))
		return FALSE;
	pending_reopen(app_pending(progress.app), progress.transaction, progress.tenant, number);
	call_audit(call, "device", id, NULL);
	return TRUE;
}
