/* SPDX-License-Identifier: Apache-2.0 */
#include "server/campaigns/progress.h"

#include "base/error.h"
#include "server/campaigns/pending.h"
#include "server/rows.h"

/* --- What follows from a change --- */

static gboolean move_counts(const Progress *progress, const char *campaign, UpdateStatus from,
	UpdateStatus to, GError **error)
{
	return campaign_move_count(
		       progress->transaction, progress->tenant, campaign, from, -1, error) &&
	       campaign_move_count(progress->transaction, progress->tenant, campaign, to, 1, error);
}

/* @n_finished: how many more (or fewer) devices are done. Ends the campaign with the last one. */
static gboolean advance(const Progress *progress, const char *id, gint64 n_finished,
	gboolean is_started, GError **error)
{
	g_autoptr(Campaign) campaign = NULL;

	if (!transaction_run(progress->transaction, NULL, error, QUERY_CAMPAIGN_PROGRESS, DB_TEXT,
		    progress->tenant, DB_TEXT, id, DB_INT, n_finished, DB_INT, (gint64)is_started,
		    DB_INT, progress->now_us, DB_END))
		return FALSE;
	campaign = campaign_get(progress->transaction, progress->tenant, id, error);
	if (campaign == NULL)
		return FALSE;
	if (campaign->finished_us != 0)
		pending_drop(
			app_pending(progress->app), progress->transaction, progress->tenant, id);
	return TRUE;
}

/* Memory follows: who is done is not asked about again, who is at work again is. */
static void follow(const Progress *progress, const CampaignDevice *device, gboolean was_finished,
	gboolean is_finished)
{
	Pending *pending = app_pending(progress->app);

	if (is_finished)
		pending_close(pending, progress->transaction, progress->tenant, device->number,
			device->campaign_us);
	else if (was_finished)
		pending_reopen(pending, progress->transaction, progress->tenant, device->number);
}

/* --- Beginning --- */

static gboolean insert_part(const Progress *progress, const Campaign *campaign, const char *device,
	guint32 number, GError **error)
{
	return transaction_run(progress->transaction, NULL, error, QUERY_CAMPAIGN_DEVICE_ADD,
		       DB_TEXT, progress->tenant, DB_TEXT, campaign->id, DB_TEXT, device, DB_INT,
		       (gint64)number, DB_TEXT, update_status_name(UPDATE_PENDING), DB_INT,
		       campaign->created_us, DB_INT, progress->now_us, DB_END) &&
	       transaction_run(progress->transaction, NULL, error, QUERY_CAMPAIGN_ASKED, DB_TEXT,
		       progress->tenant, DB_TEXT, campaign->id, DB_END) &&
	       campaign_move_count(progress->transaction, progress->tenant, campaign->id,
		       UPDATE_PENDING, 1, error);
}

static gboolean restart_part(const Progress *progress, const CampaignDevice *old, GError **error)
{
	return transaction_run(progress->transaction, NULL, error, QUERY_CAMPAIGN_DEVICE_RESTART,
		       DB_TEXT, progress->tenant, DB_TEXT, old->campaign, DB_TEXT, old->device,
		       DB_INT, progress->now_us, DB_END) &&
	       move_counts(progress, old->campaign, old->status, UPDATE_PENDING, error) &&
	       advance(progress, old->campaign, -1, FALSE, error);
}

CampaignDevice *progress_begin(const Progress *progress, const Campaign *campaign,
	const char *device, guint32 number, UpdateStatus status, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(CampaignDevice) old = campaign_device_find(
		progress->transaction, progress->tenant, campaign->id, device, &failure);
	g_autoptr(CampaignDevice) part = NULL;

	if (failure != NULL) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return NULL;
	}
	if (!(old != NULL ? restart_part(progress, old, error)
			  : insert_part(progress, campaign, device, number, error)))
		return NULL;
	part = campaign_device_find(
		progress->transaction, progress->tenant, campaign->id, device, error);
	if (part == NULL || (status != part->status &&
				    !progress_set_status(progress, part, status, NULL, error)))
		return NULL;
	return g_steal_pointer(&part);
}

/* --- Changing --- */

/* A failure is not the end while attempts are left: the device will ask again. */
static gboolean try_again(
	const Progress *progress, CampaignDevice *device, UpdateStatus *status, GError **error)
{
	g_autoptr(Campaign) campaign = NULL;

	if (*status != UPDATE_FAILURE || device->finished_us != 0)
		return TRUE;
	campaign = campaign_get(progress->transaction, progress->tenant, device->campaign, error);
	if (campaign == NULL)
		return FALSE;
	if (device->attempts >= campaign->retries)
		return TRUE;
	device->attempts++;
	*status = UPDATE_PENDING;
	return progress_keep_request(progress, device, NULL, error);
}

gboolean progress_set_status(const Progress *progress, CampaignDevice *device, UpdateStatus status,
	const char *substate, GError **error)
{
	UpdateStatus before = device->status;
	gboolean was_finished = device->finished_us != 0, is_finished, is_started;

	if (!try_again(progress, device, &status, error))
		return FALSE;
	is_finished = update_status_is_finished(status);
	is_started = status != UPDATE_PENDING;
	if (!transaction_run(progress->transaction, NULL, error, QUERY_CAMPAIGN_DEVICE_STATUS,
		    DB_TEXT, progress->tenant, DB_TEXT, device->campaign, DB_TEXT, device->device,
		    DB_TEXT, update_status_name(status), DB_TEXT, substate, DB_INT,
		    device->attempts, DB_INT, (gint64)is_started, DB_INT, progress->now_us, DB_INT,
		    (gint64)is_finished, DB_END))
		return FALSE;
	device->status = status;
	device->finished_us = is_finished ? progress->now_us : 0;
	follow(progress, device, was_finished, is_finished);
	return move_counts(progress, device->campaign, before, status, error) &&
	       advance(progress, device->campaign, (gint64)is_finished - (gint64)was_finished,
		       is_started, error);
}

gboolean progress_choose(const Progress *progress, CampaignDevice *device, const char *artifact,
	gint64 size_bytes, GError **error)
{
	if (!transaction_run(progress->transaction, NULL, error, QUERY_CAMPAIGN_DEVICE_ARTIFACT,
		    DB_TEXT, progress->tenant, DB_TEXT, device->campaign, DB_TEXT, device->device,
		    DB_TEXT, artifact, DB_END) ||
		!transaction_run(progress->transaction, NULL, error, QUERY_CAMPAIGN_GIVEN, DB_TEXT,
			progress->tenant, DB_TEXT, device->campaign, DB_INT, size_bytes, DB_END))
		return FALSE;
	g_free(device->artifact);
	device->artifact = g_strdup(artifact);
	return TRUE;
}

gboolean progress_keep_request(
	const Progress *progress, CampaignDevice *device, const char *request, GError **error)
{
	if (!transaction_run(progress->transaction, NULL, error, QUERY_CAMPAIGN_DEVICE_REQUEST,
		    DB_TEXT, progress->tenant, DB_TEXT, device->campaign, DB_TEXT, device->device,
		    DB_TEXT, request, DB_END))
		return FALSE;
	g_free(device->request);
	device->request = g_strdup(request);
	return TRUE;
}

/* --- Ending --- */

static gboolean end_active(
	const Progress *progress, const char *device, UpdateStatus status, GError **error)
{
	g_autoptr(GPtrArray) active =
		campaign_devices_active(progress->transaction, progress->tenant, device, error);

	if (active == NULL)
		return FALSE;
	for (guint i = 0; i < active->len; i++)
		if (!progress_set_status(
			    progress, g_ptr_array_index(active, i), status, NULL, error))
			return FALSE;
	return TRUE;
}

/* Campaigns the device has not asked for yet: its part ends before it began. */
static gboolean end_unasked(const Progress *progress, const char *device, guint32 number,
	UpdateStatus status, GError **error)
{
	g_autoptr(GPtrArray) ids =
		pending_campaigns(app_pending(progress->app), progress->tenant, number);

	for (guint i = 0; i < ids->len; i++) {
		g_autoptr(GError) failure = NULL;
		g_autoptr(CampaignDevice) part = campaign_device_find(progress->transaction,
			progress->tenant, g_ptr_array_index(ids, i), device, &failure);
		g_autoptr(Campaign) campaign = NULL;

		if (part != NULL)
			continue;
		if (failure == NULL)
			campaign = campaign_get(progress->transaction, progress->tenant,
				g_ptr_array_index(ids, i), &failure);
		if (campaign == NULL) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return FALSE;
		}
		if (campaign->finished_us != 0)
			continue;
		part = progress_begin(progress, campaign, device, number, status, error);
		if (part == NULL)
			return FALSE;
	}
	return TRUE;
}

gboolean progress_end_device(const Progress *progress, const char *device, guint32 number,
	UpdateStatus status, GError **error)
{
	return end_active(progress, device, status, error) &&
	       end_unasked(progress, device, number, status, error);
}

/* Moves the counts of all who are at work. @ret_n: how many these are. */
static gboolean count_aborted(
	const Progress *progress, const char *id, gint64 *ret_n, GError **error)
{
	CampaignCounts active = { { 0 } };
	g_autoptr(GError) failure = NULL;
	g_autoptr(Rows) rows = transaction_query(progress->transaction, error,
		QUERY_CAMPAIGN_DEVICES_ACTIVE_COUNTS, DB_TEXT, progress->tenant, DB_TEXT, id,
		DB_END);
	UpdateStatus status;

	*ret_n = 0;
	if (rows == NULL)
		return FALSE;
	while (rows_next(rows, &failure))
		if (update_status_from_name(rows_text(rows, 0), &status))
			*ret_n += active.devices[status] = rows_int(rows, 1);
	if (!rows_ended(g_steal_pointer(&failure), error))
		return FALSE;
	for (status = 0; status < N_UPDATE_STATUSES; status++)
		if (active.devices[status] > 0 &&
			!campaign_move_count(progress->transaction, progress->tenant, id, status,
				-active.devices[status], error))
			return FALSE;
	return campaign_move_count(
		progress->transaction, progress->tenant, id, UPDATE_ABORTED, *ret_n, error);
}

gboolean progress_abort(const Progress *progress, const Campaign *campaign, GError **error)
{
	gint64 n_aborted;

	if (!count_aborted(progress, campaign->id, &n_aborted, error) ||
		!transaction_run(progress->transaction, NULL, error, QUERY_CAMPAIGN_DEVICES_ABORT,
			DB_TEXT, progress->tenant, DB_TEXT, campaign->id, DB_INT, progress->now_us,
			DB_END) ||
		!transaction_run(progress->transaction, NULL, error, QUERY_CAMPAIGN_ABORT, DB_TEXT,
			progress->tenant, DB_TEXT, campaign->id, DB_INT, progress->now_us, DB_INT,
			n_aborted, DB_END))
		return FALSE;
	pending_drop(
		app_pending(progress->app), progress->transaction, progress->tenant, campaign->id);
	return TRUE;
}
