/* SPDX-License-Identifier: Apache-2.0 */
/* shows: MS5 (the statements of a job on both engines)
 *
 * Each case runs on SQLite and on PostgreSQL (ROTA_TEST_POSTGRESQL, tests/bin/with-postgresql):
 *   values        each kind and its extremes come back as they went in
 *   changed       rows changed are counted
 *   broken-rules  unique, reference, check; and the job fails whatever it returns
 *   snapshot      a reader sees one moment and cannot write
 *   nested        the same statement within its own rows; rows that nobody reads */
#include "base/error.h"
#include "server/database-testing.h"

static const guint8 odd_bytes[] = { 0, 1, 255, 0, '\'', '\\', 128 };

typedef struct {
	const char *id;
	gint64 number;
	double real;
	gsize size; /* of odd_bytes */
} Values;

static gboolean put_values(Transaction *transaction, gpointer data, GError **error)
{
	const Values *values = data;
	g_autoptr(GBytes) bytes = g_bytes_new_static(odd_bytes, values->size);

	return transaction_run(transaction, NULL, error, QUERY_ITEM_ADD, DB_TEXT, TENANT, DB_TEXT,
		values->id, DB_NULL, DB_INT, values->number, DB_REAL, values->real, DB_BLOB, bytes,
		DB_END);
}

static gboolean check_values(Transaction *transaction, gpointer data, GError **error)
{
	const Values *values = data;
	g_autoptr(GBytes) found = NULL;
	g_autoptr(Rows) rows = transaction_query(
		transaction, error, QUERY_ITEM_BY_ID, DB_TEXT, TENANT, DB_TEXT, values->id, DB_END);

	g_assert_nonnull(rows);
	g_assert_true(rows_next(rows, error));
	g_assert_cmpstr(rows_text(rows, 0), ==, values->id);
	g_assert_true(rows_is_null(rows, 1));
	g_assert_null(rows_text(rows, 1));
	g_assert_cmpint(rows_int(rows, 1), ==, 0);
	g_assert_cmpint(rows_int(rows, 2), ==, values->number);
	g_assert_cmpfloat(rows_real(rows, 3), ==, values->real);
	g_assert_null(rows_blob(rows, 1));
	found = rows_blob(rows, 4);
	g_assert_cmpmem(
		g_bytes_get_data(found, NULL), g_bytes_get_size(found), odd_bytes, values->size);
	g_assert_false(rows_next(rows, error));
	g_assert_false(rows_next(rows, error));
	g_assert_no_error(*error);
	return TRUE;
}

static void test_values(TestStore *store, gconstpointer engine)
{
	static Values rows[] = {
		{ "Gr\303\274\303\237e '\"\\ \360\237\232\227", G_MAXINT64, 0.1,
			sizeof(odd_bytes) },
		{ "", -G_MAXINT64, -1.7976931348623157e308, 0 },
		{ " x ", 0, 5e-324, 1 },
	};
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		assert_write(store->database, put_values, &rows[i]);
		assert_write(store->database, check_values, &rows[i]);
		g_assert_true(database_read_wait(store->database, check_values, &rows[i], &error));
	}
}

static gboolean change(Transaction *transaction, gpointer data, GError **error)
{
	gint64 changed = -1;

	for (gint64 i = 0; i < 5; i++) {
		g_autofree char *id = g_strdup_printf("%d", (int)i);

		g_assert_true(
			transaction_run(transaction, &changed, error, QUERY_ITEM_ADD_UNLESS_THERE,
				DB_TEXT, TENANT, DB_TEXT, id, DB_INT, i, DB_END));
		g_assert_cmpint(changed, ==, 1);
	}
	g_assert_true(transaction_run(transaction, &changed, error, QUERY_ITEM_ADD_UNLESS_THERE,
		DB_TEXT, TENANT, DB_TEXT, "3", DB_INT, (gint64)3, DB_END));
	g_assert_cmpint(changed, ==, 0);
	g_assert_true(transaction_run(transaction, &changed, error, QUERY_ITEM_PUT, DB_TEXT, TENANT,
		DB_TEXT, "3", DB_INT, (gint64)30, DB_END));
	g_assert_cmpint(changed, ==, 1);
	g_assert_true(transaction_run(transaction, &changed, error, QUERY_ITEMS_DROP, DB_TEXT,
		TENANT, DB_INT, (gint64)3, DB_END));
	g_assert_cmpint(changed, ==, 3);
	g_assert_true(transaction_run(transaction, &changed, error, QUERY_ITEMS_DROP, DB_TEXT,
		"other", DB_INT, (gint64)100, DB_END));
	g_assert_cmpint(changed, ==, 0);
	return TRUE;
}

static void test_changed(TestStore *store, gconstpointer engine)
{
	ItemCount found;

	assert_write(store->database, change, NULL);
	assert_write(store->database, items_count, &found);
	g_assert_cmpint(found.count, ==, 2);
	g_assert_cmpint(found.sum, ==, 34);
}

static gboolean wrong_values(Transaction *transaction, gpointer data, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_ITEM_ADD, DB_TEXT, TENANT, DB_END);
}

static gboolean break_then_write(Transaction *transaction, gpointer data, GError **error)
{
	Item again = { .id = "a", .says_ok = TRUE }, other = { .id = "later" };

	g_assert_true(item_add(transaction, &again, error));
	g_assert_false(item_add(transaction, &other, error));
	g_assert_error(*error, ROTA_ERROR, ROTA_ERROR_CONFLICT);
	return FALSE;
}

static gboolean add_invalid_text(Transaction *transaction, gpointer data, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_ITEM_ADD, DB_NULL, DB_TEXT, "x",
		DB_NULL, DB_NULL, DB_NULL, DB_NULL, DB_END);
}

static void test_broken_rules(TestStore *store, gconstpointer engine)
{
	Item item = { .id = "a" }, orphan = { .id = "b", .parent = "nobody" };
	Item child = { .id = "c", .parent = "a" }, unlucky = { .id = "d", .number = 13 };
	Item silent = { .id = "a", .says_ok = TRUE };

	assert_write(store->database, item_add, &item);
	assert_write(store->database, item_add, &child);
	assert_refused(store->database, item_add, &item, ROTA_ERROR_CONFLICT);
	assert_refused(store->database, item_add, &orphan, ROTA_ERROR_CONFLICT);
	assert_refused(store->database, item_add, &unlucky, ROTA_ERROR_INVALID);
	assert_refused(store->database, add_invalid_text, NULL, ROTA_ERROR_INVALID);
	assert_refused(store->database, item_add, &silent, ROTA_ERROR_CONFLICT);
	assert_refused(store->database, break_then_write, NULL, ROTA_ERROR_CONFLICT);
	assert_refused(store->database, wrong_values, NULL, ROTA_ERROR_INTERNAL);
	assert_count(store->database, 2);
}

static gboolean read_twice(Transaction *transaction, gpointer data, GError **error)
{
	Database *database = data;
	ItemCount before, after;

	g_assert_true(items_count(transaction, &before, error));
	assert_write(database, item_add_one, NULL);
	g_assert_true(items_count(transaction, &after, error));
	g_assert_cmpint(before.count, ==, after.count);
	return TRUE;
}

static void test_snapshot(TestStore *store, gconstpointer engine)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(database_read_wait(store->database, read_twice, store->database, &error));
	assert_count(store->database, 1);
	g_assert_false(database_read_wait(store->database, item_add_one, NULL, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL);
	assert_count(store->database, 1);
}

static gboolean nest(Transaction *transaction, gpointer data, GError **error)
{
	g_autoptr(Rows) outer =
		transaction_query(transaction, error, QUERY_ITEMS, DB_TEXT, TENANT, DB_END);
	guint n = 0;

	while (rows_next(outer, error)) {
		g_autoptr(Rows) inner =
			transaction_query(transaction, error, QUERY_ITEMS, DB_TEXT, TENANT, DB_END);

		while (rows_next(inner, error))
			n += g_str_equal(rows_text(inner, 0), rows_text(outer, 0));
	}
	g_assert_cmpuint(n, ==, 3);
	return TRUE;
}

static gboolean add_returning(Transaction *transaction, gpointer data, GError **error)
{
	const char *id = data;
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_ITEM_ADD_RETURNING,
		DB_TEXT, TENANT, DB_TEXT, id, DB_INT, (gint64)41, DB_END);

	if (!rows)
		return FALSE;
	if (g_str_equal(id, "unread"))
		return TRUE;
	g_assert_true(rows_next(rows, error));
	g_assert_cmpint(rows_int(rows, 1), ==, 42);
	return TRUE;
}

static void test_nested(TestStore *store, gconstpointer engine)
{
	g_autofree char *read = g_strdup("read"), *unread = g_strdup("unread"),
			*third = g_strdup("third");

	assert_write(store->database, add_returning, read);
	assert_write(store->database, add_returning, unread);
	assert_refused(store->database, add_returning, unread, ROTA_ERROR_CONFLICT);
	assert_write(store->database, add_returning, third);
	assert_write(store->database, nest, NULL);
}

static const TestCase cases[] = {
	{ "values", test_values },
	{ "changed", test_changed },
	{ "broken-rules", test_broken_rules },
	{ "snapshot", test_snapshot },
	{ "nested", test_nested },
	{ 0 },
};

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	test_store_add_cases("/server/transaction", cases);
	return g_test_run();
}
