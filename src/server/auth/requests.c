/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/clock.h"
#include "base/encode.h"
#include "base/error.h"
#include "base/json.h"
#include "crypto/key.h"
#include "server/audit/audit.h"
#include "server/auth/devices-private.h"
#include "server/auth/tokens.h"
#include "server/settings.h"
#include "server/tenants/tenants.h"
#include "wire/messages.h"
#include "wire/paths.h"

/* A device asks to be let in (server-api.md 1.1 to 1.3). The signature is over the body as it came,
 * byte for byte. Who is known is answered from a reader; the writer is asked only for what is new:
 * a device, a key, or a preauthorized key that is shown for the first time. */

typedef struct {
	const char *tenant;
	char *identity; /* canonical */
	char *pubkey;   /* normal form */
} Request;

static void request_free(gpointer data)
{
	Request *request = data;

	g_free(request->identity);
	g_free(request->pubkey);
	g_free(request);
}

static gboolean check_signature(Call *call, const char *pem, GError **error)
{
	const char *text = call_header(call, HEADER_SIGNATURE);
	g_autoptr(Key) key = NULL;
	g_autoptr(GBytes) signature = NULL;
	gconstpointer body;
	gsize size;

	if (!text || !*text) {
		g_set_error_literal(
			error, ROTA_ERROR, ROTA_ERROR_INVALID, "missing request signature header");
		return FALSE;
	}
	key = key_parse_public(pem, strlen(pem), error);
	if (!key)
		return FALSE;
	signature = base64_decode_strict(text, strlen(text), NULL);
	body = g_bytes_get_data(call_body_bytes(call), &size);
	if (signature && key_verify_message(key, body, size, signature, NULL))
		return TRUE;
	g_set_error_literal(
		error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, "signature verification failed");
	return FALSE;
}

static gboolean read_request(Call *call, Request *request, GError **error)
{
	const AuthRequest *body = call_body(call);
	g_autoptr(json_t) identity = NULL;

	request->pubkey = pubkey_normalise(body->pubkey, error);
	if (!request->pubkey || !check_signature(call, request->pubkey, error))
		return FALSE;
	identity = json_parse_strict(body->id_data, strlen(body->id_data), error);
	if (!identity) {
		g_prefix_error_literal(error, "id_data: ");
		return FALSE;
	}
	request->identity = identity_normalise(identity, error);
	if (!request->identity)
		return FALSE;
	request->tenant =
		tenant_of_token(call_app(call), call_transaction(call), body->tenant_token, error);
	return request->tenant != NULL;
}

static gboolean answer_token(Call *call, const Device *device, const AuthSet *set, GError **error)
{
	DeviceToken token = {
		.device = device->id,
		.auth_set = set->id,
		.tenant = device->tenant,
		.epoch = device->epoch,
		.now_s = clock_now_us() / G_USEC_PER_SEC,
		.certificate = call_client_certificate(call),
	};
	g_autofree char *text = tokens_make_device(app_tokens(call_app(call)), &token, error);

	if (!text)
		return FALSE;
	call_set_text(call, "application/jwt", text);
	return TRUE;
}

#define NOT_LET_IN "dev auth: unauthorized"

static gboolean refuse(GError **error)
{
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, NOT_LET_IN);
	return FALSE;
}

static gboolean record(Call *call, const Device *device, const char *action, GError **error)
{
	g_autoptr(json_t) details = json_pack("{s:s}", "identity_data", device->identity);
	AuditEntry entry = {
		.tenant = device->tenant,
		.actor_type = "device",
		.actor_id = device->id,
		.action = action,
		.object_type = "device",
		.object_id = device->id,
		.details = details,
		.request_id = call_request_id(call),
		.time_us = clock_now_us(),
	};

	return audit_write(call_transaction(call), &entry, error);
}

/* Why the limit was reached is none of the device's business. */
static gboolean hide_limit(GError *failure, GError **error)
{
	if (g_error_matches(failure, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE))
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, "unauthorized");
	else
		g_propagate_error(error, g_error_copy(failure));
	return FALSE;
}

static gboolean let_in(Call *call, Device *device, const char *pubkey, GError **error)
{
	g_autoptr(GError) failure = NULL;

	if (!device_accept_set(call_app(call), call_transaction(call), device,
		    device_set_with_key(device, pubkey), &failure))
		return hide_limit(failure, error);
	return record(call, device, "accept", error) &&
	       answer_token(call, device, device_set_with_key(device, pubkey), error);
}

static gboolean check_room(Call *call, const char *tenant, GError **error)
{
	if (hot_count(app_hot(call_app(call)), tenant, DEVICE_PENDING) <
		app_settings(call_app(call))->pending_devices_max)
		return TRUE;
	g_set_error_literal(
		error, ROTA_ERROR, ROTA_ERROR_TOO_MANY, "too many devices wait for a decision");
	return FALSE;
}

static gboolean check_room_for_key(const Device *known, GError **error)
{
	guint n_waiting = 0;

	for (guint i = 0; known && i < known->auth_sets->len; i++)
		n_waiting +=
			((const AuthSet *)known->auth_sets->pdata[i])->status == DEVICE_PENDING;
	if (n_waiting < KEYS_WAITING_MAX)
		return TRUE;
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_TOO_MANY,
		"too many keys of this device wait for a decision");
	return FALSE;
}

/* The device, or the key, is new: it waits for a user's decision. */
static gboolean store_new(Call *call, const Request *request, Device *known, GError **error)
{
	Transaction *transaction = call_transaction(call);
	g_autoptr(Device) device = NULL;

	if (!check_room(call, request->tenant, error) || !check_room_for_key(known, error))
		return FALSE;
	if (known) {
		if (!auth_set_insert(transaction, known, request->pubkey, DEVICE_PENDING, error) ||
			!device_settle(call_app(call), transaction, known, error) ||
			!record(call, known, "request", error))
			return FALSE;
	} else {
		device = device_create(call_app(call), transaction, request->tenant,
			request->identity, request->pubkey, DEVICE_PENDING, error);
		if (!device || !record(call, device, "request", error))
			return FALSE;
	}
	call_set_refusal(call, ROTA_ERROR_UNAUTHORIZED, NOT_LET_IN);
	return TRUE;
}

static gboolean find_known(
	Call *call, const Request *request, Device **ret_device, AuthSet **ret_set, GError **error)
{
	*ret_set = NULL;
	if (!device_find_identity(
		    call_transaction(call), request->tenant, request->identity, ret_device, error))
		return FALSE;
	if (!*ret_device)
		return TRUE;
	if (!device_read_sets(call_transaction(call), *ret_device, error))
		return FALSE;
	*ret_set = device_set_with_key(*ret_device, request->pubkey);
	return TRUE;
}

static gboolean store_request(Call *call, GError **error)
{
	const Request *request = call_data(call);
	g_autoptr(Device) device = NULL;
	AuthSet *set;

	if (!find_known(call, request, &device, &set, error))
		return FALSE;
	if (!set)
		return store_new(call, request, device, error);
	if (set->status == DEVICE_PREAUTHORIZED)
		return let_in(call, device, request->pubkey, error);
	return set->status == DEVICE_ACCEPTED ? answer_token(call, device, set, error)
					      : refuse(error);
}

static gboolean auth_request(Call *call, GError **error)
{
	Request *request = g_new0(Request, 1);
	g_autoptr(Device) device = NULL;
	AuthSet *set;

	call_set_data(call, request, request_free);
	if (!read_request(call, request, error) || !find_known(call, request, &device, &set, error))
		return FALSE;
	if (set && set->status == DEVICE_ACCEPTED)
		return answer_token(call, device, set, error);
	if (set && set->status != DEVICE_PREAUTHORIZED)
		return refuse(error);
	return call_continue(call, RUN_WRITE, store_request);
}

const Route auth_request_routes[] = {
	{ HTTP_POST, PATH_AUTH_REQUESTS, CALLER_ANYONE, NULL, RUN_READ, NULL, WIRE_BODY_MAX,
		&auth_request_record, auth_request },
	{ 0 },
};
