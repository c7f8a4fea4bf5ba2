/* SPDX-License-Identifier: Apache-2.0 */
#include "server/campaigns/store.h"

#include <string.h>
#include "base/error.h"
#include "server/rows.h"

/* --- Rows --- */
static Campaign *read_campaign(Rows *rows)
{
	Campaign *campaign = g_new0(Campaign, 1);

	campaign->id = g_strdup(rows_text(rows, 0));
	campaign->name = g_strdup(rows_text(rows, 1));
	campaign->artifact_name = g_strdup(rows_text(rows, 2));
	campaign->kind = g_strdup(rows_text(rows, 3));
	campaign->group = g_strdup(rows_text(rows, 4));
	campaign->force_installation = rows_int(rows, 5) != 0;
	campaign->retries = rows_int(rows, 6);
	campaign->max_devices = rows_int(rows, 7);
	campaign->device_count = rows_int(rows, 8);
	campaign->finished_count = rows_int(rows, 9);
	campaign->total_size = rows_int(rows, 10);
	campaign->is_started = rows_int(rows, 11) != 0;
	campaign->is_aborted = rows_int(rows, 12) != 0;
	campaign->created_us = rows_int(rows, 13);
	campaign->finished_us = rows_int(rows, 14);
	return campaign;
}

static CampaignDevice *read_device(Rows *rows)
{
	CampaignDevice *device = g_new0(CampaignDevice, 1);

	device->campaign = g_strdup(rows_text(rows, 0));
	device->device = g_strdup(rows_text(rows, 1));
	device->number = (guint32)rows_int(rows, 2);
	if (!update_status_from_name(rows_text(rows, 3), &device->status))
		device->status = UPDATE_FAILURE; /* a word of a later release */
	device->substate = g_strdup(rows_text(rows, 4));
	device->artifact = g_strdup(rows_text(rows, 5));
	device->request = g_strdup(rows_text(rows, 6));
	device->attempts = rows_int(rows, 7);
	device->campaign_us = rows_int(rows, 8);
	device->created_us = rows_int(rows, 9);
	device->started_us = rows_int(rows, 10);
	device->finished_us = rows_int(rows, 11);
	device->has_log = rows_int(rows, 12) != 0;
	return device;
}

static gpointer read_campaign_row(Rows *rows)
{
	return read_campaign(rows);
}

static gpointer read_device_row(Rows *rows)
{
	return read_device(rows);
}

/* All rows, each made by @read; takes @rows. */
static GPtrArray *read_all(
	Rows *taken, gpointer (*read)(Rows *rows), GDestroyNotify free_item, GError **error)
{
	g_autoptr(Rows) rows = taken;
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(free_item);
	g_autoptr(GError) failure = NULL;

	if (rows == NULL)
		return NULL;
	while (rows_next(rows, &failure))
		g_ptr_array_add(all, read(rows));
	if (failure == NULL)
		return g_steal_pointer(&all);
	g_propagate_error(error, g_steal_pointer(&failure));
	return NULL;
}

static GPtrArray *read_campaigns(Rows *taken, GError **error)
{
	return read_all(taken, read_campaign_row, (GDestroyNotify)campaign_free, error);
}

static GPtrArray *read_devices(Rows *taken, GError **error)
{
	return read_all(taken, read_device_row, (GDestroyNotify)campaign_device_free, error);
}

/* The first of a list, which is given up; NULL without @error where there is none. */
static gpointer take_first(GPtrArray *taken)
{
	g_autoptr(GPtrArray) all = taken;

	return all != NULL && all->len > 0 ? g_steal_pointer(&g_ptr_array_index(all, 0)) : NULL;
}

/* One row with one number; takes @rows. */
static gboolean read_number(Rows *taken, gint64 *ret_number, GError **error)
{
	g_autoptr(Rows) rows = taken;

	if (rows == NULL || !rows_next(rows, error))
		return FALSE;
	*ret_number = rows_int(rows, 0);
	return TRUE;
}

/* Is there a row? Takes @rows. */
static gboolean read_presence(Rows *taken, gboolean *ret_present, GError **error)
{
	g_autoptr(Rows) rows = taken;
	g_autoptr(GError) failure = NULL;

	if (rows == NULL)
		return FALSE;
	*ret_present = rows_next(rows, &failure);
	return rows_ended(g_steal_pointer(&failure), error);
}

/* --- Campaigns --- */
Campaign *campaign_get(Transaction *transaction, const char *tenant, const char *id, GError **error)
{
	g_autoptr(GError) failure = NULL;
	Campaign *campaign = take_first(
		read_campaigns(transaction_query(transaction, &failure, QUERY_CAMPAIGN_BY_ID,
				       DB_TEXT, tenant, DB_TEXT, id, DB_END),
			&failure));

	if (failure != NULL)
		g_propagate_error(error, g_steal_pointer(&failure));
	else if (campaign == NULL)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such deployment");
	return campaign;
}

gboolean campaign_insert(Transaction *transaction, const char *tenant, const Campaign *campaign,
	const char *digest, const DeviceSet *targets, GError **error)
{
	g_autoptr(GBytes) bytes = device_set_to_bytes(targets);

	return transaction_run(transaction, NULL, error, QUERY_CAMPAIGN_ADD, DB_TEXT, tenant,
		DB_TEXT, campaign->id, DB_TEXT, campaign->name, DB_TEXT, campaign->artifact_name,
		DB_TEXT, digest, DB_TEXT, campaign->group, DB_INT,
		(gint64)campaign->force_installation, DB_INT, campaign->retries, DB_BLOB, bytes,
		DB_INT, campaign->max_devices, DB_INT, campaign->created_us, DB_END);
}

DeviceSet *campaign_get_targets(
	Transaction *transaction, const char *tenant, const char *id, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(
		transaction, error, QUERY_CAMPAIGN_TARGETS, DB_TEXT, tenant, DB_TEXT, id, DB_END);
	g_autoptr(GError) failure = NULL;
	g_autoptr(GBytes) bytes = NULL;

	if (rows == NULL)
		return NULL;
	if (rows_next(rows, &failure)) {
		bytes = rows_blob(rows, 0);
		return device_set_from_bytes(bytes, error);
	}
	if (failure != NULL)
		g_propagate_error(error, g_steal_pointer(&failure));
	else
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such deployment");
	return NULL;
}

gboolean campaign_is_running(Transaction *transaction, const char *tenant, const char *digest,
	gboolean *ret_running, GError **error)
{
	return read_presence(
		transaction_query(transaction, error, QUERY_CAMPAIGN_UNFINISHED_BY_DIGEST, DB_TEXT,
			tenant, DB_TEXT, digest, DB_END),
		ret_running, error);
}

gboolean campaign_newest_us(
	Transaction *transaction, const char *tenant, gint64 *ret_time_us, GError **error)
{
	return read_number(transaction_query(transaction, error, QUERY_CAMPAIGN_LAST_CREATED,
				   DB_TEXT, tenant, DB_END),
		ret_time_us, error);
}

gboolean campaign_get_counts(Transaction *transaction, const char *tenant, const char *id,
	CampaignCounts *ret_counts, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(
		transaction, error, QUERY_CAMPAIGN_COUNTS_OF, DB_TEXT, tenant, DB_TEXT, id, DB_END);
	g_autoptr(GError) failure = NULL;
	UpdateStatus status;

	memset(ret_counts, 0, sizeof *ret_counts);
	if (rows == NULL)
		return FALSE;
	while (rows_next(rows, &failure))
		if (update_status_from_name(rows_text(rows, 0), &status))
			ret_counts->devices[status] = rows_int(rows, 1);
	return rows_ended(g_steal_pointer(&failure), error);
}

gboolean campaign_move_count(Transaction *transaction, const char *tenant, const char *id,
	UpdateStatus status, gint64 n, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_CAMPAIGN_COUNT_MOVE, DB_TEXT, tenant,
		DB_TEXT, id, DB_TEXT, update_status_name(status), DB_INT, n, DB_END);
}

/* What is looked for, as a pattern of LIKE that finds it anywhere; "" stays "". */
static char *make_pattern(const char *text)
{
	GString *pattern = g_string_new(*text != '\0' ? "%" : "");

	for (const char *at = text; *at != '\0'; at++) {
		if (strchr("%_\\", *at) != NULL)
			g_string_append_c(pattern, '\\');
		g_string_append_c(pattern, g_ascii_tolower(*at));
	}
	g_string_append(pattern, *text != '\0' ? "%" : "");
	return g_string_free(pattern, FALSE);
}

GPtrArray *campaigns_list(
	Transaction *transaction, const char *tenant, const CampaignFilter *filter, GError **error)
{
	g_autofree char *search = make_pattern(filter->search);

	return read_campaigns(
		transaction_query(transaction, error, QUERY_CAMPAIGN_LIST, DB_TEXT, tenant, DB_TEXT,
			filter->status, DB_TEXT, search, DB_TEXT, filter->kind, DB_TEXT,
			filter->name, DB_INT, filter->after_us, DB_INT, filter->before_us, DB_TEXT,
			filter->sort, DB_INT, filter->limit, DB_INT, filter->offset, DB_END),
		error);
}

gboolean campaigns_count(Transaction *transaction, const char *tenant, const CampaignFilter *filter,
	gint64 *ret_count, GError **error)
{
	g_autofree char *search = make_pattern(filter->search);

	return read_number(
		transaction_query(transaction, error, QUERY_CAMPAIGN_COUNT, DB_TEXT, tenant,
			DB_TEXT, filter->status, DB_TEXT, search, DB_TEXT, filter->kind, DB_TEXT,
			filter->name, DB_INT, filter->after_us, DB_INT, filter->before_us, DB_END),
		ret_count, error);
}

/* --- One device's part --- */
CampaignDevice *campaign_device_find(Transaction *transaction, const char *tenant,
	const char *campaign, const char *device, GError **error)
{
	return take_first(
		read_devices(transaction_query(transaction, error, QUERY_CAMPAIGN_DEVICE_GET,
				     DB_TEXT, tenant, DB_TEXT, campaign, DB_TEXT, device, DB_END),
			error));
}

GPtrArray *campaign_devices_active(
	Transaction *transaction, const char *tenant, const char *device, GError **error)
{
	return read_devices(transaction_query(transaction, error, QUERY_CAMPAIGN_DEVICE_ACTIVE,
				    DB_TEXT, tenant, DB_TEXT, device, DB_END),
		error);
}

gboolean campaign_device_newest_done_us(Transaction *transaction, const char *tenant,
	const char *device, gint64 *ret_time_us, GError **error)
{
	return read_number(transaction_query(transaction, error, QUERY_CAMPAIGN_DEVICE_LAST_DONE,
				   DB_TEXT, tenant, DB_TEXT, device, DB_END),
		ret_time_us, error);
}

GPtrArray *campaign_devices_list(Transaction *transaction, const char *tenant,
	const CampaignDeviceFilter *filter, GError **error)
{
	gboolean of_campaign = filter->campaign != NULL;

	return read_devices(
		transaction_query(transaction, error,
			of_campaign ? QUERY_CAMPAIGN_DEVICE_LIST : QUERY_CAMPAIGN_DEVICE_HISTORY,
			DB_TEXT, tenant, DB_TEXT, of_campaign ? filter->campaign : filter->device,
			DB_TEXT, filter->status, DB_INT, filter->limit, DB_INT, filter->offset,
			DB_END),
		error);
}

gboolean campaign_devices_count(Transaction *transaction, const char *tenant,
	const CampaignDeviceFilter *filter, gint64 *ret_count, GError **error)
{
	gboolean of_campaign = filter->campaign != NULL;

	return read_number(
		transaction_query(transaction, error,
			of_campaign ? QUERY_CAMPAIGN_DEVICE_COUNT
				    : QUERY_CAMPAIGN_DEVICE_HISTORY_COUNT,
			DB_TEXT, tenant, DB_TEXT, of_campaign ? filter->campaign : filter->device,
			DB_TEXT, filter->status, DB_END),
		ret_count, error);
}

DeviceSet *campaign_device_set(
	Transaction *transaction, const char *tenant, const char *campaign, GError **error)
{
	g_autoptr(DeviceSet) set = roaring_bitmap_create();
	g_autoptr(GError) failure = NULL;
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_CAMPAIGN_DEVICE_NUMBERS,
		DB_TEXT, tenant, DB_TEXT, campaign, DB_END);

	if (rows == NULL)
		return NULL;
	while (rows_next(rows, &failure))
		roaring_bitmap_add(set, (guint32)rows_int(rows, 0));
	if (failure == NULL)
		return g_steal_pointer(&set);
	g_propagate_error(error, g_steal_pointer(&failure));
	return NULL;
}

char *campaign_find_log(Transaction *transaction, const char *tenant, const char *campaign,
	const char *device, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_CAMPAIGN_LOG, DB_TEXT,
		tenant, DB_TEXT, campaign, DB_TEXT, device, DB_END);

	return rows != NULL && rows_next(rows, error) ? g_strdup(rows_text(rows, 0)) : NULL;
}
