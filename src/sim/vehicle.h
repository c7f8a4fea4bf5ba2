/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* One vehicle: a folder that stands for its disk, and a real agent that runs on it. */
typedef struct Vehicle Vehicle;

/* The same for the whole fleet; borrowed by its vehicles. */
typedef struct {
	const char *server; /* base URL */
	const char *ca;     /* (nullable): PEM file */
	const char *folder; /* each vehicle is a folder named by its VIN in it */
	const char *device_type;
	const char *agent;        /* program */
	const char *modules;      /* (nullable): folder of update modules */
	const char *verify_key;   /* (nullable): PEM file; artifacts must then be signed */
	const char *tenant_token; /* (nullable) */
	gint64 poll_s;
} Fleet;

/* Makes the disk of the vehicle with this serial number; one that is there is left as it was, but
 * for its configuration, which follows the fleet. */
Vehicle *vehicle_new(const Fleet *fleet, guint serial, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Ends the agent where it still runs, waits for it, and frees. The disk stays. */
void vehicle_free(Vehicle *vehicle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Vehicle, vehicle_free)

/* Starts the agent on the running main loop, and again whenever it ends by itself: then after a
 * pause that grows. */
gboolean vehicle_start(Vehicle *vehicle, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Asks the agent to end; vehicle_free() waits for it. */
void vehicle_stop(Vehicle *vehicle);
