/* SPDX-License-Identifier: Apache-2.0 */
/* Static groups: a device is in at most one, and a group is there while it has a member. */
#include <string.h>
#include "base/error.h"
#include "server/inventory/handlers.h"
#include "server/inventory/sets.h"

enum {
	GROUP_NAME_SIZE_MAX = 256,
	GROUP_CHANGE_MAX = 25000, /* devices in one call */
};

typedef struct {
	char *group;
} GroupChange;

static const JsonField group_change_fields[] = {
	JSON_FIELD(GroupChange, group, JSON_TEXT, REQUIRED, GROUP_NAME_SIZE_MAX),
	{ 0 },
};
const JsonRecord group_change_record = { sizeof(GroupChange), group_change_fields };

static gboolean check_name(const char *name, GError **error)
{
	gsize size = strlen(name);

	if (size > 0 && size <= GROUP_NAME_SIZE_MAX &&
		strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_") == size)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"group: only letters, digits, - and _, and at most %d of them",
		GROUP_NAME_SIZE_MAX);
	return FALSE;
}

/* @group: (nullable). @ret_changed: (nullable). */
static gboolean move_device(Call *call, const InventoryDevice *device, const char *group,
	gboolean *ret_changed, GError **error)
{
	DeviceSetChange change = { call_tenant(call), device->number, DEVICE_NOAUTH, device->group,
		group };

	if (ret_changed != NULL)
		*ret_changed = g_strcmp0(device->group, group) != 0;
	if (g_strcmp0(device->group, group) == 0)
		return TRUE;
	if (!device_status_from_name(device->status, &change.status)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT, "device %s has no known status",
			device->id);
		return FALSE;
	}
	if (!transaction_run(call_transaction(call), NULL, error, QUERY_INVENTORY_DEVICE_GROUP,
		    DB_TEXT, call_tenant(call), DB_TEXT, device->id, DB_TEXT, group, DB_END))
		return FALSE;
	device_sets_put_on_commit(app_device_sets(call_app(call)), call_transaction(call), &change);
	return TRUE;
}

gboolean list_groups(Call *call, GError **error)
{
	const char *name = call_query(call, "status");
	DeviceStatus status = N_DEVICE_STATUSES;
	g_auto(GStrv) groups = NULL;
	json_t *array = json_array();

	if (name != NULL && !device_status_from_name(name, &status)) {
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_INVALID, "status: %s: no such status", name);
		json_decref(array);
		return FALSE;
	}
	groups = device_sets_groups(app_device_sets(call_app(call)), call_tenant(call), status);
	for (guint i = 0; groups[i] != NULL; i++)
		json_array_append_new(array, json_string(groups[i]));
	call_set_json(call, array);
	return TRUE;
}

static InventoryDevice *get_named(Call *call, GError **error)
{
	return inventory_get_device(
		call_transaction(call), call_tenant(call), call_parameter(call, "id"), error);
}

gboolean get_device_group(Call *call, GError **error)
{
	g_autoptr(InventoryDevice) device = get_named(call, error);

	if (device == NULL)
		return FALSE;
	call_set_json(call, json_pack("{s:s?}", "group", device->group));
	return TRUE;
}

gboolean set_device_group(Call *call, GError **error)
{
	const GroupChange *body = call_body(call);
	g_autoptr(InventoryDevice) device = NULL;

	if (!check_name(body->group, error))
		return FALSE;
	device = get_named(call, error);
	if (device == NULL || !move_device(call, device, body->group, NULL, error))
		return FALSE;
	call_audit(call, "device", device->id,
		json_pack("{s:s?, s:s}", "from", device->group, "group", body->group));
	return TRUE;
}

gboolean leave_device_group(Call *call, GError **error)
{
	g_autoptr(InventoryDevice) device = get_named(call, error);

	if (device == NULL)
		return FALSE;
	if (g_strcmp0(device->group, call_parameter(call, "name")) != 0) {
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "the device is not in this group");
		return FALSE;
	}
	call_audit(call, "device", device->id,
		json_pack("{s:s, s:n}", "from", device->group, "group"));
	return move_device(call, device, NULL, NULL, error);
}

gboolean list_group_devices(Call *call, GError **error)
{
	App *app = call_app(call);
	g_autoptr(DeviceSet) members = device_sets_in_group(
		app_device_sets(app), call_tenant(call), call_parameter(call, "name"));
	guint64 total = roaring_bitmap_get_cardinality(members);
	guint32 numbers[PAGING_MAX];
	char id[UUID_TEXT_SIZE];
	Paging paging;
	guint64 first, n;
	json_t *array;

	if (!call_paging(call, &paging, error))
		return FALSE;
	if (total == 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such group");
		return FALSE;
	}
	first = (guint64)(paging.page - 1) * (guint64)paging.per_page;
	n = first < total ? MIN((guint64)paging.per_page, total - first) : 0;
	if (n > 0)
		roaring_bitmap_range_uint32_array(members, first, n, numbers);
	array = json_array();
	for (guint64 i = 0; i < n; i++)
		if (hot_device_id(app_hot(app), numbers[i], id))
			json_array_append_new(array, json_string(id));
	call_set_paging(call, &paging, (gint64)total, FALSE);
	call_set_json(call, array);
	return TRUE;
}

typedef struct {
	gint64 n_matched, n_changed;
} MoveCounts;

static gboolean check_ids(const json_t *ids, GError **error)
{
	if (json_is_array(ids) && json_array_size(ids) > 0 &&
		json_array_size(ids) <= GROUP_CHANGE_MAX)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "not a list of 1 to %d device ids",
		GROUP_CHANGE_MAX);
	return FALSE;
}

/* @from: (nullable): only if it is in this group. An unknown device does not count. */
static gboolean move_one(Call *call, const char *id, const char *from, const char *to,
	MoveCounts *counts, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(InventoryDevice) device =
		inventory_get_device(call_transaction(call), call_tenant(call), id, &failure);
	gboolean changed;

	if (device == NULL && !g_error_matches(failure, ROTA_ERROR, ROTA_ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	if (device == NULL || (from != NULL && g_strcmp0(device->group, from) != 0))
		return TRUE;
	if (!move_device(call, device, to, &changed, error))
		return FALSE;
	counts->n_matched++;
	counts->n_changed += changed;
	return TRUE;
}

static void answer_counts(Call *call, const MoveCounts *counts)
{
	call_set_json(call, json_pack("{s:I, s:I}", "matched_count", (json_int_t)counts->n_matched,
				    "updated_count", (json_int_t)counts->n_changed));
}

/* The ids of the body. */
static gboolean move_all(Call *call, const char *from, const char *to, GError **error)
{
	const json_t *ids = call_body_json(call, error);
	MoveCounts counts = { 0 };

	if (ids == NULL || !check_ids(ids, error))
		return FALSE;
	for (gsize i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));

		if (id == NULL) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
				"[%" G_GSIZE_FORMAT "]: not a device id", i);
			return FALSE;
		}
		if (!move_one(call, id, from, to, &counts, error))
			return FALSE;
	}
	answer_counts(call, &counts);
	call_audit(call, "group", call_parameter(call, "name"), json_pack("{s:O}", "devices", ids));
	return TRUE;
}

gboolean add_group_devices(Call *call, GError **error)
{
	const char *name = call_parameter(call, "name");

	return check_name(name, error) && move_all(call, NULL, name, error);
}

gboolean remove_group_devices(Call *call, GError **error)
{
	return move_all(call, call_parameter(call, "name"), NULL, error);
}

/* However many they are, one statement and one step in memory. */
gboolean remove_group(Call *call, GError **error)
{
	const char *name = call_parameter(call, "name");
	MoveCounts counts = { 0 };

	if (!transaction_run(call_transaction(call), &counts.n_matched, error,
		    QUERY_INVENTORY_GROUP_REMOVE, DB_TEXT, call_tenant(call), DB_TEXT, name,
		    DB_END))
		return FALSE;
	if (counts.n_matched == 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such group");
		return FALSE;
	}
	counts.n_changed = counts.n_matched;
	device_sets_drop_group_on_commit(
		app_device_sets(call_app(call)), call_transaction(call), call_tenant(call), name);
	answer_counts(call, &counts);
	call_audit(call, "group", name, NULL);
	return TRUE;
}
