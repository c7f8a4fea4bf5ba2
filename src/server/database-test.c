/* SPDX-License-Identifier: Apache-2.0 */
/* shows: MS5 (the store interface on both engines)
 *
 * Each case runs on SQLite and on PostgreSQL (ROTA_TEST_POSTGRESQL, tests/bin/with-postgresql):
 *   open        a fresh database is made, opened again, steps are for the engine
 *   queue-full  past the maximum a job is refused at once
 *   close       what waits is finished first
 *   deadline    a reader's statement is ended
 *   locked-out  a group that waited in vain for another node's lock leaves the connection usable
 *   check       a sound database passes, a broken reference is found
 *   plan        every statement can be planned */
#include "base/error.h"
#include "server/database-engine.h"
#include "server/database-testing.h"

static gboolean read_engine_name(Transaction *transaction, gpointer data, GError **error)
{
	char **ret_name = data;
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_ENGINE_NAME, DB_END);

	if (!rows || !rows_next(rows, error))
		return FALSE;
	*ret_name = g_strdup(rows_text(rows, 0));
	return TRUE;
}

static void test_open(TestStore *store, gconstpointer engine)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *name = NULL;
	Item item = { .id = "a" };

	assert_write(store->database, item_add, &item);
	test_store_reopen(store);
	assert_count(store->database, 1);
	assert_write(store->database, read_engine_name, &name);
	g_assert_cmpstr(name, ==, engine);
	g_assert_null(database_open("ldap://x", 1, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED);
}

static void test_queue_full(TestStore *store, gconstpointer engine)
{
	g_autoptr(GError) error = NULL;
	Watch watch;
	Item item = { .id = "late" };
	DatabaseFigures figures;

	watch_init(&watch);
	database_write(store->database, watch_wait_at_gate, watch_note_done, &watch);
	do {
		database_figures(store->database, &figures);
	} while (figures.write_queue); /* until the writer stands at the gate */
	for (guint i = 0; i < DATABASE_QUEUE_JOBS; i++)
		database_write(store->database, watch_wait_at_gate, watch_note_done, &watch);
	g_assert_false(database_write_wait(store->database, item_add, &item, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE);
	watch_open_gate(&watch);
	watch_wait(&watch, DATABASE_QUEUE_JOBS + 1);
	g_assert_cmpuint(watch.n_failed, ==, 0);
	watch_clear(&watch);
}

static void test_close(TestStore *store, gconstpointer engine)
{
	Watch watch;
	WatchedItem item = { &watch, { .id = "a" }, "a", 0 };

	watch_init(&watch);
	database_write(store->database, watch_wait_at_gate, watch_note_done, &watch);
	database_write(store->database, watched_item_add, watched_item_note_done, &item);
	watch_open_gate(&watch);
	g_clear_pointer(&store->database, database_free);
	g_assert_cmpuint(watch.n_done, ==, 2);
	test_store_reopen(store);
	assert_count(store->database, 1);
	watch_clear(&watch);
}

static Connection *open_connection(TestStore *store, ConnectionKind kind)
{
	g_autoptr(GError) error = NULL;
	const char *where = NULL;
	const DatabaseEngine *engine = database_engine_for(store->url, &where, &error);
	Connection *connection = engine->open(where, kind, &error);

	g_assert_no_error(error);
	return connection;
}

static void test_deadline(TestStore *store, gconstpointer engine)
{
	Connection *connection = open_connection(store, CONNECTION_READER);
	g_autoptr(GError) error = NULL;
	gint64 began_us = g_get_monotonic_time();

	g_assert_true(connection->engine->begin(connection, &error));
	connection->deadline_us = began_us + 200000;
	g_assert_false(
		connection->engine->execute(connection, QUERY_SLOW, NULL, NULL, NULL, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT);
	connection->engine->rollback(connection);
	connection->engine->close(connection);
	g_assert_cmpint(g_get_monotonic_time() - began_us, <, 20000000);
}

/* Another node that holds the lock of all writers; of SQLite's nobody holds it. */
static gpointer hold_lock(gpointer data)
{
	test_store_run_sql(
		data, "SELECT 1", "SELECT pg_advisory_lock(8245930165173338689), pg_sleep(3)");
	return NULL;
}

/* A group of one job, as database.c runs it. */
static gboolean run_group(Connection *connection, gint64 limit_us, GError **error)
{
	const DatabaseEngine *engine = connection->engine;

	g_assert_true(engine->begin(connection, error));
	g_assert_true(engine->job_begin(connection, error));
	connection->deadline_us = g_get_monotonic_time() + limit_us;
	if (engine->execute(connection, QUERY_ENGINE_NAME, NULL, NULL, NULL, error))
		return engine->job_keep(connection, error) && engine->commit(connection, error);
	if (connection->failure == FAILURE_GROUP)
		engine->rollback(connection);
	else if (engine->job_undo(connection, NULL))
		engine->commit(connection, NULL);
	return FALSE;
}

static void test_locked_out(TestStore *store, gconstpointer engine)
{
	Connection *connection = open_connection(store, CONNECTION_WRITER);
	GThread *holder = g_thread_new("holder", hold_lock, store);
	g_autoptr(GError) error = NULL;

	g_usleep(G_USEC_PER_SEC); /* the lock is held */
	if (!run_group(connection, G_USEC_PER_SEC / 5, &error)) {
		g_assert_cmpstr(engine, ==, "postgresql");
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT);
		g_clear_error(&error);
	}
	g_thread_join(holder);
	g_assert_true(run_group(connection, 20 * G_USEC_PER_SEC, &error));
	g_assert_no_error(error);
	connection->engine->close(connection);
}

static void test_check(TestStore *store, gconstpointer engine)
{
	g_autoptr(GError) error = NULL;
	Item item = { .id = "a" }, child = { .id = "b", .parent = "a" };

	assert_write(store->database, item_add, &item);
	assert_write(store->database, item_add, &child);
	g_assert_true(database_check(store->database, &error));
	g_assert_no_error(error);
	test_store_run_sql(store, "DELETE FROM items WHERE id = 'a'",
		"SET session_replication_role = replica; DELETE FROM items WHERE id = 'a'");
	g_assert_false(database_check(store->database, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT);
}

static void test_plan(TestStore *store, gconstpointer engine)
{
	Connection *connection = open_connection(store, CONNECTION_WRITER);
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < N_QUERIES; i++) {
		connection->engine->plan(connection, (QueryId)i, &error);
		g_assert_no_error(error);
	}
	connection->engine->close(connection);
}

static const TestCase cases[] = {
	{ "open", test_open },
	{ "queue-full", test_queue_full },
	{ "close", test_close },
	{ "deadline", test_deadline },
	{ "locked-out", test_locked_out },
	{ "check", test_check },
	{ "plan", test_plan },
	{ 0 },
};

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	test_store_add_cases("/server/database", cases);
	return g_test_run();
}
