/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>
#include "server/inventory/inventory.h"
#include "wire/status.h"

/* A campaign and one device's part in it. No I/O. */
typedef struct {
	char *id;
	char *name;
	char *artifact_name;
	char *kind;
	char *group; /* (nullable) */
	gboolean force_installation;
	gint64 retries;
	gint64 max_devices;
	gint64 device_count;
	gint64 finished_count;
	gint64 total_size;
	gboolean is_started;
	gboolean is_aborted;
	gint64 created_us;
	gint64 finished_us; /* 0: it is not */
} Campaign;

void campaign_free(Campaign *campaign);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Campaign, campaign_free)

/* How many devices are in which status. */
typedef struct {
	gint64 devices[N_UPDATE_STATUSES];
} CampaignCounts;

/* pending, inprogress or finished. */
const char *campaign_status(const Campaign *campaign);
/* Devices that have not begun count as pending while the campaign runs, asked or not. (transfer
 * full) */
json_t *campaign_statistics(const Campaign *campaign, const CampaignCounts *counts);
/* @artifacts: (transfer none): an array of ids. (transfer full) */
json_t *campaign_to_json(const Campaign *campaign, const CampaignCounts *counts, json_t *artifacts);

typedef struct {
	char *campaign; /* id */
	char *device;   /* id */
	guint32 number;
	UpdateStatus status;
	char *substate; /* (nullable) */
	char *artifact; /* (nullable): id; not chosen yet */
	char *request;  /* (nullable): what the device first said it was */
	gint64 attempts;
	gint64 campaign_us;
	gint64 created_us;
	gint64 started_us;  /* 0: it has not */
	gint64 finished_us; /* 0: it has not */
	gboolean has_log;
} CampaignDevice;

void campaign_device_free(CampaignDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CampaignDevice, campaign_device_free)

/* @image: (transfer none)(nullable): the artifact it was given. (transfer full) */
json_t *campaign_device_to_json(const CampaignDevice *device, json_t *image);
