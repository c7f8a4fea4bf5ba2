/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>
#include "server/call.h"

/* What is known of each device: attributes in scopes, tags, and the group it is in.
 *
 * Other domains tell inventory about devices through this header only, inside their own
 * transaction. A device has a number beside its id: small, dense, never used again, unique over all
 * tenants. Device sets are bitmaps over these numbers (docs/design/matching.md). */

/* Rows of the routes this domain serves; ends with a route without a path. */
extern const Route inventory_routes[];

/* Which devices are accepted and who is in which group, in memory; filled from the store at start and
 * following every commit. (transfer full) */
typedef struct DeviceSets DeviceSets;
DeviceSets *device_sets_load(Database *database, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void device_sets_free(DeviceSets *sets);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DeviceSets, device_sets_free)

/**
 * inventory_add_device:
 * @number: the device's number
 * @identity: an object: the identity data
 * @status: accepted, pending, rejected, preauthorized or noauth
 *
 * A device has appeared, or its identity data is known anew: makes or updates scope identity.
 */
gboolean inventory_add_device(App *app, Transaction *transaction, const char *tenant,
	const char *device_id, gint64 number, const json_t *identity, const char *status, gint64 now_us, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The status of a device has changed. */
gboolean inventory_set_status(App *app, Transaction *transaction, const char *tenant, const char *device_id,
	const char *status, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The device is decommissioned: all that inventory knows of it goes. */
gboolean inventory_remove_device(App *app, Transaction *transaction, const char *tenant, const char *device_id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
