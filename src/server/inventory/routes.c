/* SPDX-License-Identifier: Apache-2.0 */
#include "server/inventory/handlers.h"
#include "server/inventory/inventory.h"
#include "wire/messages.h"
#include "wire/paths.h"

#define V1 "/api/management/v1/inventory"
#define V2 "/api/management/v2/inventory"

const Route inventory_routes[] = {
	{ HTTP_PUT, PATH_INVENTORY, CALLER_DEVICE, NULL, RUN_READ, NULL, WIRE_BODY_MAX, NULL,
		replace_inventory },
	{ HTTP_PATCH, PATH_INVENTORY, CALLER_DEVICE, NULL, RUN_WRITE, NULL, WIRE_BODY_MAX, NULL,
		merge_inventory },
	{ HTTP_GET, V1 "/devices", CALLER_USER, "inventory.read", RUN_READ, NULL, 0, NULL,
		list_devices },
	{ HTTP_GET, V1 "/devices/{id}", CALLER_USER, "inventory.read", RUN_READ, NULL, 0, NULL,
		get_device },
	{ HTTP_DELETE, V1 "/devices/{id}", CALLER_USER, "inventory.write", RUN_WRITE, "delete", 0,
		NULL, clear_inventory },
	{ HTTP_PUT, V1 "/devices/{id}/tags", CALLER_USER, "inventory.write", RUN_WRITE, "update",
		WIRE_BODY_MAX, NULL, replace_tags },
	{ HTTP_PATCH, V1 "/devices/{id}/tags", CALLER_USER, "inventory.write", RUN_WRITE, "update",
		WIRE_BODY_MAX, NULL, merge_tags },
	{ HTTP_GET, V1 "/devices/{id}/group", CALLER_USER, "inventory.read", RUN_READ, NULL, 0,
		NULL, get_device_group },
	{ HTTP_PUT, V1 "/devices/{id}/group", CALLER_USER, "inventory.write", RUN_WRITE, "update",
		WIRE_BODY_MAX, &group_change_record, set_device_group },
	{ HTTP_DELETE, V1 "/devices/{id}/group/{name}", CALLER_USER, "inventory.write", RUN_WRITE,
		"update", 0, NULL, leave_device_group },
	{ HTTP_GET, V1 "/groups", CALLER_USER, "inventory.read", RUN_LOOP, NULL, 0, NULL,
		list_groups },
	{ HTTP_DELETE, V1 "/groups/{name}", CALLER_USER, "inventory.write", RUN_WRITE, "delete", 0,
		NULL, remove_group },
	{ HTTP_GET, V1 "/groups/{name}/devices", CALLER_USER, "inventory.read", RUN_LOOP, NULL, 0,
		NULL, list_group_devices },
	{ HTTP_PATCH, V1 "/groups/{name}/devices", CALLER_USER, "inventory.write", RUN_WRITE,
		"update", WIRE_BODY_MAX, NULL, add_group_devices },
	{ HTTP_DELETE, V1 "/groups/{name}/devices", CALLER_USER, "inventory.write", RUN_WRITE,
		"update", WIRE_BODY_MAX, NULL, remove_group_devices },
	{ HTTP_POST, V2 "/filters/search", CALLER_USER, "inventory.read", RUN_READ, NULL,
		WIRE_BODY_MAX, &search_request_record, search_devices },
	{ HTTP_GET, V2 "/filters/attributes", CALLER_USER, "inventory.read", RUN_READ, NULL, 0,
		NULL, list_attribute_names },
	{ 0 },
};
