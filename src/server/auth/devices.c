/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "crypto/key.h"
#include "server/auth/devices-private.h"

/* The rules of device authentication. Whatever changes the auth sets of a device ends in
 * device_settle(): one place decides the status, ends tokens, tells the others. */

enum { LISTENERS_MAX = 8 };

struct Devices {
	DeviceListener listeners[LISTENERS_MAX];
	guint n_listeners;
};

Devices *devices_new(void)
{
	return g_new0(Devices, 1);
}

void devices_free(Devices *devices)
{
	g_free(devices);
}

void devices_add_listener(App *app, DeviceListener listener)
{
	Devices *devices = app_devices(app);

	g_assert(devices->n_listeners < LISTENERS_MAX);
	devices->listeners[devices->n_listeners++] = listener;
}

/* --- Normal forms --- */

char *identity_normalise(json_t *identity, GError **error)
{
	if (!json_is_object(identity) || json_object_size(identity) == 0) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"the identity is not a JSON object with members");
		return NULL;
	}
	if (json_object_size(identity) > IDENTITY_MEMBERS_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"the identity has more than %d members", IDENTITY_MEMBERS_MAX);
		return NULL;
	}
	return json_to_canonical_text(identity);
}

char *pubkey_normalise(const char *pem, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(Key) key = key_parse_public(pem, strlen(pem), &failure);

	if (key)
		return key_public_pem(key);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "pubkey: %s", failure->message);
	return NULL;
}

/* --- Settling --- */

static gboolean tell(App *app, Transaction *transaction, const Device *device, DeviceStatus before,
	DeviceStatus after, GError **error)
{
	const Devices *devices = app_devices(app);
	g_autoptr(json_t) identity =
		json_parse_strict(device->identity, strlen(device->identity), error);
	DeviceChange change = {
		.tenant = device->tenant,
		.device = device->id,
		.row = device->row,
		.before = before,
		.after = after,
		.identity = identity,
		.time_us = device->updated_us,
	};

	if (!identity)
		return FALSE;
	for (guint i = 0; i < devices->n_listeners; i++)
		if (!devices->listeners[i](app, transaction, &change, error))
			return FALSE;
	return TRUE;
}

static void follow(App *app, Transaction *transaction, const Device *device, DeviceStatus status)
{
	Hot *hot = app_hot(app);
	const AuthSet *accepted = status == DEVICE_GONE ? NULL : device_accepted_set(device);
	HotDevice state = {
		.row = device->row,
		.tenant = hot_tenant_number(hot, device->tenant),
		.epoch = device->epoch,
		.last_contact_s = (guint32)(device->check_in_us / G_USEC_PER_SEC),
		.status = status,
	};

	if (!uuid_parse(device->id, &state.id) ||
		(accepted && !uuid_parse(accepted->id, &state.auth_set)))
		g_critical("device %s: its ids are not UUIDs", device->id);
	hot_put_on_commit(hot, transaction, &state);
}

static DeviceStatus best_status(const Device *device)
{
	DeviceStatus best = DEVICE_NOAUTH;

	for (guint i = 0; i < device->auth_sets->len; i++)
		best = MIN(best, ((AuthSet *)device->auth_sets->pdata[i])->status);
	return best;
}

gboolean device_settle(App *app, Transaction *transaction, Device *device, GError **error)
{
	const AuthSet *accepted = device->auth_sets ? device_accepted_set(device) : NULL;
	g_autofree char *accepted_before = accepted ? g_strdup(accepted->id) : NULL;
	DeviceStatus before = device->status;

	if (!device_read_sets(transaction, device, error))
		return FALSE;
	accepted = device_accepted_set(device);
	if (accepted_before && g_strcmp0(accepted_before, accepted ? accepted->id : NULL) != 0)
		device->epoch++;
	device->status = best_status(device);
	device->updated_us = clock_now_us();
	if (!device_update(transaction, device, error))
		return FALSE;
	if (before != device->status &&
		!tell(app, transaction, device, before, device->status, error))
		return FALSE;
	follow(app, transaction, device, device->status);
	return TRUE;
}

Device *device_create(App *app, Transaction *transaction, const char *tenant, const char *identity,
	const char *pubkey, DeviceStatus status, GError **error)
{
	g_autoptr(Device) device = g_new0(Device, 1);

	device->tenant = g_strdup(tenant);
	device->identity = g_strdup(identity);
	device->status = status;
	if (!device_insert(transaction, device, error) ||
		!auth_set_insert(transaction, device, pubkey, status, error) ||
		!device_read_sets(transaction, device, error) ||
		!tell(app, transaction, device, DEVICE_GONE, status, error))
		return NULL;
	follow(app, transaction, device, status);
	return g_steal_pointer(&device);
}

/* --- Moves --- */

gboolean device_accept_set(
	App *app, Transaction *transaction, Device *device, const AuthSet *set, GError **error)
{
	const AuthSet *other = device_accepted_set(device);

	if (!other && !device_limit_check(transaction, device->tenant, error))
		return FALSE;
	if (other && other != set &&
		!auth_set_update(transaction, device, other->id, DEVICE_REJECTED, error))
		return FALSE;
	return auth_set_update(transaction, device, set->id, DEVICE_ACCEPTED, error) &&
	       device_settle(app, transaction, device, error);
}

/* What a user may ask for: a preauthorized set is used up by its device, or deleted, never moved.
 */
static const gboolean transitions[N_DEVICE_STATUSES][N_DEVICE_STATUSES] = {
	[DEVICE_PENDING] = { [DEVICE_ACCEPTED] = TRUE, [DEVICE_REJECTED] = TRUE },
	[DEVICE_REJECTED] = { [DEVICE_ACCEPTED] = TRUE, [DEVICE_PENDING] = TRUE },
	[DEVICE_ACCEPTED] = { [DEVICE_REJECTED] = TRUE, [DEVICE_PENDING] = TRUE },
};

gboolean device_move_set(App *app, Transaction *transaction, Device *device, AuthSet *set,
	DeviceStatus status, GError **error)
{
	if (set->status == status && status != DEVICE_PREAUTHORIZED)
		return TRUE;
	if (!transitions[set->status][status]) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"an auth set cannot go from %s to %s", device_status_name(set->status),
			device_status_name(status));
		return FALSE;
	}
	if (status == DEVICE_ACCEPTED)
		return device_accept_set(app, transaction, device, set, error);
	return auth_set_update(transaction, device, set->id, status, error) &&
	       device_settle(app, transaction, device, error);
}

gboolean device_decommission(App *app, Transaction *transaction, Device *device, GError **error)
{
	device->updated_us = clock_now_us();
	if (!tell(app, transaction, device, device->status, DEVICE_GONE, error) ||
		!device_remove(transaction, device, error))
		return FALSE;
	follow(app, transaction, device, DEVICE_GONE);
	return TRUE;
}

gboolean device_end_tokens(App *app, Transaction *transaction, Device *device, GError **error)
{
	device->epoch++;
	return device_settle(app, transaction, device, error);
}

/* --- On the wire --- */

static void set_time(json_t *object, const char *name, gint64 time_us)
{
	g_autofree char *text = clock_format_rfc3339(time_us);

	json_object_set_new(object, name, json_string(text));
}

static json_t *auth_set_json(const AuthSet *set, json_t *identity)
{
	json_t *object = json_pack("{s:s, s:O, s:s, s:s}", "id", set->id, "identity_data", identity,
		"pubkey", set->pubkey, "status", device_status_name(set->status));

	set_time(object, "ts", set->created_us);
	return object;
}

/* The last contact in memory is newer than the stored one. */
static gint64 last_contact_us(App *app, const Device *device)
{
	HotDevice state;

	if (hot_find_row(app_hot(app), device->row, &state) && state.last_contact_s)
		return state.last_contact_s * (gint64)G_USEC_PER_SEC;
	return device->check_in_us;
}

json_t *device_json(App *app, const Device *device)
{
	g_autoptr(json_t) identity = json_loads(device->identity, 0, NULL);
	gint64 contact_us = last_contact_us(app, device);
	json_t *sets = json_array();
	json_t *object = json_pack("{s:s, s:O, s:s, s:b}", "id", device->id, "identity_data",
		identity, "status", device_status_name(device->status), "decommissioning", 0);

	for (guint i = 0; i < device->auth_sets->len; i++)
		json_array_append_new(sets, auth_set_json(device->auth_sets->pdata[i], identity));
	set_time(object, "created_ts", device->created_us);
	set_time(object, "updated_ts", device->updated_us);
	if (contact_us)
		set_time(object, "check_in_time", contact_us);
	json_object_set_new(object, "auth_sets", sets);
	return object;
}
