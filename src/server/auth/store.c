/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "server/auth/devices-private.h"
#include "server/counters.h"
#include "server/rows.h"
#include <string.h>

static void auth_set_free(gpointer data)
{
	AuthSet *set = data;

	g_free(set->id);
	g_free(set->pubkey);
	g_free(set);
}

void device_free(Device *device)
{
	if (!device)
		return;
	g_free(device->tenant);
	g_free(device->id);
	g_free(device->identity);
	g_clear_pointer(&device->auth_sets, g_ptr_array_unref);
	g_free(device);
}

/* --- Reading --- */

static Device *device_from_row(const char *tenant, Rows *rows)
{
	Device *device = g_new0(Device, 1);

	device->tenant = g_strdup(tenant);
	device->id = g_strdup(rows_text(rows, 0));
	device->row = (guint32)rows_int(rows, 1);
	device->identity = g_strdup(rows_text(rows, 2));
	if (!device_status_from_name(rows_text(rows, 3), &device->status))
		device->status = DEVICE_NOAUTH;
	device->epoch = (guint32)rows_int(rows, 4);
	device->created_us = rows_int(rows, 5);
	device->updated_us = rows_int(rows, 6);
	device->check_in_us = rows_int(rows, 7);
	return device;
}

static gboolean take_first(Rows *rows, const char *tenant, Device **ret_device, GError **error)
{
	gboolean found;

	*ret_device = NULL;
	if (!rows_first(rows, &found, error))
		return FALSE;
	if (found)
		*ret_device = device_from_row(tenant, rows);
	return TRUE;
}

gboolean device_find(Transaction *transaction, const char *tenant, const char *id,
	Device **ret_device, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(
		transaction, error, QUERY_DEVICE_BY_ID, DB_TEXT, tenant, DB_TEXT, id, DB_END);

	return take_first(rows, tenant, ret_device, error);
}

gboolean device_find_identity(Transaction *transaction, const char *tenant, const char *identity,
	Device **ret_device, GError **error)
{
	g_autofree char *hash = sha256_hex_of(identity, strlen(identity));
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_DEVICE_BY_IDENTITY,
		DB_TEXT, tenant, DB_TEXT, hash, DB_END);

	return take_first(rows, tenant, ret_device, error);
}

Device *device_get(Transaction *transaction, const char *tenant, const char *id, GError **error)
{
	g_autoptr(Device) device = NULL;

	if (!device_find(transaction, tenant, id, &device, error))
		return NULL;
	if (!device) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such device");
		return NULL;
	}
	return device_read_sets(transaction, device, error) ? g_steal_pointer(&device) : NULL;
}

static AuthSet *set_from_row(Rows *rows)
{
	AuthSet *set = g_new0(AuthSet, 1);

	set->id = g_strdup(rows_text(rows, 0));
	set->pubkey = g_strdup(rows_text(rows, 1));
	if (!device_status_from_name(rows_text(rows, 2), &set->status))
		set->status = DEVICE_REJECTED;
	set->created_us = rows_int(rows, 3);
	return set;
}

gboolean device_read_sets(Transaction *transaction, Device *device, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_AUTH_SETS_OF, DB_TEXT,
		device->tenant, DB_TEXT, device->id, DB_END);
	GError *failure = NULL;

	if (!rows)
		return FALSE;
	g_clear_pointer(&device->auth_sets, g_ptr_array_unref);
	device->auth_sets = g_ptr_array_new_with_free_func(auth_set_free);
	while (rows_next(rows, &failure))
		g_ptr_array_add(device->auth_sets, set_from_row(rows));
	return rows_ended(failure, error);
}

AuthSet *device_set_with_key(const Device *device, const char *pubkey)
{
	for (guint i = 0; i < device->auth_sets->len; i++)
		if (g_str_equal(((AuthSet *)device->auth_sets->pdata[i])->pubkey, pubkey))
			return device->auth_sets->pdata[i];
	return NULL;
}

AuthSet *device_set_with_id(const Device *device, const char *id)
{
	for (guint i = 0; i < device->auth_sets->len; i++)
		if (g_str_equal(((AuthSet *)device->auth_sets->pdata[i])->id, id))
			return device->auth_sets->pdata[i];
	return NULL;
}

AuthSet *device_accepted_set(const Device *device)
{
	for (guint i = 0; i < device->auth_sets->len; i++)
		if (((AuthSet *)device->auth_sets->pdata[i])->status == DEVICE_ACCEPTED)
			return device->auth_sets->pdata[i];
	return NULL;
}

static Rows *query_page(Transaction *transaction, const char *tenant, char **statuses, gint64 limit,
	gint64 offset, GError **error)
{
	g_autofree char *joined = g_strjoinv(",", statuses);
	g_autofree char *fenced = g_strdup_printf(",%s,", joined);

	if (!*statuses)
		return transaction_query(transaction, error, QUERY_DEVICES_PAGE, DB_TEXT, tenant,
			DB_INT, limit, DB_INT, offset, DB_END);
	if (!statuses[1])
		return transaction_query(transaction, error, QUERY_DEVICES_PAGE_STATUS, DB_TEXT,
			tenant, DB_TEXT, statuses[0], DB_INT, limit, DB_INT, offset, DB_END);
	return transaction_query(transaction, error, QUERY_DEVICES_PAGE_STATUSES, DB_TEXT, tenant,
		DB_TEXT, fenced, DB_INT, limit, DB_INT, offset, DB_END);
}

GPtrArray *devices_page(Transaction *transaction, const char *tenant, char **statuses, gint64 limit,
	gint64 offset, GError **error)
{
	g_autoptr(GPtrArray) devices = g_ptr_array_new_with_free_func((GDestroyNotify)device_free);
	g_autoptr(Rows) rows = query_page(transaction, tenant, statuses, limit, offset, error);
	GError *failure = NULL;

	if (!rows)
		return NULL;
	while (rows_next(rows, &failure))
		g_ptr_array_add(devices, device_from_row(tenant, rows));
	if (!rows_ended(failure, error))
		return NULL;
	g_clear_pointer(&rows, rows_free);
	for (guint i = 0; i < devices->len; i++)
		if (!device_read_sets(transaction, devices->pdata[i], error))
			return NULL;
	return g_steal_pointer(&devices);
}

/* --- Writing --- */

static gboolean next_row_number(Transaction *transaction, guint32 *ret_row, GError **error)
{
	gint64 number;

	if (!counter_next(transaction, "", "device", &number, error))
		return FALSE;
	if (number >= HOT_DEVICES_MAX) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE,
			"no more devices can be registered");
		return FALSE;
	}
	*ret_row = (guint32)number;
	return TRUE;
}

gboolean device_insert(Transaction *transaction, Device *device, GError **error)
{
	g_autofree char *hash = sha256_hex_of(device->identity, strlen(device->identity));

	device->id = g_uuid_string_random();
	device->epoch = 1;
	device->created_us = device->updated_us = clock_now_us();
	return next_row_number(transaction, &device->row, error) &&
	       transaction_run(transaction, NULL, error, QUERY_DEVICE_ADD, DB_TEXT, device->tenant,
		       DB_TEXT, device->id, DB_INT, (gint64)device->row, DB_TEXT, hash, DB_TEXT,
		       device->identity, DB_TEXT, device_status_name(device->status), DB_INT,
		       device->created_us, DB_END);
}

gboolean device_update(Transaction *transaction, const Device *device, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_DEVICE_SET_STATUS, DB_TEXT,
		device->tenant, DB_TEXT, device->id, DB_TEXT, device_status_name(device->status),
		DB_INT, (gint64)device->epoch, DB_INT, device->updated_us, DB_END);
}

gboolean device_remove(Transaction *transaction, const Device *device, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_AUTH_SETS_DELETE, DB_TEXT,
		       device->tenant, DB_TEXT, device->id, DB_END) &&
	       transaction_run(transaction, NULL, error, QUERY_DEVICE_DELETE, DB_TEXT,
		       device->tenant, DB_TEXT, device->id, DB_END);
}

gboolean auth_set_insert(Transaction *transaction, const Device *device, const char *pubkey,
	DeviceStatus status, GError **error)
{
	g_autofree char *id = g_uuid_string_random();
	g_autofree char *hash = sha256_hex_of(pubkey, strlen(pubkey));

	return transaction_run(transaction, NULL, error, QUERY_AUTH_SET_ADD, DB_TEXT,
		device->tenant, DB_TEXT, id, DB_TEXT, device->id, DB_TEXT, hash, DB_TEXT, pubkey,
		DB_TEXT, device_status_name(status), DB_INT, clock_now_us(), DB_END);
}

gboolean auth_set_update(Transaction *transaction, const Device *device, const char *id,
	DeviceStatus status, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_AUTH_SET_SET_STATUS, DB_TEXT,
		device->tenant, DB_TEXT, device->id, DB_TEXT, id, DB_TEXT,
		device_status_name(status), DB_END);
}

gboolean auth_set_remove(
	Transaction *transaction, const Device *device, const char *id, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_AUTH_SET_DELETE, DB_TEXT,
		device->tenant, DB_TEXT, device->id, DB_TEXT, id, DB_END);
}

/* --- How many --- */

static gboolean read_number(Rows *rows, gint64 fallback, gint64 *ret_number, GError **error)
{
	gboolean found;

	if (!rows_first(rows, &found, error))
		return FALSE;
	*ret_number = found ? rows_int(rows, 0) : fallback;
	return TRUE;
}

gboolean device_limit_read(
	Transaction *transaction, const char *tenant, gint64 *ret_limit, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(
		transaction, error, QUERY_TENANT_MAX_DEVICES, DB_TEXT, tenant, DB_END);

	return read_number(rows, -1, ret_limit, error);
}

gboolean device_limit_check(Transaction *transaction, const char *tenant, GError **error)
{
	g_autoptr(Rows) rows = NULL;
	gint64 limit, accepted;

	if (!device_limit_read(transaction, tenant, &limit, error))
		return FALSE;
	if (limit < 0)
		return TRUE;
	rows = transaction_query(transaction, error, QUERY_DEVICES_COUNT_STATUS, DB_TEXT, tenant,
		DB_TEXT, device_status_name(DEVICE_ACCEPTED), DB_END);
	if (!read_number(rows, 0, &accepted, error))
		return FALSE;
	if (accepted < limit)
		return TRUE;
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
		"maximum number of accepted devices reached");
	return FALSE;
}
