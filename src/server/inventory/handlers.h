/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/call.h"
#include "server/inventory/store.h"

/* The handlers that inventory/routes.c names, by the file they are in. */

/* device.c: what devices and users write */
gboolean replace_inventory(Call *call, GError **error); /* RUN_READ */
gboolean merge_inventory(Call *call, GError **error);   /* RUN_WRITE */
gboolean clear_inventory(Call *call, GError **error);
gboolean replace_tags(Call *call, GError **error);
gboolean merge_tags(Call *call, GError **error);

/* list.c: what users read */
gboolean list_devices(Call *call, GError **error); /* RUN_READ */
gboolean get_device(Call *call, GError **error);
gboolean search_devices(Call *call, GError **error);
gboolean list_attribute_names(Call *call, GError **error);
extern const JsonRecord search_request_record;

/* groups.c */
gboolean list_groups(Call *call, GError **error); /* RUN_LOOP */
gboolean get_device_group(Call *call, GError **error);
gboolean set_device_group(Call *call, GError **error); /* RUN_WRITE */
gboolean leave_device_group(Call *call, GError **error);
gboolean list_group_devices(Call *call, GError **error); /* RUN_LOOP */
gboolean add_group_devices(Call *call, GError **error);  /* RUN_WRITE */
gboolean remove_group_devices(Call *call, GError **error);
gboolean remove_group(Call *call, GError **error);
extern const JsonRecord group_change_record;
