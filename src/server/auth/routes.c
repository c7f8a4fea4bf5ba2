/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/error.h"
#include "base/json.h"
#include "server/auth/devices-private.h"

/* Deciding on devices: /api/management/v2/devauth (server-api.md 1.4). */

static Device *find_device(Call *call, GError **error)
{
	return device_get(
		call_transaction(call), call_tenant(call), call_parameter(call, "id"), error);
}

static json_t *audit_details(const Device *device)
{
	return json_pack("{s:s, s:s}", "id", device->id, "identity_data", device->identity);
}

/* --- Lists --- */

static gboolean check_statuses(char **statuses, GError **error)
{
	DeviceStatus status;

	for (; *statuses; statuses++) {
		if (device_status_from_name(*statuses, &status))
			continue;
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "status: \"%.64s\" is none",
			*statuses);
		return FALSE;
	}
	return TRUE;
}

static gboolean append_by_id(
	Call *call, json_t *list, const char *id, char **statuses, GError **error)
{
	g_autoptr(Device) device = NULL;

	if (!device_find(call_transaction(call), call_tenant(call), id, &device, error))
		return FALSE;
	if (!device || (*statuses && !g_strv_contains((const char *const *)statuses,
					     device_status_name(device->status))))
		return TRUE;
	if (!device_read_sets(call_transaction(call), device, error))
		return FALSE;
	json_array_append_new(list, device_json(call_app(call), device));
	return TRUE;
}

enum { IDS_MAX = 1000 };

/* Asked for by id: each is looked up, in the order asked. */
static gboolean answer_ids(
	Call *call, char **ids, char **statuses, const Paging *paging, GError **error)
{
	g_autoptr(json_t) found = json_array();
	json_t *page = json_array();
	gint64 from = (paging->page - 1) * paging->per_page;
	json_t *device;
	size_t i;

	call_own(call, page, (GDestroyNotify)json_decref);
	if (g_strv_length(ids) > IDS_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "id: more than %d", IDS_MAX);
		return FALSE;
	}
	for (; *ids; ids++)
		if (!append_by_id(call, found, *ids, statuses, error))
			return FALSE;
	json_array_foreach (found, i, device)
		if ((gint64)i >= from && (gint64)i < from + paging->per_page)
			json_array_append(page, device);
	call_set_paging(call, paging, -1, (gint64)json_array_size(found) > from + paging->per_page);
	call_set_json(call, json_incref(page));
	return TRUE;
}

static gboolean answer_devices(Call *call, char **ids, char **statuses, GError **error)
{
	g_autoptr(GPtrArray) devices = NULL;
	g_autoptr(json_t) list = json_array();
	Paging paging;

	if (!call_paging(call, &paging, error) || !check_statuses(statuses, error))
		return FALSE;
	if (*ids)
		return answer_ids(call, ids, statuses, &paging, error);
	devices = devices_page(call_transaction(call), call_tenant(call), statuses,
		paging.per_page + 1, (paging.page - 1) * paging.per_page, error);
	if (!devices)
		return FALSE;
	for (guint i = 0; i < MIN(devices->len, paging.per_page); i++)
		json_array_append_new(list, device_json(call_app(call), devices->pdata[i]));
	call_set_paging(call, &paging, -1, devices->len > paging.per_page);
	call_set_json(call, g_steal_pointer(&list));
	return TRUE;
}

static gboolean list_devices(Call *call, GError **error)
{
	g_auto(GStrv) ids = call_query_all(call, "id");
	g_auto(GStrv) statuses = call_query_all(call, "status");

	return answer_devices(call, ids, statuses, error);
}

/* A text or a list of texts. */
static char **texts_of(const json_t *value, const char *name, GError **error)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	json_t *item;
	size_t i;

	if (value && !json_is_string(value) && !json_is_array(value)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: neither a text nor a list",
			name);
		return NULL;
	}
	if (json_is_string(value))
		g_ptr_array_add(texts, g_strdup(json_string_value(value)));
	json_array_foreach (value, i, item) {
		if (!json_is_string(item)) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s[%zu]: not a text",
				name, i);
			return NULL;
		}
		g_ptr_array_add(texts, g_strdup(json_string_value(item)));
	}
	g_ptr_array_add(texts, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&texts), FALSE);
}

typedef struct {
	json_t *status, *id;
} Search;

static const JsonField search_fields[] = {
	JSON_FIELD(Search, status, JSON_VALUE, OPTIONAL),
	JSON_FIELD(Search, id, JSON_VALUE, OPTIONAL),
	{ 0 },
};
static const JsonRecord search_record = { sizeof(Search), search_fields };

static gboolean search_devices(Call *call, GError **error)
{
	const Search *search = call_body(call);
	g_auto(GStrv) ids = texts_of(search->id, "id", error);
	g_auto(GStrv) statuses = ids ? texts_of(search->status, "status", error) : NULL;

	return statuses && answer_devices(call, ids, statuses, error);
}

static gboolean get_device(Call *call, GError **error)
{
	g_autoptr(Device) device = find_device(call, error);

	if (!device)
		return FALSE;
	call_set_json(call, device_json(call_app(call), device));
	return TRUE;
}

static gboolean count_devices(Call *call, GError **error)
{
	const char *name = call_query(call, "status");
	Hot *hot = app_hot(call_app(call));
	DeviceStatus wanted = N_DEVICE_STATUSES;
	gint64 n = 0;

	if (name && !device_status_from_name(name, &wanted)) {
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_INVALID, "status: \"%.64s\" is none", name);
		return FALSE;
	}
	for (DeviceStatus status = 0; status < DEVICE_GONE; status++)
		if (!name || status == wanted)
			n += hot_count(hot, call_tenant(call), status);
	call_set_json(call, json_pack("{s:I}", "count", (json_int_t)n));
	return TRUE;
}

static gboolean get_limit(Call *call, GError **error)
{
	gint64 limit;

	if (!device_limit_read(call_transaction(call), call_tenant(call), &limit, error))
		return FALSE;
	call_set_json(call, json_pack("{s:I}", "limit", (json_int_t)limit));
	return TRUE;
}

/* --- Preauthorising --- */

typedef struct {
	json_t *identity_data;
	char *pubkey;
	gboolean force;
} Preauthorisation;

static const JsonField preauthorisation_fields[] = {
	JSON_FIELD(Preauthorisation, identity_data, JSON_VALUE, REQUIRED),
	JSON_FIELD(Preauthorisation, pubkey, JSON_TEXT, REQUIRED, 64 * 1024),
	JSON_FIELD(Preauthorisation, force, JSON_BOOL, OPTIONAL),
	{ 0 },
};
static const JsonRecord preauthorisation_record = { sizeof(Preauthorisation),
	preauthorisation_fields };

static gboolean force_preauthorised(Call *call, Device *device, const char *pubkey, GError **error)
{
	Transaction *transaction = call_transaction(call);
	const AuthSet *set = device_set_with_key(device, pubkey);

	if (set && !auth_set_update(transaction, device, set->id, DEVICE_PREAUTHORIZED, error))
		return FALSE;
	if (!set && !auth_set_insert(transaction, device, pubkey, DEVICE_PREAUTHORIZED, error))
		return FALSE;
	return device_settle(call_app(call), transaction, device, error);
}

static gboolean refuse_known(Call *call, const Device *device, GError **error)
{
	call_set_error_json(call, device_json(call_app(call), device));
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "device already exists");
	return FALSE;
}

static gboolean preauthorise(Call *call, GError **error)
{
	const Preauthorisation *body = call_body(call);
	Transaction *transaction = call_transaction(call);
	g_autofree char *identity = identity_normalise(body->identity_data, error);
	g_autofree char *pubkey = identity ? pubkey_normalise(body->pubkey, error) : NULL;
	g_autoptr(Device) device = NULL;

	if (!pubkey ||
		!device_find_identity(transaction, call_tenant(call), identity, &device, error))
		return FALSE;
	if (device) {
		if (!device_read_sets(transaction, device, error))
			return FALSE;
		if (!body->force)
			return refuse_known(call, device, error);
		if (!force_preauthorised(call, device, pubkey, error))
			return FALSE;
	} else {
		device = device_create(call_app(call), transaction, call_tenant(call), identity,
			pubkey, DEVICE_PREAUTHORIZED, error);
		if (!device)
			return FALSE;
	}
	call_set_status(call, 201);
	call_set_header(call, "Location", call_strdup_printf(call, "devices/%s", device->id));
	call_audit(call, "device", device->id, audit_details(device));
	return TRUE;
}

/* --- Deciding --- */

static AuthSet *find_set(Call *call, Device *device, GError **error)
{
	AuthSet *set = device_set_with_id(device, call_parameter(call, "aid"));

	if (!set)
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such auth set");
	return set;
}

static gboolean get_set_status(Call *call, GError **error)
{
	g_autoptr(Device) device = find_device(call, error);
	const AuthSet *set = device ? find_set(call, device, error) : NULL;

	if (!set)
		return FALSE;
	call_set_json(call, json_pack("{s:s}", "status", device_status_name(set->status)));
	return TRUE;
}

typedef struct {
	char *status;
} StatusBody;

static const JsonField status_fields[] = {
	JSON_FIELD(StatusBody, status, JSON_TEXT, REQUIRED, 32),
	{ 0 },
};
static const JsonRecord status_record = { sizeof(StatusBody), status_fields };

/* What the audit log calls a move to a status. */
static const char *const move_actions[N_DEVICE_STATUSES] = {
	[DEVICE_ACCEPTED] = "accept",
	[DEVICE_REJECTED] = "reject",
	[DEVICE_PENDING] = "reset",
};

static gboolean put_set_status(Call *call, GError **error)
{
	const StatusBody *body = call_body(call);
	g_autoptr(Device) device = NULL;
	DeviceStatus status, before;
	AuthSet *set;

	if (!device_status_from_name(body->status, &status) || !move_actions[status]) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"status: must be accepted, rejected or pending");
		return FALSE;
	}
	device = find_device(call, error);
	set = device ? find_set(call, device, error) : NULL;
	if (!set)
		return FALSE;
	before = set->status;
	if (!device_move_set(call_app(call), call_transaction(call), device, set, status, error))
		return FALSE;
	if (before == status)
		return TRUE;
	call_audit_action(call, move_actions[status]);
	call_audit(call, "device", device->id, audit_details(device));
	return TRUE;
}

/* The last, preauthorized, set takes its device along: nobody has seen it. */
static gboolean delete_set(Call *call, GError **error)
{
	g_autoptr(Device) device = find_device(call, error);
	const AuthSet *set = device ? find_set(call, device, error) : NULL;

	if (!set)
		return FALSE;
	call_audit(call, "device", device->id, audit_details(device));
	if (set->status == DEVICE_PREAUTHORIZED && device->auth_sets->len == 1)
		return device_decommission(call_app(call), call_transaction(call), device, error);
	return auth_set_remove(call_transaction(call), device, set->id, error) &&
	       device_settle(call_app(call), call_transaction(call), device, error);
}

static gboolean decommission(Call *call, GError **error)
{
	g_autoptr(Device) device = find_device(call, error);

	if (!device || !device_decommission(call_app(call), call_transaction(call), device, error))
		return FALSE;
	call_audit(call, "device", device->id, audit_details(device));
	return TRUE;
}

static gboolean set_owner(Call *call, const char *set_id, char **ret_device, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(call_transaction(call), error,
		QUERY_AUTH_SET_DEVICE, DB_TEXT, call_tenant(call), DB_TEXT, set_id, DB_END);
	g_autoptr(GError) failure = NULL;

	if (!rows)
		return FALSE;
	if (rows_next(rows, &failure)) {
		*ret_device = call_strdup(call, rows_text(rows, 0));
		return TRUE;
	}
	if (failure)
		g_propagate_error(error, g_steal_pointer(&failure));
	else
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such token");
	return FALSE;
}

/* A device token's id is that of its auth set. */
static gboolean delete_token(Call *call, GError **error)
{
	const char *id = call_parameter(call, "id");
	g_autoptr(Device) device = NULL;
	char *device_id = NULL;

	if (!set_owner(call, id, &device_id, error))
		return FALSE;
	device = device_get(call_transaction(call), call_tenant(call), device_id, error);
	if (!device || !device_end_tokens(call_app(call), call_transaction(call), device, error))
		return FALSE;
	call_audit(call, "device", device->id, audit_details(device));
	return TRUE;
}

#define DEVAUTH "/api/management/v2/devauth"
enum { BODY_MAX = 1024 * 1024 };

const Route auth_routes[] = {
	{ HTTP_GET, DEVAUTH "/devices", CALLER_USER, "devices.read", RUN_READ, NULL, 0, NULL,
		list_devices },
	{ HTTP_POST, DEVAUTH "/devices", CALLER_USER, "devices.write", RUN_WRITE, "preauthorize",
		BODY_MAX, &preauthorisation_record, preauthorise },
	{ HTTP_POST, DEVAUTH "/devices/search", CALLER_USER, "devices.read", RUN_READ, NULL,
		BODY_MAX, &search_record, search_devices },
	{ HTTP_GET, DEVAUTH "/devices/count", CALLER_USER, "devices.read", RUN_LOOP, NULL, 0, NULL,
		count_devices },
	{ HTTP_GET, DEVAUTH "/devices/{id}", CALLER_USER, "devices.read", RUN_READ, NULL, 0, NULL,
		get_device },
	{ HTTP_DELETE, DEVAUTH "/devices/{id}", CALLER_USER, "devices.write", RUN_WRITE,
		"decommission", 0, NULL, decommission },
	{ HTTP_DELETE, DEVAUTH "/devices/{id}/auth/{aid}", CALLER_USER, "devices.write", RUN_WRITE,
		"delete_auth_set", 0, NULL, delete_set },
	{ HTTP_GET, DEVAUTH "/devices/{id}/auth/{aid}/status", CALLER_USER, "devices.read",
		RUN_READ, NULL, 0, NULL, get_set_status },
	{ HTTP_PUT, DEVAUTH "/devices/{id}/auth/{aid}/status", CALLER_USER, "devices.write",
		RUN_WRITE, "accept", BODY_MAX, &status_record, put_set_status },
	{ HTTP_DELETE, DEVAUTH "/tokens/{id}", CALLER_USER, "devices.write", RUN_WRITE,
		"revoke_token", 0, NULL, delete_token },
	{ HTTP_GET, DEVAUTH "/limits/max_devices", CALLER_USER, "devices.read", RUN_READ, NULL, 0,
		NULL, get_limit },
	{ 0 },
};
