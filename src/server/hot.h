/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "crypto/digest.h"
#include "server/app.h"
#include "server/database.h"

/* Device state in memory: what each call of a device needs, so that an idle poll touches no store.
 *
 * Everything here can be derived from the store: it is read at start and follows commits through
 * transaction_on_commit(), never before they are durable. The one thing that runs ahead of the
 * store is the last contact, written behind within HOT_CONTACT_DELAY_S. Any thread may call any
 * function.
 *
 * A device has a row number, given once for all tenants and never given again: domains keep sets of
 * devices as bitmaps over it. */

enum {
	HOT_CONTACT_DELAY_S = 5,
	HOT_DEVICES_MAX = 1 << 26, /* row numbers above are refused */
};

/* In the order of "best of its auth sets", best first. */
typedef enum {
	DEVICE_ACCEPTED,
	DEVICE_PREAUTHORIZED,
	DEVICE_PENDING,
	DEVICE_REJECTED,
	DEVICE_NOAUTH, /* no auth set is left */
	DEVICE_GONE,   /* decommissioned, or never was */
	N_DEVICE_STATUSES,
} DeviceStatus;

const char *device_status_name(DeviceStatus status);
gboolean device_status_from_name(
	const char *name, DeviceStatus *ret_status) G_GNUC_WARN_UNUSED_RESULT;

/* Ids are UUIDs in text outside and 16 bytes inside. */
typedef struct {
	guint8 bytes[16];
} Uuid;
gboolean uuid_parse(const char *text, Uuid *ret_uuid) G_GNUC_WARN_UNUSED_RESULT;
enum { UUID_TEXT_SIZE = 37 };
void uuid_format(const Uuid *uuid, char ret_text[UUID_TEXT_SIZE]);

typedef struct {
	guint32 row;
	Uuid id;
	Uuid auth_set;          /* the accepted one; else zeroes */
	guint32 tenant;         /* number of the tenant within this process: hot_tenant_id() */
	guint32 epoch;          /* tokens of another epoch are dead */
	guint32 last_contact_s; /* seconds since 1970; 0 = never */
	DeviceStatus status;
} HotDevice;

Hot *hot_new(void);
void hot_free(Hot *hot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hot, hot_free)

/* Reads all devices from the store; at start, before anything is served. */
gboolean hot_load(Hot *hot, Database *database, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Numbers stand for tenants' ids within this process; a new id gets a new number. */
guint32 hot_tenant_number(Hot *hot, const char *tenant_id);
const char *hot_tenant_id(Hot *hot, guint32 number); /* lives as long as @hot */

/* Adds a device or replaces what is known of it; DEVICE_GONE removes it. */
void hot_put(Hot *hot, const HotDevice *device);
/* The same once the transaction is durable. */
void hot_put_on_commit(Hot *hot, Transaction *transaction, const HotDevice *device);

gboolean hot_find(Hot *hot, const Uuid *id, HotDevice *ret_device) G_GNUC_WARN_UNUSED_RESULT;
gboolean hot_find_row(Hot *hot, guint32 row, HotDevice *ret_device) G_GNUC_WARN_UNUSED_RESULT;
/* For other domains: the row number of a tenant's device, by its id in text; FALSE: there is none.
 */
gboolean hot_device_row(Hot *hot, const char *tenant_id, const char *device_id,
	guint32 *ret_row) G_GNUC_WARN_UNUSED_RESULT;
/* And back. */
gboolean hot_device_id(
	Hot *hot, guint32 row, char ret_id[UUID_TEXT_SIZE]) G_GNUC_WARN_UNUSED_RESULT;
/* One past the highest row number in use. */
guint32 hot_rows_end(Hot *hot);
gint64 hot_count(Hot *hot, const char *tenant_id, DeviceStatus status);
gint64 hot_count_all(Hot *hot, DeviceStatus status); /* over all tenants */

/* --- Verified tokens, by the SHA-256 of their text; bound to the epoch they were made in --- */
gboolean hot_token_find(Hot *hot, const guint8 digest[SHA256_SIZE], gint64 now_s,
	HotDevice *ret_device) G_GNUC_WARN_UNUSED_RESULT;
void hot_token_remember(
	Hot *hot, const guint8 digest[SHA256_SIZE], guint32 row, guint32 epoch, gint64 expires_s);

/* --- Last contact --- */
void hot_touch(Hot *hot, guint32 row, gint64 now_s);
/* Writes what was touched behind, in the background; the last ones when stopped. */
void hot_contacts_start(Hot *hot, Database *database);
void hot_contacts_stop(Hot *hot);
