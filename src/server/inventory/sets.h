/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <roaring/roaring.h>
#include "server/app.h"
#include "server/hot.h"

/* Sets of devices: bitmaps over their row numbers. A million neighbours take a few bytes. */
typedef roaring_bitmap_t DeviceSet;

static inline void device_set_free(DeviceSet *set)
{
	if (set != NULL)
		roaring_bitmap_free(set);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DeviceSet, device_set_free)

/* As it is stored: the portable format of roaring bitmaps. (transfer full) */
GBytes *device_set_to_bytes(const DeviceSet *set);
DeviceSet *device_set_from_bytes(GBytes *bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All (transfer full): a copy, as things are now. Any thread. */
DeviceSet *device_sets_all(DeviceSets *sets, const char *tenant);
DeviceSet *device_sets_with_status(DeviceSets *sets, const char *tenant, DeviceStatus status);
DeviceSet *device_sets_in_group(DeviceSets *sets, const char *tenant, const char *group);

/* (transfer full): names of groups with a member (of @status; N_DEVICE_STATUSES: any), sorted. */
char **device_sets_groups(DeviceSets *sets, const char *tenant, DeviceStatus status);

/* What a device is from now on. */
typedef struct {
	const char *tenant;
	guint32 number;
	DeviceStatus status;      /* DEVICE_GONE: it is in no set any more */
	const char *group_before; /* (nullable) */
	const char *group_after;  /* (nullable) */
} DeviceSetChange;

/* Nobody is in the group any more, once the transaction is durable. */
void device_sets_drop_group_on_commit(
	DeviceSets *sets, Transaction *transaction, const char *tenant, const char *group);

DeviceSets *device_sets_new(void);
/* Filled from the store at start; afterwards it follows every commit. (transfer full) */
DeviceSets *device_sets_load(Database *database, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void device_sets_free(DeviceSets *sets);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DeviceSets, device_sets_free)

void device_sets_put(DeviceSets *sets, const DeviceSetChange *change);
/* The same once the transaction is durable. */
void device_sets_put_on_commit(
	DeviceSets *sets, Transaction *transaction, const DeviceSetChange *change);
