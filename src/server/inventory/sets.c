/* SPDX-License-Identifier: Apache-2.0 */
#include "server/inventory/sets.h"

#include <string.h>
#include "base/error.h"
#include "server/rows.h"

typedef struct {
	DeviceSet *all;
	DeviceSet *by_status[N_DEVICE_STATUSES];
	GHashTable *groups; /* char * to DeviceSet *; none of them is empty */
} TenantSets;

struct DeviceSets {
	GRWLock lock;
	GHashTable *tenants; /* char * to TenantSets * */
};

DeviceSet *device_set_from_bytes(GBytes *bytes, GError **error)
{
	gsize size;
	const char *data = g_bytes_get_data(bytes, &size);
	DeviceSet *set = roaring_bitmap_portable_deserialize_safe(data, size);

	if (set == NULL)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
			"stored set of devices cannot be read");
	return set;
}

GBytes *device_set_to_bytes(const DeviceSet *set)
{
	gsize size = roaring_bitmap_portable_size_in_bytes(set);
	char *data = g_malloc(size);

	roaring_bitmap_portable_serialize(set, data);
	return g_bytes_new_take(data, size);
}

static TenantSets *tenant_sets_new(void)
{
	TenantSets *tenant = g_new0(TenantSets, 1);

	tenant->all = roaring_bitmap_create();
	for (guint i = 0; i < N_DEVICE_STATUSES; i++)
		tenant->by_status[i] = roaring_bitmap_create();
	tenant->groups = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, (GDestroyNotify)device_set_free);
	return tenant;
}

static void tenant_sets_free(TenantSets *tenant)
{
	roaring_bitmap_free(tenant->all);
	for (guint i = 0; i < N_DEVICE_STATUSES; i++)
		roaring_bitmap_free(tenant->by_status[i]);
	g_hash_table_unref(tenant->groups);
	g_free(tenant);
}

DeviceSets *device_sets_new(void)
{
	DeviceSets *sets = g_new0(DeviceSets, 1);

	g_rw_lock_init(&sets->lock);
	sets->tenants = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, (GDestroyNotify)tenant_sets_free);
	return sets;
}

void device_sets_free(DeviceSets *sets)
{
	if (sets == NULL)
		return;
	g_hash_table_unref(sets->tenants);
	g_rw_lock_clear(&sets->lock);
	g_free(sets);
}

static DeviceSet *copy_set(const DeviceSet *set)
{
	return set != NULL ? roaring_bitmap_copy(set) : roaring_bitmap_create();
}

DeviceSet *device_sets_all(DeviceSets *sets, const char *tenant_id)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&sets->lock);
	const TenantSets *tenant = g_hash_table_lookup(sets->tenants, tenant_id);

	return copy_set(tenant != NULL ? tenant->all : NULL);
}

DeviceSet *device_sets_with_status(DeviceSets *sets, const char *tenant_id, DeviceStatus status)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&sets->lock);
	const TenantSets *tenant = g_hash_table_lookup(sets->tenants, tenant_id);

	return copy_set(tenant != NULL ? tenant->by_status[status] : NULL);
}

DeviceSet *device_sets_in_group(DeviceSets *sets, const char *tenant_id, const char *group)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&sets->lock);
	const TenantSets *tenant = g_hash_table_lookup(sets->tenants, tenant_id);

	return copy_set(tenant != NULL ? g_hash_table_lookup(tenant->groups, group) : NULL);
}

static int compare_texts(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **device_sets_groups(DeviceSets *sets, const char *tenant_id, DeviceStatus status)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&sets->lock);
	const TenantSets *tenant = g_hash_table_lookup(sets->tenants, tenant_id);
	GPtrArray *names = g_ptr_array_new();
	GHashTableIter iter;
	gpointer name, members;

	if (tenant != NULL) {
		g_hash_table_iter_init(&iter, tenant->groups);
		while (g_hash_table_iter_next(&iter, &name, &members))
			if (status == N_DEVICE_STATUSES ||
				roaring_bitmap_intersect(members, tenant->by_status[status]))
				g_ptr_array_add(names, g_strdup(name));
	}
	g_ptr_array_sort(names, compare_texts);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

static void leave_group(TenantSets *tenant, const char *group, guint32 number)
{
	DeviceSet *members = group != NULL ? g_hash_table_lookup(tenant->groups, group) : NULL;

	if (members == NULL)
		return;
	roaring_bitmap_remove(members, number);
	if (roaring_bitmap_is_empty(members))
		g_hash_table_remove(tenant->groups, group);
}

static void join_group(TenantSets *tenant, const char *group, guint32 number)
{
	DeviceSet *members;

	if (group == NULL)
		return;
	members = g_hash_table_lookup(tenant->groups, group);
	if (members == NULL) {
		members = roaring_bitmap_create();
		g_hash_table_insert(tenant->groups, g_strdup(group), members);
	}
	roaring_bitmap_add(members, number);
}

void device_sets_put(DeviceSets *sets, const DeviceSetChange *change)
{
	g_autoptr(GRWLockWriterLocker) locker = g_rw_lock_writer_locker_new(&sets->lock);
	TenantSets *tenant = g_hash_table_lookup(sets->tenants, change->tenant);

	if (tenant == NULL) {
		tenant = tenant_sets_new();
		g_hash_table_insert(sets->tenants, g_strdup(change->tenant), tenant);
	}
	for (guint i = 0; i < N_DEVICE_STATUSES; i++)
		roaring_bitmap_remove(tenant->by_status[i], change->number);
	roaring_bitmap_remove(tenant->all, change->number);
	leave_group(tenant, change->group_before, change->number);
	if (change->status == DEVICE_GONE)
		return;
	roaring_bitmap_add(tenant->all, change->number);
	roaring_bitmap_add(tenant->by_status[change->status], change->number);
	join_group(tenant, change->group_after, change->number);
}

/* --- Following commits --- */
typedef struct {
	DeviceSets *sets;
	DeviceSetChange change;
	char *tenant, *group_before, *group_after; /* what it refers to */
} LateChange;

static void put_late(gpointer data)
{
	const LateChange *late = data;

	device_sets_put(late->sets, &late->change);
}

static void late_change_free(gpointer data)
{
	LateChange *late = data;

	g_free(late->tenant);
	g_free(late->group_before);
	g_free(late->group_after);
	g_free(late);
}

void device_sets_put_on_commit(
	DeviceSets *sets, Transaction *transaction, const DeviceSetChange *change)
{
	LateChange *late = g_new0(LateChange, 1);

	late->sets = sets;
	late->change = *change;
	late->change.tenant = late->tenant = g_strdup(change->tenant);
	late->change.group_before = late->group_before = g_strdup(change->group_before);
	late->change.group_after = late->group_after = g_strdup(change->group_after);
	transaction_on_commit(transaction, put_late, late, late_change_free);
}

static void drop_group_late(gpointer data)
{
	const LateChange *late = data;
	g_autoptr(GRWLockWriterLocker) locker = g_rw_lock_writer_locker_new(&late->sets->lock);
	TenantSets *tenant = g_hash_table_lookup(late->sets->tenants, late->tenant);

	if (tenant != NULL)
		g_hash_table_remove(tenant->groups, late->group_before);
}

void device_sets_drop_group_on_commit(
	DeviceSets *sets, Transaction *transaction, const char *tenant, const char *group)
{
	LateChange *late = g_new0(LateChange, 1);

	late->sets = sets;
	late->tenant = g_strdup(tenant);
	late->group_before = g_strdup(group);
	transaction_on_commit(transaction, drop_group_late, late, late_change_free);
}

static gboolean load_job(Transaction *transaction, gpointer data, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_INVENTORY_SETS, DB_END);
	g_autoptr(GError) failure = NULL;

	if (rows == NULL)
		return FALSE;
	while (rows_next(rows, &failure)) {
		DeviceSetChange change = {
			.tenant = rows_text(rows, 0),
			.number = (guint32)rows_int(rows, 1),
			.group_after = rows_text(rows, 3),
		};

		if (!device_status_from_name(rows_text(rows, 2), &change.status))
			change.status = DEVICE_NOAUTH;
		device_sets_put(data, &change);
	}
	return rows_ended(g_steal_pointer(&failure), error);
}

DeviceSets *device_sets_load(Database *database, GError **error)
{
	g_autoptr(DeviceSets) sets = device_sets_new();

	if (!database_read_wait(database, load_job, sets, error)) {
		g_prefix_error(error, "load device sets: ");
		return NULL;
	}
	return g_steal_pointer(&sets);
}
