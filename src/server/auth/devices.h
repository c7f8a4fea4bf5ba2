/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>
#include "server/call.h"
#include "server/hot.h"

/* Device authentication: who a device is (its identity), which keys it has shown (auth sets), and
 * which of them are let in. Other domains learn of changes through a listener, in the transaction
 * of the change, so that what they keep of a device comes and goes with it. */

typedef struct {
	const char *tenant;     /* id */
	const char *device;     /* id */
	guint32 row;            /* its row number */
	DeviceStatus before;    /* DEVICE_GONE: the device is new */
	DeviceStatus after;     /* DEVICE_GONE: decommissioned; delete what you keep of it */
	const json_t *identity; /* the identity object */
	gint64 time_us;
} DeviceChange;

/* FALSE undoes the whole change. Runs on the writer's thread. */
typedef gboolean (*DeviceListener)(
	App *app, Transaction *transaction, const DeviceChange *change, GError **error);

Devices *devices_new(void);
void devices_free(Devices *devices);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Devices, devices_free)

/* app.c registers the domains' listeners before anything is served. */
void devices_add_listener(App *app, DeviceListener listener);

extern const Route auth_routes[];         /* management: /api/management/v2/devauth */
extern const Route auth_request_routes[]; /* devices: auth_requests */
