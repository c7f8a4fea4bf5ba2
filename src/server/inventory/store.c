/* SPDX-License-Identifier: Apache-2.0 */
#include "server/inventory/store.h"

#include <string.h>
#include "base/error.h"
#include "server/rows.h"

enum {
	POSITION_SINGLE = -1,
	POSITION_EMPTY_LIST = -2,
};

void inventory_device_free(InventoryDevice *device)
{
	if (device == NULL)
		return;
	g_free(device->id);
	g_free(device->status);
	g_free(device->group);
	g_free(device->attributes_digest);
	g_free(device->tags_version);
	g_free(device);
}

static InventoryDevice *read_device(Rows *rows)
{
	InventoryDevice *device = g_new0(InventoryDevice, 1);

	device->id = g_strdup(rows_text(rows, 0));
	device->number = (guint32)rows_int(rows, 1);
	device->status = g_strdup(rows_text(rows, 2));
	device->group = g_strdup(rows_text(rows, 3));
	device->attributes_digest = g_strdup(rows_text(rows, 4));
	device->tags_version = g_strdup(rows_text(rows, 5));
	device->created_us = rows_int(rows, 6);
	device->updated_us = rows_int(rows, 7);
	return device;
}

/* Takes @rows. */
static InventoryDevice *read_one_device(Rows *taken, GError **error)
{
	g_autoptr(Rows) rows = taken;
	g_autoptr(GError) failure = NULL;

	if (rows == NULL)
		return NULL;
	if (rows_next(rows, &failure))
		return read_device(rows);
	if (failure != NULL)
		g_propagate_error(error, g_steal_pointer(&failure));
	else
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such device");
	return NULL;
}

InventoryDevice *inventory_get_device(
	Transaction *transaction, const char *tenant, const char *id, GError **error)
{
	return read_one_device(transaction_query(transaction, error, QUERY_INVENTORY_DEVICE_BY_ID,
				       DB_TEXT, tenant, DB_TEXT, id, DB_END),
		error);
}

InventoryDevice *inventory_get_numbered(
	Transaction *transaction, const char *tenant, guint32 number, GError **error)
{
	return read_one_device(
		transaction_query(transaction, error, QUERY_INVENTORY_DEVICE_BY_NUMBER, DB_TEXT,
			tenant, DB_INT, (gint64)number, DB_END),
		error);
}

gboolean inventory_each_device(Transaction *transaction, const char *tenant,
	InventoryVisitor function, gpointer data, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(
		transaction, error, QUERY_INVENTORY_DEVICES, DB_TEXT, tenant, DB_END);
	g_autoptr(GError) failure = NULL;

	if (rows == NULL)
		return FALSE;
	while (rows_next(rows, &failure)) {
		g_autoptr(InventoryDevice) device = read_device(rows);

		if (!function(device, data, error))
			return FALSE;
	}
	return rows_ended(g_steal_pointer(&failure), error);
}

static gboolean is_of(const Attribute *attribute, const char *scope, const char *name)
{
	return attribute != NULL && g_str_equal(attribute->scope, scope) &&
	       g_str_equal(attribute->name, name);
}

/* One row: the next value of the last attribute, or a new one. */
static void take_row(GPtrArray *attributes, Rows *rows)
{
	const char *scope = rows_text(rows, 0), *name = rows_text(rows, 1);
	gint64 position = rows_int(rows, 2);
	Attribute *last =
		attributes->len > 0 ? g_ptr_array_index(attributes, attributes->len - 1) : NULL;

	if (!is_of(last, scope, name)) {
		last = attribute_new(scope, name);
		last->is_list = position != POSITION_SINGLE;
		last->description = g_strdup(rows_text(rows, 5));
		g_ptr_array_add(attributes, last);
	}
	if (position == POSITION_EMPTY_LIST)
		return;
	if (rows_is_null(rows, 3))
		attribute_add_number(last, rows_real(rows, 4));
	else
		attribute_add_text(last, rows_text(rows, 3));
}

static Rows *query_values(Transaction *transaction, const char *tenant, guint32 number,
	const char *scope, GError **error)
{
	if (scope == NULL)
		return transaction_query(transaction, error, QUERY_INVENTORY_VALUES_OF, DB_TEXT,
			tenant, DB_INT, (gint64)number, DB_END);
	return transaction_query(transaction, error, QUERY_INVENTORY_VALUES_OF_SCOPE, DB_TEXT,
		tenant, DB_INT, (gint64)number, DB_TEXT, scope, DB_END);
}

GPtrArray *inventory_attributes(Transaction *transaction, const char *tenant, guint32 number,
	const char *scope, GError **error)
{
	g_autoptr(GPtrArray) attributes =
		g_ptr_array_new_with_free_func((GDestroyNotify)attribute_free);
	g_autoptr(Rows) rows = query_values(transaction, tenant, number, scope, error);
	g_autoptr(GError) failure = NULL;

	if (rows == NULL)
		return NULL;
	while (rows_next(rows, &failure))
		take_row(attributes, rows);
	if (!rows_ended(g_steal_pointer(&failure), error))
		return NULL;
	return g_steal_pointer(&attributes);
}

/* The id of a name, which is given one if it is new. */
static gboolean find_name(Transaction *transaction, const char *tenant, const char *scope,
	const char *name, gint64 *ret_id, GError **error)
{
	for (guint attempt = 0; attempt < 2; attempt++) {
		g_autoptr(Rows) rows =
			transaction_query(transaction, error, QUERY_INVENTORY_NAME_ID, DB_TEXT,
				tenant, DB_TEXT, scope, DB_TEXT, name, DB_END);
		g_autoptr(GError) failure = NULL;

		if (rows == NULL)
			return FALSE;
		if (rows_next(rows, &failure)) {
			*ret_id = rows_int(rows, 0);
			return TRUE;
		}
		if (failure != NULL) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return FALSE;
		}
		if (!transaction_run(transaction, NULL, error, QUERY_INVENTORY_NAME_ADD, DB_TEXT,
			    tenant, DB_TEXT, scope, DB_TEXT, name, DB_END))
			return FALSE;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL, "attribute name was not stored");
	return FALSE;
}

/* @value: (nullable): NULL is an empty list. */
static gboolean insert_value(Transaction *transaction, const char *tenant, const char *device,
	gint64 name, gint64 position, const AttributeValue *value, const char *description,
	GError **error)
{
	const char *text = value != NULL ? value->text : NULL;
	g_autofree char *key = text != NULL ? attribute_text_key(text) : NULL;

	if (value != NULL && text == NULL)
		return transaction_run(transaction, NULL, error, QUERY_INVENTORY_VALUE_ADD, DB_TEXT,
			tenant, DB_TEXT, device, DB_INT, name, DB_INT, position, DB_NULL, DB_NULL,
			DB_REAL, value->number, DB_TEXT, description, DB_END);
	return transaction_run(transaction, NULL, error, QUERY_INVENTORY_VALUE_ADD, DB_TEXT, tenant,
		DB_TEXT, device, DB_INT, name, DB_INT, position, DB_TEXT, key, DB_TEXT,
		g_strcmp0(key, text) == 0 ? NULL : text, DB_NULL, DB_TEXT, description, DB_END);
}

static gboolean insert_attribute(Transaction *transaction, const char *tenant, const char *device,
	const Attribute *attribute, GError **error)
{
	gint64 name;

	if (!find_name(transaction, tenant, attribute->scope, attribute->name, &name, error))
		return FALSE;
	if (attribute->values->len == 0)
		return insert_value(transaction, tenant, device, name, POSITION_EMPTY_LIST, NULL,
			attribute->description, error);
	for (guint i = 0; i < attribute->values->len; i++)
		if (!insert_value(transaction, tenant, device, name,
			    attribute->is_list ? (gint64)i : POSITION_SINGLE,
			    attribute_value(attribute, i), attribute->description, error))
			return FALSE;
	return TRUE;
}

static gboolean remove_attribute(Transaction *transaction, const char *tenant, const char *device,
	const Attribute *attribute, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_INVENTORY_VALUE_REMOVE, DB_TEXT,
		tenant, DB_TEXT, device, DB_TEXT, attribute->scope, DB_TEXT, attribute->name,
		DB_END);
}

gboolean inventory_forget_name(
	Transaction *transaction, const char *tenant, const Attribute *attribute, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_INVENTORY_NAME_FORGET, DB_TEXT,
		tenant, DB_TEXT, attribute->scope, DB_TEXT, attribute->name, DB_END);
}

static const Attribute *find_attribute(const GPtrArray *attributes, const char *name)
{
	for (guint i = 0; i < attributes->len; i++) {
		const Attribute *attribute = g_ptr_array_index(attributes, i);

		if (g_str_equal(attribute->name, name))
			return attribute;
	}
	return NULL;
}

/* What is there and shall not be, or shall be otherwise, goes. */
static gboolean remove_old(Transaction *transaction, const char *tenant, const char *device,
	const GPtrArray *before, const GPtrArray *after, WriteMode mode, guint *ret_n,
	GError **error)
{
	for (guint i = 0; i < before->len; i++) {
		const Attribute *old = g_ptr_array_index(before, i);
		const Attribute *new = find_attribute(after, old->name);

		if (new == NULL ? mode == WRITE_MERGE : attribute_equal(old, new))
			continue;
		++*ret_n;
		if (!remove_attribute(transaction, tenant, device, old, error))
			return FALSE;
		if (new == NULL && !inventory_forget_name(transaction, tenant, old, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean insert_new(Transaction *transaction, const char *tenant, const char *device,
	const GPtrArray *before, const GPtrArray *after, guint *ret_n, GError **error)
{
	for (guint i = 0; i < after->len; i++) {
		const Attribute *new = g_ptr_array_index(after, i);
		const Attribute *old = find_attribute(before, new->name);

		if (old != NULL && attribute_equal(old, new))
			continue;
		++*ret_n;
		if (!insert_attribute(transaction, tenant, device, new, error))
			return FALSE;
	}
	return TRUE;
}

static guint count_after(const GPtrArray *before, const GPtrArray *after, WriteMode mode)
{
	guint n = after->len;

	for (guint i = 0; mode == WRITE_MERGE && i < before->len; i++)
		if (find_attribute(
			    after, ((const Attribute *)g_ptr_array_index(before, i))->name) == NULL)
			n++;
	return n;
}

gboolean inventory_write(Transaction *transaction, const char *tenant,
	const InventoryDevice *device, const char *scope, const GPtrArray *attributes,
	WriteMode mode, guint n_max, gboolean *ret_changed, GError **error)
{
	g_autoptr(GPtrArray) before =
		inventory_attributes(transaction, tenant, device->number, scope, error);
	guint n_changed = 0;

	if (before == NULL)
		return FALSE;
	if (count_after(before, attributes, mode) > n_max) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"too many attributes: more than %u", n_max);
		return FALSE;
	}
	if (!remove_old(
		    transaction, tenant, device->id, before, attributes, mode, &n_changed, error) ||
		!insert_new(transaction, tenant, device->id, before, attributes, &n_changed, error))
		return FALSE;
	*ret_changed = n_changed > 0;
	return TRUE;
}
