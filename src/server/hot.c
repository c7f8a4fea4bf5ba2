/* SPDX-License-Identifier: Apache-2.0 */
#include "server/hot.h"

#include <string.h>
#include "base/error.h"
#include "server/row-table.h"

/* Records lie in pages by row number, so they never move; two small tables lead to them, by the
 * device's id and by the digest of the token it came with last. One read-write lock guards it all:
 * polls take it to read, commits and newly verified tokens to write. Last contact is stored without
 * it: 4 bytes, at once. About 90 bytes a device and its two table entries. */

enum {
	PAGE_ROWS = 4096,
	N_PAGES = HOT_DEVICES_MAX / PAGE_ROWS,
	FLUSH_INTERVAL_S = 2, /* with the write itself: within HOT_CONTACT_DELAY_S */
	FLUSH_JOB_ROWS =
		2000, /* contacts in one job of the writer, so that others get their turn */
};

typedef struct {
	HotDevice device;
	guint8 token[ROW_KEY_SIZE]; /* start of the digest */
	gboolean has_token;
	guint32 token_epoch;
	gint64 token_expires_s;
	gint dirty; /* atomic: last contact waits to be written */
} Record;

typedef struct {
	char *id;
	gint64 counts[N_DEVICE_STATUSES];
} Tenant;

struct Hot {
	GRWLock lock;
	Record *pages[N_PAGES];
	guint32 rows_end;
	RowTable by_id, by_token;
	GPtrArray *tenants; /* of Tenant *, by number */

	GMutex contacts_lock;
	GCond contacts_changed;
	GArray *contacts; /* of guint32: rows that are dirty */
	GThread *flusher;
	Database *database;
	gboolean stopping;
};

/* --- Words --- */

static const char *const status_names[N_DEVICE_STATUSES] = {
	[DEVICE_ACCEPTED] = "accepted",
	[DEVICE_PREAUTHORIZED] = "preauthorized",
	[DEVICE_PENDING] = "pending",
	[DEVICE_REJECTED] = "rejected",
	[DEVICE_NOAUTH] = "noauth",
	[DEVICE_GONE] = "decommissioned",
};

const char *device_status_name(DeviceStatus status)
{
	return status_names[status];
}

gboolean device_status_from_name(const char *name, DeviceStatus *ret_status)
{
	for (guint i = 0; i < DEVICE_GONE; i++) {
		if (!g_str_equal(name, status_names[i]))
			continue;
		*ret_status = i;
		return TRUE;
	}
	return FALSE;
}

gboolean uuid_parse(const char *text, Uuid *ret_uuid)
{
	Uuid uuid;
	guint n_digits = 0;

	for (guint i = 0; i < UUID_TEXT_SIZE - 1; i++) {
		gboolean dash = i == 8 || i == 13 || i == 18 || i == 23;
		gint digit = g_ascii_isupper(text[i]) ? -1 : g_ascii_xdigit_value(text[i]);

		if (dash ? text[i] != '-' : digit < 0)
			return FALSE;
		if (dash)
			continue;
		uuid.bytes[n_digits / 2] = n_digits % 2 ? uuid.bytes[n_digits / 2] | (guint8)digit
							: (guint8)(digit << 4);
		n_digits++;
	}
	if (text[UUID_TEXT_SIZE - 1] != '\0')
		return FALSE;
	*ret_uuid = uuid;
	return TRUE;
}

void uuid_format(const Uuid *uuid, char ret_text[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *text = ret_text;

	for (guint i = 0; i < sizeof uuid->bytes; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		*text++ = digits[uuid->bytes[i] >> 4];
		*text++ = digits[uuid->bytes[i] & 15];
	}
	*text = '\0';
}

/* --- Records --- */

static Record *record_at(const Hot *hot, guint32 row)
{
	Record *page = row / PAGE_ROWS < N_PAGES ? hot->pages[row / PAGE_ROWS] : NULL;

	return page ? &page[row % PAGE_ROWS] : NULL;
}

static Record *live_record(const Hot *hot, guint32 row)
{
	Record *record = record_at(hot, row);

	return record && record->device.status != DEVICE_GONE ? record : NULL;
}

static Record *make_record(Hot *hot, guint32 row)
{
	Record **page = &hot->pages[row / PAGE_ROWS];

	if (!*page) {
		*page = g_new0(Record, PAGE_ROWS);
		for (guint i = 0; i < PAGE_ROWS; i++)
			(*page)[i].device.status = DEVICE_GONE;
	}
	hot->rows_end = MAX(hot->rows_end, row + 1);
	return &(*page)[row % PAGE_ROWS];
}

static const guint8 *id_of_row(gpointer data, guint32 row)
{
	return record_at(data, row)->device.id.bytes;
}

static const guint8 *token_of_row(gpointer data, guint32 row)
{
	return record_at(data, row)->token;
}

static void tenant_free(gpointer data)
{
	Tenant *tenant = data;

	g_free(tenant->id);
	g_free(tenant);
}

Hot *hot_new(void)
{
	Hot *hot = g_new0(Hot, 1);

	g_rw_lock_init(&hot->lock);
	g_mutex_init(&hot->contacts_lock);
	g_cond_init(&hot->contacts_changed);
	hot->contacts = g_array_new(FALSE, FALSE, sizeof(guint32));
	hot->tenants = g_ptr_array_new_with_free_func(tenant_free);
	hot->by_id = (RowTable){ .key = id_of_row, .data = hot };
	hot->by_token = (RowTable){ .key = token_of_row, .data = hot };
	return hot;
}

void hot_free(Hot *hot)
{
	if (!hot)
		return;
	hot_contacts_stop(hot);
	for (guint i = 0; i < N_PAGES; i++)
		g_free(hot->pages[i]);
	row_table_clear(&hot->by_id);
	row_table_clear(&hot->by_token);
	g_ptr_array_unref(hot->tenants);
	g_array_unref(hot->contacts);
	g_mutex_clear(&hot->contacts_lock);
	g_cond_clear(&hot->contacts_changed);
	g_rw_lock_clear(&hot->lock);
	g_free(hot);
}

/* --- Tenants --- */

static guint32 tenant_number(Hot *hot, const char *tenant_id)
{
	Tenant *tenant;

	for (guint i = 0; i < hot->tenants->len; i++)
		if (g_str_equal(((Tenant *)hot->tenants->pdata[i])->id, tenant_id))
			return i;
	tenant = g_new0(Tenant, 1);
	tenant->id = g_strdup(tenant_id);
	g_ptr_array_add(hot->tenants, tenant);
	return hot->tenants->len - 1;
}

guint32 hot_tenant_number(Hot *hot, const char *tenant_id)
{
	guint32 number;

	g_rw_lock_writer_lock(&hot->lock);
	number = tenant_number(hot, tenant_id);
	g_rw_lock_writer_unlock(&hot->lock);
	return number;
}

const char *hot_tenant_id(Hot *hot, guint32 number)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&hot->lock);

	return ((Tenant *)g_ptr_array_index(hot->tenants, number))->id;
}

/* --- Changes --- */

static void count(Hot *hot, const HotDevice *device, gint64 change)
{
	if (device->status != DEVICE_GONE)
		((Tenant *)hot->tenants->pdata[device->tenant])->counts[device->status] += change;
}

static void forget_token(Hot *hot, Record *record)
{
	if (record->has_token)
		row_table_remove(&hot->by_token, record->device.row);
	record->has_token = FALSE;
}

static void put(Hot *hot, const HotDevice *device)
{
	Record *record = make_record(hot, device->row);
	gboolean was_there = record->device.status != DEVICE_GONE;
	guint32 last_contact_s = was_there ? record->device.last_contact_s : device->last_contact_s;

	count(hot, &record->device, -1);
	if (was_there && device->status == DEVICE_GONE) {
		forget_token(hot, record);
		row_table_remove(&hot->by_id, device->row);
	}
	record->device = *device;
	record->device.last_contact_s = last_contact_s;
	if (!was_there && device->status != DEVICE_GONE)
		row_table_add(&hot->by_id, device->row);
	count(hot, device, 1);
}

void hot_put(Hot *hot, const HotDevice *device)
{
	g_rw_lock_writer_lock(&hot->lock);
	put(hot, device);
	g_rw_lock_writer_unlock(&hot->lock);
}

typedef struct {
	Hot *hot;
	HotDevice device;
} Change;

static void put_change(gpointer data)
{
	Change *change = data;

	hot_put(change->hot, &change->device);
}

void hot_put_on_commit(Hot *hot, Transaction *transaction, const HotDevice *device)
{
	Change *change = g_new(Change, 1);

	*change = (Change){ hot, *device };
	transaction_on_commit(transaction, put_change, change, g_free);
}

/* --- Questions --- */

gboolean hot_find(Hot *hot, const Uuid *id, HotDevice *ret_device)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&hot->lock);
	guint32 row;

	if (!row_table_find(&hot->by_id, id->bytes, &row))
		return FALSE;
	*ret_device = record_at(hot, row)->device;
	return TRUE;
}

gboolean hot_find_row(Hot *hot, guint32 row, HotDevice *ret_device)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&hot->lock);
	const Record *record = live_record(hot, row);

	if (record)
		*ret_device = record->device;
	return record != NULL;
}

gboolean hot_device_row(Hot *hot, const char *tenant_id, const char *device_id, guint32 *ret_row)
{
	HotDevice device;
	Uuid id;

	if (!uuid_parse(device_id, &id) || !hot_find(hot, &id, &device) ||
		!g_str_equal(hot_tenant_id(hot, device.tenant), tenant_id))
		return FALSE;
	*ret_row = device.row;
	return TRUE;
}

gboolean hot_device_id(Hot *hot, guint32 row, char ret_id[UUID_TEXT_SIZE])
{
	HotDevice device;

	if (!hot_find_row(hot, row, &device))
		return FALSE;
	uuid_format(&device.id, ret_id);
	return TRUE;
}

guint32 hot_rows_end(Hot *hot)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&hot->lock);

	return hot->rows_end;
}

gint64 hot_count(Hot *hot, const char *tenant_id, DeviceStatus status)
{
	guint32 number = hot_tenant_number(hot, tenant_id);
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&hot->lock);

	return ((Tenant *)hot->tenants->pdata[number])->counts[status];
}

gint64 hot_count_all(Hot *hot, DeviceStatus status)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&hot->lock);
	gint64 n = 0;

	for (guint i = 0; i < hot->tenants->len; i++)
		n += ((Tenant *)hot->tenants->pdata[i])->counts[status];
	return n;
}

/* --- Tokens --- */

gboolean hot_token_find(
	Hot *hot, const guint8 digest[SHA256_SIZE], gint64 now_s, HotDevice *ret_device)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&hot->lock);
	const Record *record;
	guint32 row;

	if (!row_table_find(&hot->by_token, digest, &row))
		return FALSE;
	record = record_at(hot, row);
	if (record->device.status != DEVICE_ACCEPTED ||
		record->token_epoch != record->device.epoch || record->token_expires_s <= now_s)
		return FALSE;
	*ret_device = record->device;
	return TRUE;
}

void hot_token_remember(
	Hot *hot, const guint8 digest[SHA256_SIZE], guint32 row, guint32 epoch, gint64 expires_s)
{
	Record *record;
	guint32 other;

	g_rw_lock_writer_lock(&hot->lock);
	record = live_record(hot, row);
	if (record && !row_table_find(&hot->by_token, digest, &other)) {
		forget_token(hot, record);
		memcpy(record->token, digest, sizeof record->token);
		record->has_token = TRUE;
		record->token_epoch = epoch;
		record->token_expires_s = expires_s;
		row_table_add(&hot->by_token, row);
	}
	g_rw_lock_writer_unlock(&hot->lock);
}

/* --- Last contact --- */

void hot_touch(Hot *hot, guint32 row, gint64 now_s)
{
	Record *record = record_at(hot, row);

	__atomic_store_n(&record->device.last_contact_s, (guint32)now_s, __ATOMIC_RELAXED);
	if (g_atomic_int_get(&record->dirty) ||
		!g_atomic_int_compare_and_exchange(&record->dirty, 0, 1))
		return;
	g_mutex_lock(&hot->contacts_lock);
	g_array_append_val(hot->contacts, row);
	g_mutex_unlock(&hot->contacts_lock);
}

typedef struct {
	Hot *hot;
	const guint32 *rows;
	guint n;
} Flush;

static gboolean write_contact(Transaction *transaction, Hot *hot, guint32 row, GError **error)
{
	HotDevice device;
	char id[UUID_TEXT_SIZE];

	if (!hot_find_row(hot, row, &device))
		return TRUE;
	uuid_format(&device.id, id);
	return transaction_run(transaction, NULL, error, QUERY_DEVICE_CONTACT, DB_TEXT,
		hot_tenant_id(hot, device.tenant), DB_TEXT, id, DB_INT,
		(gint64)device.last_contact_s * G_USEC_PER_SEC, DB_END);
}

static gboolean write_contacts(Transaction *transaction, gpointer data, GError **error)
{
	const Flush *flush = data;

	for (guint i = 0; i < flush->n; i++)
		if (!write_contact(transaction, flush->hot, flush->rows[i], error))
			return FALSE;
	return TRUE;
}

/* A contact that could not be written waits for the next round. */
static void keep_dirty(Hot *hot, const Flush *flush)
{
	g_mutex_lock(&hot->contacts_lock);
	g_array_append_vals(hot->contacts, flush->rows, flush->n);
	g_mutex_unlock(&hot->contacts_lock);
}

static void flush_rows(Hot *hot, const GArray *rows)
{
	for (guint from = 0; from < rows->len; from += FLUSH_JOB_ROWS) {
		Flush flush = { hot, &g_array_index(rows, guint32, from),
			MIN(FLUSH_JOB_ROWS, rows->len - from) };
		g_autoptr(GError) error = NULL;

		/* Cleared first: a contact during the write is written in the next round. */
		for (guint i = 0; i < flush.n; i++)
			g_atomic_int_set(&record_at(hot, flush.rows[i])->dirty, 0);
		if (database_write_wait(hot->database, write_contacts, &flush, &error))
			continue;
		g_warning("last contacts of %u devices wait: %s", flush.n, error->message);
		keep_dirty(hot, &flush);
	}
}

static gpointer flush_contacts(gpointer data)
{
	Hot *hot = data;
	gboolean last = FALSE;

	while (!last) {
		g_autoptr(GArray) rows = NULL;
		gint64 deadline = g_get_monotonic_time() + FLUSH_INTERVAL_S * G_USEC_PER_SEC;

		g_mutex_lock(&hot->contacts_lock);
		while (!hot->stopping &&
			g_cond_wait_until(&hot->contacts_changed, &hot->contacts_lock, deadline))
			;
		last = hot->stopping;
		rows = g_steal_pointer(&hot->contacts);
		hot->contacts = g_array_new(FALSE, FALSE, sizeof(guint32));
		g_mutex_unlock(&hot->contacts_lock);
		flush_rows(hot, rows);
	}
	return NULL;
}

void hot_contacts_start(Hot *hot, Database *database)
{
	hot->database = database;
	hot->stopping = FALSE;
	hot->flusher = g_thread_new("contacts", flush_contacts, hot);
}

void hot_contacts_stop(Hot *hot)
{
	if (!hot->flusher)
		return;
	g_mutex_lock(&hot->contacts_lock);
	hot->stopping = TRUE;
	g_cond_signal(&hot->contacts_changed);
	g_mutex_unlock(&hot->contacts_lock);
	g_thread_join(g_steal_pointer(&hot->flusher));
}

/* --- Start --- */

static gboolean read_device(Hot *hot, Rows *rows, GError **error)
{
	gint64 row = rows_int(rows, 0);
	HotDevice device = {
		.row = (guint32)row,
		.tenant = hot_tenant_number(hot, rows_text(rows, 1)),
		.epoch = (guint32)rows_int(rows, 4),
		.last_contact_s = (guint32)(rows_int(rows, 5) / G_USEC_PER_SEC),
	};

	if (row < 0 || row >= HOT_DEVICES_MAX || !uuid_parse(rows_text(rows, 2), &device.id) ||
		!device_status_from_name(rows_text(rows, 3), &device.status)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
			"device %s: its row cannot be read", rows_text(rows, 2));
		return FALSE;
	}
	hot_put(hot, &device);
	return TRUE;
}

static gboolean read_auth_set(Hot *hot, Rows *rows, GError **error)
{
	HotDevice device;
	Uuid id;

	if (!uuid_parse(rows_text(rows, 0), &id) || !hot_find(hot, &id, &device) ||
		!uuid_parse(rows_text(rows, 1), &device.auth_set)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
			"auth set %s: its row cannot be read", rows_text(rows, 1));
		return FALSE;
	}
	hot_put(hot, &device);
	return TRUE;
}

static gboolean read_all(Hot *hot, Transaction *transaction, QueryId query,
	gboolean (*read)(Hot *hot, Rows *rows, GError **error), GError **error)
{
	g_autoptr(Rows) rows = transaction_query(transaction, error, query, DB_END);
	g_autoptr(GError) failure = NULL;

	if (!rows)
		return FALSE;
	while (rows_next(rows, &failure))
		if (!read(hot, rows, error))
			return FALSE;
	if (!failure)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}

static gboolean read_devices(Transaction *transaction, gpointer data, GError **error)
{
	return read_all(data, transaction, QUERY_DEVICES_ALL, read_device, error) &&
	       read_all(data, transaction, QUERY_AUTH_SETS_ACCEPTED, read_auth_set, error);
}

gboolean hot_load(Hot *hot, Database *database, GError **error)
{
	return database_read_wait(database, read_devices, hot, error);
}
