/* SPDX-License-Identifier: Apache-2.0 */
#include "server/campaigns/pending.h"
#include "server/rows.h"

typedef struct {
	char *id;
	gint64 created_us;
	DeviceSet *targets;
	DeviceSet *open;
} Entry;

struct Pending {
	GRWLock lock;
	GHashTable *tenants; /* char * to GPtrArray * of Entry *, oldest first */
};

static void entry_free(Entry *entry)
{
	g_free(entry->id);
	device_set_free(entry->targets);
	device_set_free(entry->open);
	g_free(entry);
}

Pending *pending_new(void)
{
	Pending *pending = g_new0(Pending, 1);

	g_rw_lock_init(&pending->lock);
	pending->tenants = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
	return pending;
}

void pending_free(Pending *pending)
{
	if (pending == NULL)
		return;
	g_hash_table_unref(pending->tenants);
	g_rw_lock_clear(&pending->lock);
	g_free(pending);
}

gboolean pending_may_have(Pending *pending, const char *tenant, guint32 number)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&pending->lock);
	const GPtrArray *entries = g_hash_table_lookup(pending->tenants, tenant);

	for (guint i = 0; entries != NULL && i < entries->len; i++)
		if (roaring_bitmap_contains(
			    ((const Entry *)g_ptr_array_index(entries, i))->open, number))
			return TRUE;
	return FALSE;
}

GPtrArray *pending_campaigns(Pending *pending, const char *tenant, guint32 number)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&pending->lock);
	const GPtrArray *entries = g_hash_table_lookup(pending->tenants, tenant);
	GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; entries != NULL && i < entries->len; i++) {
		const Entry *entry = g_ptr_array_index(entries, i);

		if (roaring_bitmap_contains(entry->open, number))
			g_ptr_array_add(ids, g_strdup(entry->id));
	}
	return ids;
}

/* --- Changes: what to do is gathered in the transaction and done once it is durable --- */
typedef struct Change Change;
struct Change {
	Pending *pending;
	void (*apply)(GPtrArray *entries, const Change *change);
	char *tenant;
	char *campaign;
	gint64 created_us;
	guint32 number;
	DeviceSet *targets;
};

static void change_free(gpointer data)
{
	Change *change = data;

	g_free(change->tenant);
	g_free(change->campaign);
	device_set_free(change->targets);
	g_free(change);
}

static void apply_change(gpointer data)
{
	const Change *change = data;
	g_autoptr(GRWLockWriterLocker) locker = g_rw_lock_writer_locker_new(&change->pending->lock);
	GPtrArray *entries = g_hash_table_lookup(change->pending->tenants, change->tenant);

	if (entries == NULL) {
		entries = g_ptr_array_new_with_free_func((GDestroyNotify)entry_free);
		g_hash_table_insert(change->pending->tenants, g_strdup(change->tenant), entries);
	}
	change->apply(entries, change);
}

static void change_later(const Change *change, Transaction *transaction)
{
	transaction_on_commit(
		transaction, apply_change, g_memdup2(change, sizeof *change), change_free);
}

static void add_entry(GPtrArray *entries, const Change *change)
{
	Entry *entry = g_new0(Entry, 1);

	entry->id = g_strdup(change->campaign);
	entry->created_us = change->created_us;
	entry->targets = roaring_bitmap_copy(change->targets);
	entry->open = roaring_bitmap_copy(change->targets);
	g_ptr_array_add(entries, entry); /* newer than all before it */
}

static void drop_entry(GPtrArray *entries, const Change *change)
{
	for (guint i = entries->len; i > 0; i--)
		if (g_str_equal(((Entry *)g_ptr_array_index(entries, i - 1))->id, change->campaign))
			g_ptr_array_remove_index(entries, i - 1);
}

static void close_device(GPtrArray *entries, const Change *change)
{
	for (guint i = 0; i < entries->len; i++) {
		Entry *entry = g_ptr_array_index(entries, i);

		if (entry->created_us <= change->created_us)
			roaring_bitmap_remove(entry->open, change->number);
	}
}

static void reopen_device(GPtrArray *entries, const Change *change)
{
	for (guint i = 0; i < entries->len; i++) {
		Entry *entry = g_ptr_array_index(entries, i);

		if (roaring_bitmap_contains(entry->targets, change->number))
			roaring_bitmap_add(entry->open, change->number);
	}
}

void pending_add(Pending *pending, Transaction *transaction, const char *tenant,
	const char *campaign, gint64 created_us, const DeviceSet *targets)
{
	const Change change = { pending, add_entry, g_strdup(tenant), g_strdup(campaign),
		created_us, 0, roaring_bitmap_copy(targets) };

	change_later(&change, transaction);
}

void pending_drop(
	Pending *pending, Transaction *transaction, const char *tenant, const char *campaign)
{
	const Change change = { pending, drop_entry, g_strdup(tenant), g_strdup(campaign), 0, 0,
		NULL };

	change_later(&change, transaction);
}

void pending_close(Pending *pending, Transaction *transaction, const char *tenant, guint32 number,
	gint64 created_us)
{
	const Change change = { pending, close_device, g_strdup(tenant), NULL, created_us, number,
		NULL };

	change_later(&change, transaction);
}

void pending_reopen(Pending *pending, Transaction *transaction, const char *tenant, guint32 number)
{
	const Change change = { pending, reopen_device, g_strdup(tenant), NULL, 0, number, NULL };

	change_later(&change, transaction);
}

/* --- At start --- */

/* Takes out of @open who is done with this campaign or a newer one. */
static gboolean close_done(Transaction *transaction, const char *tenant, gint64 created_us,
	DeviceSet *open, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_CAMPAIGN_DEVICES_DONE,
		DB_TEXT, tenant, DB_INT, created_us, DB_END);

	if (rows == NULL)
		return FALSE;
	while (rows_next(rows, &failure))
		roaring_bitmap_remove(open, (guint32)rows_int(rows, 0));
	return rows_ended(g_steal_pointer(&failure), error);
}

static gboolean load_entry(Transaction *transaction, Rows *rows, Pending *pending, GError **error)
{
	g_autoptr(GBytes) bytes = rows_blob(rows, 3);
	g_autoptr(DeviceSet) targets = device_set_from_bytes(bytes, error);
	g_autofree char *tenant = g_strdup(rows_text(rows, 0));
	g_autofree char *id = g_strdup(rows_text(rows, 1));
	Change change = { pending, add_entry, tenant, id, rows_int(rows, 2), 0, targets };
	GPtrArray *entries;

	if (targets == NULL)
		return FALSE;
	apply_change(&change);
	entries = g_hash_table_lookup(pending->tenants, tenant);
	return close_done(transaction, tenant, change.created_us,
		((Entry *)g_ptr_array_index(entries, entries->len - 1))->open, error);
}

static gboolean load_job(Transaction *transaction, gpointer data, GError **error)
{
	Pending *pending = data;
	g_autoptr(GError) failure = NULL;
	g_autoptr(Rows) rows =
		transaction_query(transaction, error, QUERY_CAMPAIGNS_UNFINISHED, DB_END);

	if (rows == NULL)
		return FALSE;
	g_hash_table_remove_all(pending->tenants); /* the job may be run again */
	while (rows_next(rows, &failure))
		if (!load_entry(transaction, rows, pending, error))
			return FALSE;
	return rows_ended(g_steal_pointer(&failure), error);
}

Pending *pending_load(Database *database, GError **error)
{
	g_autoptr(Pending) pending = pending_new();

	if (!database_read_wait(database, load_job, pending, error)) {
		g_prefix_error(error, "load pending campaigns: ");
		return NULL;
	}
	return g_steal_pointer(&pending);
}
