/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/campaigns/campaign.h"
#include "server/database.h"

/* Campaigns in the store. Every answer is (transfer full); NULL comes with @error, but for
 * ROTA_ERROR_NOT_FOUND where a name says _find. */

Campaign *campaign_get(Transaction *transaction, const char *tenant, const char *id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean campaign_insert(Transaction *transaction, const char *tenant, const Campaign *campaign,
	const char *digest, const DeviceSet *targets, GError **error) G_GNUC_WARN_UNUSED_RESULT;
DeviceSet *campaign_get_targets(Transaction *transaction, const char *tenant, const char *id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean campaign_is_running(Transaction *transaction, const char *tenant, const char *digest,
	gboolean *ret_running, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean campaign_newest_us(Transaction *transaction, const char *tenant, gint64 *ret_time_us,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean campaign_get_counts(Transaction *transaction, const char *tenant, const char *id,
	CampaignCounts *ret_counts, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* @n more (or fewer) devices are in @status. */
gboolean campaign_move_count(Transaction *transaction, const char *tenant, const char *id,
	UpdateStatus status, gint64 n, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Empty texts do not filter. */
typedef struct {
	const char *status, *search, *kind, *name;
	const char *sort; /* asc or desc */
	gint64 after_us, before_us;
	gint64 limit, offset;
} CampaignFilter;

GPtrArray *campaigns_list(Transaction *transaction, const char *tenant,
	const CampaignFilter *filter, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean campaigns_count(Transaction *transaction, const char *tenant, const CampaignFilter *filter,
	gint64 *ret_count, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- One device's part --- */
/* NULL without @error where there is none. */
CampaignDevice *campaign_device_find(Transaction *transaction, const char *tenant,
	const char *campaign, const char *device, GError **error);
/* Of CampaignDevice *, oldest first: what the device is at work with. */
GPtrArray *campaign_devices_active(Transaction *transaction, const char *tenant, const char *device,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* When the newest campaign was made that the device is done with; 0: none. */
gboolean campaign_device_newest_done_us(Transaction *transaction, const char *tenant,
	const char *device, gint64 *ret_time_us, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Of a campaign, or of a device: @status may be any status, pause, active or finished; empty: all.
 */
typedef struct {
	const char *campaign, *device; /* one of them */
	const char *status;
	gint64 limit, offset;
} CampaignDeviceFilter;

GPtrArray *campaign_devices_list(Transaction *transaction, const char *tenant,
	const CampaignDeviceFilter *filter, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean campaign_devices_count(Transaction *transaction, const char *tenant,
	const CampaignDeviceFilter *filter, gint64 *ret_count,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The devices that have asked. */
DeviceSet *campaign_device_set(Transaction *transaction, const char *tenant, const char *campaign,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

char *campaign_find_log(Transaction *transaction, const char *tenant, const char *campaign,
	const char *device, GError **error);
