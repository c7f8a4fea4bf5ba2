/* SPDX-License-Identifier: Apache-2.0 */
/* What is written about one device: its own inventory, users' tags, and what auth tells of it. */
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "server/inventory/handlers.h"
#include "server/inventory/inventory.h"
#include "server/inventory/sets.h"

static const gint64 day_us = G_GINT64_CONSTANT(24) * 60 * 60 * G_USEC_PER_SEC;

/* --- The device's own inventory --- */
typedef struct {
	GPtrArray *attributes;
	char *digest;
} Report;

static void report_free(gpointer data)
{
	Report *report = data;

	g_ptr_array_unref(report->attributes);
	g_free(report->digest);
	g_free(report);
}

static InventoryDevice *get_caller(Call *call, GError **error)
{
	return inventory_get_device(
		call_transaction(call), call_tenant(call), call_device_id(call), error);
}

static gboolean write_digest(
	Call *call, const InventoryDevice *device, const char *digest, GError **error)
{
	return transaction_run(call_transaction(call), NULL, error, QUERY_INVENTORY_DEVICE_DIGEST,
		DB_TEXT, call_tenant(call), DB_TEXT, device->id, DB_TEXT, digest, DB_INT,
		clock_now_us(), DB_END);
}

/* RUN_WRITE */
static gboolean write_report(Call *call, GError **error)
{
	const Report *report = call_data(call);
	g_autoptr(InventoryDevice) device = get_caller(call, error);
	gboolean changed;

	if (device == NULL ||
		!inventory_write(call_transaction(call), call_tenant(call), device, SCOPE_INVENTORY,
			report->attributes, WRITE_REPLACE, ATTRIBUTES_MAX, &changed, error))
		return FALSE;
	call_set_status(call, 200);
	return write_digest(call, device, report->digest, error);
}

/* An equal report is not written again, but once a day, so that the time of the last one moves. */
static gboolean is_known(const InventoryDevice *device, const Report *report)
{
	return g_strcmp0(device->attributes_digest, report->digest) == 0 &&
	       device->updated_us / day_us == clock_now_us() / day_us;
}

gboolean replace_inventory(Call *call, GError **error)
{
	const json_t *body = call_body_json(call, error);
	g_autoptr(InventoryDevice) device = NULL;
	GPtrArray *attributes =
		body != NULL ? attributes_read(body, SCOPE_INVENTORY, ATTRIBUTES_MAX, error) : NULL;
	Report *report;

	if (attributes == NULL)
		return FALSE;
	report = g_new0(Report, 1);
	report->attributes = attributes;
	report->digest = attributes_digest(attributes);
	call_set_data(call, report, report_free);
	device = get_caller(call, error);
	if (device == NULL)
		return FALSE;
	if (!is_known(device, report))
		return call_continue(call, RUN_WRITE, write_report);
	call_set_status(call, 200);
	return TRUE;
}

gboolean merge_inventory(Call *call, GError **error)
{
	const json_t *body = call_body_json(call, error);
	g_autoptr(GPtrArray) attributes =
		body != NULL ? attributes_read(body, SCOPE_INVENTORY, ATTRIBUTES_MAX, error) : NULL;
	g_autoptr(InventoryDevice) device = attributes != NULL ? get_caller(call, error) : NULL;
	gboolean changed;

	if (device == NULL ||
		!inventory_write(call_transaction(call), call_tenant(call), device, SCOPE_INVENTORY,
			attributes, WRITE_MERGE, ATTRIBUTES_MAX, &changed, error))
		return FALSE;
	call_set_status(call, 200);
	/* The last whole report no longer tells what is stored. */
	return !changed || write_digest(call, device, NULL, error);
}

gboolean clear_inventory(Call *call, GError **error)
{
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	g_autoptr(InventoryDevice) device = inventory_get_device(
		call_transaction(call), call_tenant(call), call_parameter(call, "id"), error);
	gboolean changed;

	if (device == NULL ||
		!inventory_write(call_transaction(call), call_tenant(call), device, SCOPE_INVENTORY,
			none, WRITE_REPLACE, ATTRIBUTES_MAX, &changed, error))
		return FALSE;
	call_audit(call, "device", device->id, json_pack("{s:s}", "cleared", SCOPE_INVENTORY));
	return write_digest(call, device, NULL, error);
}

/* --- Tags --- */

/* If-Match names the tags the caller has seen, with or without quotes. */
static gboolean check_version(const Call *call, const InventoryDevice *device, GError **error)
{
	const char *condition = call_header(call, "If-Match");
	g_autofree char *bare = NULL;

	if (condition == NULL)
		return TRUE;
	bare = g_strdup(condition);
	g_strdelimit(bare, "\"", ' ');
	if (g_strcmp0(g_strstrip(bare), device->tags_version) == 0)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_PRECONDITION, "tags have changed meanwhile");
	return FALSE;
}

static gboolean store_tags(Call *call, const InventoryDevice *device, const GPtrArray *tags,
	WriteMode mode, GError **error)
{
	Transaction *transaction = call_transaction(call);
	g_autofree char *version = g_uuid_string_random();
	gboolean changed;

	if (!inventory_write(transaction, call_tenant(call), device, SCOPE_TAGS, tags, mode,
		    TAGS_MAX, &changed, error))
		return FALSE;
	call_set_status(call, 200);
	if (!changed)
		return TRUE;
	call_audit(
		call, "device", device->id, json_pack("{s:O}", "tags", call_body_json(call, NULL)));
	return transaction_run(transaction, NULL, error, QUERY_INVENTORY_DEVICE_TAGS_VERSION,
		DB_TEXT, call_tenant(call), DB_TEXT, device->id, DB_TEXT, version, DB_INT,
		clock_now_us(), DB_END);
}

static gboolean write_tags(Call *call, WriteMode mode, GError **error)
{
	const json_t *body = call_body_json(call, error);
	g_autoptr(GPtrArray) tags =
		body != NULL ? attributes_read(body, SCOPE_TAGS, TAGS_MAX, error) : NULL;
	g_autoptr(InventoryDevice) device = NULL;

	if (tags == NULL)
		return FALSE;
	device = inventory_get_device(
		call_transaction(call), call_tenant(call), call_parameter(call, "id"), error);
	return device != NULL && check_version(call, device, error) &&
	       store_tags(call, device, tags, mode, error);
}

gboolean replace_tags(Call *call, GError **error)
{
	return write_tags(call, WRITE_REPLACE, error);
}

gboolean merge_tags(Call *call, GError **error)
{
	return write_tags(call, WRITE_MERGE, error);
}

/* --- What auth tells --- */

/* Identity data may be any JSON; what is neither text nor number nor a list is kept as JSON text,
 * and so are lists beyond what one report may hold: it is a stranger who says them. */
static GPtrArray *identity_attributes(json_t *identity)
{
	GPtrArray *attributes = g_ptr_array_new_with_free_func((GDestroyNotify)attribute_free);
	gsize n_values = 0;
	const char *key;
	json_t *value;

	json_object_foreach (identity, key, value) {
		Attribute *attribute;

		if (g_str_equal(key, "status") || *key == '\0' ||
			strlen(key) > ATTRIBUTE_NAME_SIZE_MAX)
			continue;
		attribute = attribute_new(SCOPE_IDENTITY, key);
		if (n_values + json_array_size(value) <= ATTRIBUTE_VALUES_MAX &&
			attribute_take_json(attribute, value)) {
			n_values += attribute->values->len;
		} else {
			g_autofree char *text = json_to_canonical_text(value);

			attribute_free(attribute);
			attribute = attribute_new(SCOPE_IDENTITY, key);
			attribute_add_text(attribute, text);
		}
		g_ptr_array_add(attributes, attribute);
	}
	return attributes;
}

static gboolean add_device(Transaction *transaction, const DeviceChange *change, GError **error)
{
	g_autoptr(json_t) copy = json_deep_copy(change->identity);
	g_autoptr(GPtrArray) identity = identity_attributes(copy);
	g_autoptr(InventoryDevice) device = NULL;
	gboolean changed;

	if (!transaction_run(transaction, NULL, error, QUERY_INVENTORY_DEVICE_ADD, DB_TEXT,
		    change->tenant, DB_TEXT, change->device, DB_INT, (gint64)change->row, DB_TEXT,
		    device_status_name(change->after), DB_INT, change->time_us, DB_END))
		return FALSE;
	device = inventory_get_device(transaction, change->tenant, change->device, error);
	return device != NULL &&
	       inventory_write(transaction, change->tenant, device, SCOPE_IDENTITY, identity,
		       WRITE_REPLACE, G_MAXUINT, &changed, error);
}

static gboolean forget_names(
	Transaction *transaction, const char *tenant, const GPtrArray *attributes, GError **error)
{
	for (guint i = 0; i < attributes->len; i++)
		if (!inventory_forget_name(
			    transaction, tenant, g_ptr_array_index(attributes, i), error))
			return FALSE;
	return TRUE;
}

static gboolean remove_device(Transaction *transaction, const DeviceChange *change, GError **error)
{
	g_autoptr(GPtrArray) attributes =
		inventory_attributes(transaction, change->tenant, change->row, NULL, error);

	return attributes != NULL &&
	       transaction_run(transaction, NULL, error, QUERY_INVENTORY_VALUES_REMOVE, DB_TEXT,
		       change->tenant, DB_TEXT, change->device, DB_END) &&
	       forget_names(transaction, change->tenant, attributes, error) &&
	       transaction_run(transaction, NULL, error, QUERY_INVENTORY_DEVICE_REMOVE, DB_TEXT,
		       change->tenant, DB_TEXT, change->device, DB_END);
}

static gboolean store_change(Transaction *transaction, const DeviceChange *change, GError **error)
{
	if (change->before == DEVICE_GONE)
		return add_device(transaction, change, error);
	if (change->after == DEVICE_GONE)
		return remove_device(transaction, change, error);
	return transaction_run(transaction, NULL, error, QUERY_INVENTORY_DEVICE_STATUS, DB_TEXT,
		change->tenant, DB_TEXT, change->device, DB_TEXT, device_status_name(change->after),
		DB_END);
}

gboolean inventory_device_changed(
	App *app, Transaction *transaction, const DeviceChange *change, GError **error)
{
	DeviceSetChange set = { change->tenant, change->row, change->after, NULL, NULL };
	g_autoptr(InventoryDevice) before = NULL;

	if (change->before != DEVICE_GONE) {
		before = inventory_get_device(transaction, change->tenant, change->device, error);
		if (before == NULL)
			return FALSE;
		set.group_before = set.group_after = before->group;
	}
	if (!store_change(transaction, change, error))
		return FALSE;
	device_sets_put_on_commit(app_device_sets(app), transaction, &set);
	return TRUE;
}
