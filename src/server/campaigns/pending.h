/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/campaigns/campaigns.h"
#include "server/inventory/inventory.h"

/* Which devices may have something to do, in memory: a poll that finds nothing touches no store.
 *
 * For each unfinished campaign two sets: its targets, which never change, and those of them for
 * whom it may still be the next thing to do. The second may name a device too many (the store then
 * says no), never one too few. Both follow the store after each commit and are made anew from it at
 * start. */

/* TRUE: ask the store. Any thread; takes no more than a lookup. */
gboolean pending_may_have(Pending *pending, const char *tenant, guint32 number);

/* (transfer full): ids of the campaigns that may be next for the device, oldest first. */
GPtrArray *pending_campaigns(Pending *pending, const char *tenant, guint32 number);

/* --- After the commit of what changed it --- */

/* A campaign was made. @targets: (transfer none): copied. */
void pending_add(Pending *pending, Transaction *transaction, const char *tenant,
	const char *campaign, gint64 created_us, const DeviceSet *targets);
/* It is finished. */
void pending_drop(
	Pending *pending, Transaction *transaction, const char *tenant, const char *campaign);
/* The device is done with a campaign of that time: neither it nor an older one will be offered
 * again. */
void pending_close(Pending *pending, Transaction *transaction, const char *tenant, guint32 number,
	gint64 created_us);
/* What it was done with may be offered again. */
void pending_reopen(Pending *pending, Transaction *transaction, const char *tenant, guint32 number);

Pending *pending_new(void);
