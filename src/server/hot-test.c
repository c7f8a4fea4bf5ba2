/* SPDX-License-Identifier: Apache-2.0 */
/* Cases:
 *   uuid          text and bytes, and what is none
 *   put-find      devices appear, change status, are counted, go; rows and ids lead to each other
 *   tokens        a remembered token ends with its epoch, its time, its device, and a newer token
 *   turnover      devices that come and go by the hundred thousand leave no wrong answer behind
 *   load          what is in the store is in memory after a start
 *   commit        memory follows a commit, and not a job that failed
 *   contacts      last contacts reach the store, within the promised delay
 *   million       (--perf) a million devices: memory and time */
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "server/auth/devices.h"
#include "server/hot.h"
#include "server/testing.h"

static Uuid uuid_of(guint64 number)
{
	guint8 digest[SHA256_SIZE];
	Uuid uuid;

	sha256_of(&number, sizeof number, digest);
	memcpy(&uuid, digest, sizeof uuid);
	return uuid;
}

static HotDevice device_of(Hot *hot, guint32 row, DeviceStatus status)
{
	return (HotDevice){ .row = row,
		.id = uuid_of(row),
		.auth_set = uuid_of(row + 1000000000ull),
		.tenant = hot_tenant_number(hot, "tenant"),
		.epoch = 1,
		.status = status };
}

static void test_uuid(void)
{
	static const char *const bad[] = { "", "x", "0b9c8b0e-0d31-4f5c-9a36-3f3f9f6f4d7",
		"0B9C8B0E-0D31-4F5C-9A36-3F3F9F6F4D7A", "0b9c8b0e-0d31-4f5c-9a36-3f3f9f6f4d7a0",
		"0b9c8b0e00d31-4f5c-9a36-3f3f9f6f4d7a" };
	const char *good = "0b9c8b0e-0d31-4f5c-9a36-3f3f9f6f4d7a";
	char text[UUID_TEXT_SIZE];
	Uuid uuid;

	g_assert_true(uuid_parse(good, &uuid));
	uuid_format(&uuid, text);
	g_assert_cmpstr(text, ==, good);
	for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_false(uuid_parse(bad[i], &uuid));
}

static void test_put_find(void)
{
	g_autoptr(Hot) hot = hot_new();
	HotDevice device = device_of(hot, 7, DEVICE_PENDING);
	HotDevice found;
	char id[UUID_TEXT_SIZE];
	guint32 row;

	g_assert_false(hot_find(hot, &device.id, &found));
	hot_put(hot, &device);
	g_assert_true(hot_find(hot, &device.id, &found));
	g_assert_cmpuint(found.row, ==, 7);
	g_assert_cmpint(hot_count(hot, "tenant", DEVICE_PENDING), ==, 1);
	g_assert_true(hot_device_id(hot, 7, id));
	g_assert_true(hot_device_row(hot, "tenant", id, &row));
	g_assert_false(hot_device_row(hot, "another tenant", id, &row));
	device.status = DEVICE_ACCEPTED;
	hot_put(hot, &device);
	g_assert_cmpint(hot_count(hot, "tenant", DEVICE_PENDING), ==, 0);
	g_assert_cmpint(hot_count_all(hot, DEVICE_ACCEPTED), ==, 1);
	g_assert_cmpuint(hot_rows_end(hot), ==, 8);
	device.status = DEVICE_GONE;
	hot_put(hot, &device);
	g_assert_false(hot_find(hot, &device.id, &found));
	g_assert_false(hot_find_row(hot, 7, &found));
	g_assert_cmpint(hot_count_all(hot, DEVICE_ACCEPTED), ==, 0);
}

static void digest_of(guint64 number, guint8 digest[SHA256_SIZE])
{
	number ^= 0x5a5a5a5a00000000u;
	sha256_of(&number, sizeof number, digest);
}

static void test_tokens(void)
{
	g_autoptr(Hot) hot = hot_new();
	HotDevice device = device_of(hot, 1, DEVICE_ACCEPTED);
	guint8 first[SHA256_SIZE], second[SHA256_SIZE];
	HotDevice found;

	digest_of(1, first);
	digest_of(2, second);
	hot_put(hot, &device);
	hot_token_remember(hot, first, 1, 1, 1000);
	g_assert_true(hot_token_find(hot, first, 999, &found));
	g_assert_false(hot_token_find(hot, first, 1000, &found));
	hot_token_remember(hot, second, 1, 1, 2000);
	g_assert_false(hot_token_find(hot, first, 999, &found));
	g_assert_true(hot_token_find(hot, second, 999, &found));
	device.epoch = 2;
	hot_put(hot, &device);
	g_assert_false(hot_token_find(hot, second, 999, &found));
	hot_token_remember(hot, second, 1, 1, 2000);
	g_assert_false(hot_token_find(hot, second, 999, &found));
	hot_token_remember(hot, first, 1, 2, 2000);
	device.status = DEVICE_REJECTED;
	hot_put(hot, &device);
	g_assert_false(hot_token_find(hot, first, 999, &found));
	device.status = DEVICE_GONE;
	hot_put(hot, &device);
	g_assert_false(hot_token_find(hot, first, 999, &found));
	hot_token_remember(hot, first, 1, 2, 2000);
	g_assert_false(hot_token_find(hot, first, 999, &found));
}

static void test_turnover(void)
{
	g_autoptr(Hot) hot = hot_new();
	guint8 digest[SHA256_SIZE];
	HotDevice found;

	for (guint32 row = 0; row < 200000; row++) {
		HotDevice device = device_of(hot, row, DEVICE_ACCEPTED);

		hot_put(hot, &device);
		digest_of(row, digest);
		hot_token_remember(hot, digest, row, 1, G_MAXINT64);
		if (row < 1000)
			continue;
		device = device_of(hot, row - 1000, DEVICE_GONE);
		hot_put(hot, &device);
	}
	g_assert_cmpint(hot_count_all(hot, DEVICE_ACCEPTED), ==, 1000);
	for (guint32 row = 0; row < 200000; row += 7) {
		Uuid id = uuid_of(row);

		digest_of(row, digest);
		g_assert_cmpint(hot_find(hot, &id, &found), ==, row >= 199000);
		g_assert_cmpint(hot_token_find(hot, digest, 0, &found), ==, row >= 199000);
	}
}

/* --- With a store --- */

#define TENANT_SQL                                                                                 \
	"INSERT INTO tenants (id, name, status, max_devices, created_us) VALUES ('t1', 'first', "  \
	"'active', -1, 0)"
#define DEVICE_ID "0b9c8b0e-0d31-4f5c-9a36-3f3f9f6f4d7a"
#define SET_ID "6a0d25c7-95e5-4b39-9a1c-4df8a52a0a3e"
#define DEVICE_SQL                                                                                 \
	"INSERT INTO devices (tenant_id, id, row_number, identity_hash, identity, status, "        \
	"token_epoch, created_us, "                                                                \
	"updated_us, check_in_us) VALUES ('t1', '" DEVICE_ID                                       \
	"', 5, 'h', '{}', 'accepted', 3, 0, 0, 7000000)"
#define SET_SQL                                                                                    \
	"INSERT INTO auth_sets (tenant_id, id, device_id, pubkey_hash, pubkey, status, "           \
	"created_us) VALUES ('t1', '" SET_ID "', '" DEVICE_ID "', 'h', 'k', 'accepted', 0)"

static Hot *load(TestStore *store)
{
	g_autoptr(GError) error = NULL;
	Hot *hot = hot_new();

	test_store_run_sql(store, TENANT_SQL, TENANT_SQL);
	test_store_run_sql(store, DEVICE_SQL, DEVICE_SQL);
	test_store_run_sql(store, SET_SQL, SET_SQL);
	g_assert_true(hot_load(hot, store->database, &error));
	g_assert_no_error(error);
	return hot;
}

static void test_load(TestStore *store, gconstpointer engine)
{
	g_autoptr(Hot) hot = load(store);
	HotDevice found;
	Uuid id, set;

	g_assert_true(uuid_parse(DEVICE_ID, &id) && uuid_parse(SET_ID, &set));
	g_assert_true(hot_find(hot, &id, &found));
	g_assert_cmpuint(found.row, ==, 5);
	g_assert_cmpuint(found.epoch, ==, 3);
	g_assert_cmpuint(found.last_contact_s, ==, 7);
	g_assert_cmpint(found.status, ==, DEVICE_ACCEPTED);
	g_assert_cmpmem(&found.auth_set, sizeof set, &set, sizeof set);
	g_assert_cmpstr(hot_tenant_id(hot, found.tenant), ==, "t1");
}

typedef struct {
	Hot *hot;
	HotDevice device;
	gboolean fails;
} Put;

static gboolean put_job(Transaction *transaction, gpointer data, GError **error)
{
	Put *put = data;

	hot_put_on_commit(put->hot, transaction, &put->device);
	if (put->fails)
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "on purpose");
	return !put->fails;
}

static void test_commit(TestStore *store, gconstpointer engine)
{
	g_autoptr(Hot) hot = hot_new();
	Put put = { hot, device_of(hot, 1, DEVICE_ACCEPTED), TRUE };
	g_autoptr(GError) error = NULL;
	HotDevice found;

	g_assert_false(database_write_wait(store->database, put_job, &put, NULL));
	g_assert_false(hot_find_row(hot, 1, &found));
	put.fails = FALSE;
	g_assert_true(database_write_wait(store->database, put_job, &put, &error));
	g_assert_true(hot_find_row(hot, 1, &found));
}

static gboolean read_contact(Transaction *transaction, gpointer data, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(
		transaction, error, QUERY_DEVICE_BY_ID, DB_TEXT, "t1", DB_TEXT, DEVICE_ID, DB_END);

	g_assert_true(rows && rows_next(rows, error));
	*(gint64 *)data = rows_int(rows, 7);
	return TRUE;
}

static void test_contacts(TestStore *store, gconstpointer engine)
{
	g_autoptr(Hot) hot = load(store);
	gint64 deadline = g_get_monotonic_time() + HOT_CONTACT_DELAY_S * G_USEC_PER_SEC;
	gint64 stored_us = 0;

	hot_contacts_start(hot, store->database);
	hot_touch(hot, 5, 1000);
	hot_touch(hot, 5, 2000);
	while (stored_us != 2000 * (gint64)G_USEC_PER_SEC) {
		g_assert_cmpint(g_get_monotonic_time(), <, deadline);
		g_usleep(50000);
		g_assert_true(database_read_wait(store->database, read_contact, &stored_us, NULL));
	}
	hot_touch(hot, 5, 3000);
	hot_contacts_stop(hot);
	g_assert_true(database_read_wait(store->database, read_contact, &stored_us, NULL));
	g_assert_cmpint(stored_us, ==, 3000 * (gint64)G_USEC_PER_SEC);
}

/* --- How much --- */

static gsize resident_bytes(void)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) words = NULL;

	g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
	words = g_strsplit(text, " ", -1);
	return g_ascii_strtoull(words[1], NULL, 10) * 4096;
}

static void test_million(void)
{
	g_autoptr(Hot) hot = NULL;
	gsize before = resident_bytes();
	gint64 start = g_get_monotonic_time();
	guint8 digest[SHA256_SIZE];

	if (!g_test_perf()) {
		g_test_skip("with -m perf");
		return;
	}
	hot = hot_new();
	for (guint32 row = 0; row < 1000000; row++) {
		HotDevice device = device_of(hot, row, DEVICE_ACCEPTED);

		hot_put(hot, &device);
		digest_of(row, digest);
		hot_token_remember(hot, digest, row, 1, G_MAXINT64);
	}
	g_test_message("a million devices: %zu MiB, %.2f s", (resident_bytes() - before) >> 20,
		(double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC);
	g_assert_cmpuint(resident_bytes() - before, <, (gsize)256 << 20);
}

int main(int argc, char **argv)
{
	static const TestCase cases[] = {
		{ "load", test_load },
		{ "commit", test_commit },
		{ "contacts", test_contacts },
		{ 0 },
	};

	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/server/hot/uuid", test_uuid);
	g_test_add_func("/server/hot/put-find", test_put_find);
	g_test_add_func("/server/hot/tokens", test_tokens);
	g_test_add_func("/server/hot/turnover", test_turnover);
	g_test_add_func("/server/hot/million", test_million);
	test_store_add_cases("/server/hot", cases);
	return g_test_run();
}
