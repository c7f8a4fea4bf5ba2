/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "server/auth/devices.h"
#include "server/call.h"
#include "server/inventory/sets.h"

/* What is known of each device: attributes in scopes, tags, and the group it is in.
 *
 * What auth knows of a device (its identity, its status) comes in through the listener, in auth's
 * own transaction. Sets of devices are bitmaps over their row numbers (hot.h). */

/* Rows of the routes this domain serves; ends with a route without a path. */
extern const Route inventory_routes[];

/* Follows devices coming, changing status and going (auth/devices.h). */
gboolean inventory_device_changed(App *app, Transaction *transaction, const DeviceChange *change,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
