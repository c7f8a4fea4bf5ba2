/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* What the domains share; app.c makes it and is the only file that knows all domains. */
typedef struct App App;
typedef struct Database Database;
typedef struct Hot Hot;
typedef struct Blobs Blobs;
typedef struct Tokens Tokens;
typedef struct Pending Pending;
typedef struct DeviceSets DeviceSets;
typedef struct Pending Pending;
typedef struct Links Links;

Database *app_database(App *app);
Hot *app_hot(App *app);         /* hot.h: device state in memory */
Blobs *app_blobs(App *app);     /* blob/blob.h: stored artifacts */
Tokens *app_tokens(App *app);   /* auth/tokens.h: what tokens are signed with and verified by */
Pending *app_pending(App *app); /* campaigns/campaigns.h: which devices may have something to do */
const char *app_public_url(App *app); /* without a slash at the end */
DeviceSets *app_device_sets(App *app); /* inventory/inventory.h: device_sets_load() */
Pending *app_pending(App *app);        /* campaigns/campaigns.h: pending_load() */
Links *app_links(App *app);            /* artifacts/links.h: links_load() */
