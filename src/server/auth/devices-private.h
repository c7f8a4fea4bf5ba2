/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/auth/devices.h"

/* Shared by the files of this folder alone. */

enum {
	IDENTITY_HASH_SIZE = 65, /* hex and its end */
	IDENTITY_MEMBERS_MAX = 100,
	KEYS_WAITING_MAX = 20, /* of one device: anybody may show a key for an identity he knows */
};

typedef struct {
	char *id;
	char *pubkey; /* PEM, normal form */
	DeviceStatus status;
	gint64 created_us;
} AuthSet;

typedef struct {
	char *tenant, *id;
	guint32 row;
	char *identity; /* canonical JSON text */
	DeviceStatus status;
	guint32 epoch;
	gint64 created_us, updated_us, check_in_us;
	GPtrArray *auth_sets; /* of AuthSet *; NULL until read */
} Device;

void device_free(Device *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Device, device_free)

/* --- store.c --- */
/* *@ret_device NULL: there is none. Without auth sets. */
gboolean device_find(Transaction *transaction, const char *tenant, const char *id,
	Device **ret_device, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean device_find_identity(Transaction *transaction, const char *tenant, const char *identity,
	Device **ret_device, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* As device_find(), but a missing one is ROTA_ERROR_NOT_FOUND; with auth sets. */
Device *device_get(Transaction *transaction, const char *tenant, const char *id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Reads the auth sets (again). */
gboolean device_read_sets(
	Transaction *transaction, Device *device, GError **error) G_GNUC_WARN_UNUSED_RESULT;
AuthSet *device_set_with_key(const Device *device, const char *pubkey);
AuthSet *device_set_with_id(const Device *device, const char *id);
AuthSet *device_accepted_set(const Device *device); /* NULL = none */

/* Which devices a list shows. @statuses: NULL-terminated, empty = all. */
GPtrArray *devices_page(Transaction *transaction, const char *tenant, char **statuses, gint64 limit,
	gint64 offset, GError **error) G_GNUC_WARN_UNUSED_RESULT; /* of Device *, with auth sets */

gboolean device_insert(
	Transaction *transaction, Device *device, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean device_update(
	Transaction *transaction, const Device *device, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean device_remove(
	Transaction *transaction, const Device *device, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean auth_set_insert(Transaction *transaction, const Device *device, const char *pubkey,
	DeviceStatus status, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean auth_set_update(Transaction *transaction, const Device *device, const char *id,
	DeviceStatus status, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean auth_set_remove(Transaction *transaction, const Device *device, const char *id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* ROTA_ERROR_UNPROCESSABLE where one more accepted device would be too many. */
gboolean device_limit_check(
	Transaction *transaction, const char *tenant, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean device_limit_read(Transaction *transaction, const char *tenant, gint64 *ret_limit,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- devices.c: the rules --- */
/* A new device with one auth set. (transfer full) */
Device *device_create(App *app, Transaction *transaction, const char *tenant, const char *identity,
	const char *pubkey, DeviceStatus status, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The auth sets in the store have changed: gives the device the status of its best one, ends the
 * tokens of a set that is accepted no more, tells the other domains, and has memory follow the
 * commit. */
gboolean device_settle(App *app, Transaction *transaction, Device *device,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Moves one auth set as the transitions allow; accepting one rejects the accepted other. */
gboolean device_move_set(App *app, Transaction *transaction, Device *device, AuthSet *set,
	DeviceStatus status, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean device_accept_set(App *app, Transaction *transaction, Device *device, const AuthSet *set,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean device_decommission(App *app, Transaction *transaction, Device *device,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Ends all tokens of the device; it may ask for a new one. */
gboolean device_end_tokens(App *app, Transaction *transaction, Device *device,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): the identity's canonical text; ROTA_ERROR_INVALID for anything but an object
 * with members. */
char *identity_normalise(json_t *identity, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full): the key's normal form; ROTA_ERROR_INVALID. */
char *pubkey_normalise(const char *pem, GError **error) G_GNUC_WARN_UNUSED_RESULT;

json_t *device_json(App *app, const Device *device);
