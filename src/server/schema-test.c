/* SPDX-License-Identifier: Apache-2.0 */
/* shows: MS5 (the store's schema on both engines)
 *
 * Each case runs on SQLite and on PostgreSQL (ROTA_TEST_POSTGRESQL, tests/bin/with-postgresql):
 *   schema       a later schema is served or refused as its steps say
 *   edited-step  a step that was edited after it had been applied is noticed */
#include "base/error.h"
#include "server/database-testing.h"

static gboolean add_step(Transaction *transaction, gpointer data, GError **error)
{
	gint64 *serves_from = data;

	return transaction_run(transaction, NULL, error, QUERY_SCHEMA_STEP_ADD, DB_INT,
		*serves_from ? (gint64)3 : (gint64)2, DB_TEXT, "later", DB_TEXT, "-", DB_INT,
		*serves_from, DB_INT, (gint64)0, DB_END);
}

static gboolean forge_step(Transaction *transaction, gpointer data, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_STEP_FORGE, DB_INT, (gint64)1,
		DB_TEXT, "forged", DB_END);
}

static void assert_not_opened(TestStore *store, RotaError code)
{
	g_autoptr(GError) error = NULL;

	g_clear_pointer(&store->database, database_free);
	g_assert_null(database_open(store->url, 1, &error));
	g_assert_error(error, ROTA_ERROR, (int)code);
}

static void test_schema(TestStore *store, gconstpointer engine)
{
	gint64 serves_all = 0, serves_later = 3;

	assert_write(store->database, add_step, &serves_all);
	test_store_reopen(store);
	assert_write(store->database, add_step, &serves_later);
	assert_not_opened(store, ROTA_ERROR_UNSUPPORTED);
}

static void test_edited_step(TestStore *store, gconstpointer engine)
{
	assert_write(store->database, forge_step, NULL);
	assert_not_opened(store, ROTA_ERROR_CORRUPT);
}

static const TestCase cases[] = {
	{ "schema", test_schema },
	{ "edited-step", test_edited_step },
	{ 0 },
};

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	test_store_add_cases("/server/schema", cases);
	return g_test_run();
}
