/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "server/auth/devices.h"
#include "server/call.h"

/* Campaigns, called deployments on the wire: which devices get which release, and how far they are.
 */

/* Rows of the routes this domain serves; ends with a route without a path. */
extern const Route campaign_routes[];

/* Follows devices going (auth/devices.h): what a decommissioned one had to do ends as such. */
gboolean campaigns_device_changed(App *app, Transaction *transaction, const DeviceChange *change,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Memory of who may have something to do, filled from the store at start. (transfer full) */
Pending *pending_load(Database *database, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pending_free(Pending *pending);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pending, pending_free)

/* For artifacts: does an unfinished campaign give out the release of this name? */
gboolean campaigns_are_using(Transaction *transaction, const char *tenant,
	const char *artifact_name, gboolean *ret_used, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Has a device ever been given this artifact? */
gboolean campaigns_have_used(Transaction *transaction, const char *tenant, const char *artifact_id,
	gboolean *ret_used, GError **error) G_GNUC_WARN_UNUSED_RESULT;
