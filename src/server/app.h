/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "http/server.h"

/* What the domains share; app.c makes it and is the only file that knows all domains. */
typedef struct App App;
typedef struct Database Database;
typedef struct Hot Hot;
typedef struct Blobs Blobs;
typedef struct Tokens Tokens;
typedef struct Sessions Sessions;
typedef struct Tenants Tenants;
typedef struct Devices Devices;
typedef struct DeviceSets DeviceSets;
typedef struct Pending Pending;
typedef struct Links Links;
typedef struct Settings Settings;
typedef struct Layer Layer;

const Settings *app_settings(App *app);
Database *app_database(App *app);
Hot *app_hot(App *app);           /* hot.h: device state in memory */
Blobs *app_blobs(App *app);       /* blob/blob.h: stored artifacts */
Tokens *app_tokens(App *app);     /* auth/tokens.h: what tokens are signed with and verified by */
Sessions *app_sessions(App *app); /* auth/sessions.h: who is logged in */
Tenants *app_tenants(App *app);   /* tenants/tenants.h: their ids, names and states */
Devices *app_devices(App *app);   /* auth/devices.h: who listens to their changes */
DeviceSets *app_device_sets(App *app); /* inventory/inventory.h: device_sets_load() */
Pending *app_pending(App *app);        /* campaigns/campaigns.h: pending_load() */
Links *app_links(App *app);            /* artifacts/links.h: links_load() */
const char *app_public_url(App *app);  /* without a slash at the end */
const char *app_data_folder(App *app);

/* For /metrics. */
Layer *app_layer(App *app);
void app_http_counts(App *app, HttpServerCounts *ret_counts);
