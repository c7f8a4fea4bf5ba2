/* SPDX-License-Identifier: Apache-2.0 */
/* shows: MS5 (the store's jobs on both engines)
 *
 * Each case runs on SQLite and on PostgreSQL (ROTA_TEST_POSTGRESQL, tests/bin/with-postgresql):
 *   alone          a job that fails undoes its own writes only
 *   own-rule       a job that fails by a rule of its own leaves nothing behind
 *   taken-down     a job that takes the transaction down alone fails; the others are run again
 *   hooks          run after the commit, in order, before the answer; never for a failed job
 *   durable-first  the answer comes when readers see the row
 *   idle           jobs without a statement, one after another, cost nothing that adds up
 *   groups         many jobs share a commit, and none is lost
 *   nodes          two writers on one store keep one serial world */
#include "base/error.h"
#include "server/database-testing.h"

static void test_alone(TestStore *store, gconstpointer engine)
{
	Watch watch;
	WatchedItem items[9];

	watch_init(&watch);
	database_write(store->database, watch_wait_at_gate, watch_note_done, &watch);
	for (guint i = 0; i < G_N_ELEMENTS(items); i++) {
		items[i] = (WatchedItem){ .watch = &watch, .name = "x" };
		items[i].item =
			(Item){ .id = g_strdup_printf("%u", i - i % 3), .fails = i % 3 == 2 };
		database_write(
			store->database, watched_item_add, watched_item_note_done, &items[i]);
	}
	watch_open_gate(&watch);
	watch_wait(&watch, 10);
	/* 0 is added; 1 clashes with it; 2 clashes as well. And so on. */
	g_assert_cmpuint(watch.n_failed, ==, 6);
	assert_count(store->database, 3);
	for (guint i = 0; i < G_N_ELEMENTS(items); i++)
		g_free((gpointer)(gsize)items[i].item.id);
	watch_clear(&watch);
}

static void test_own_rule(TestStore *store, gconstpointer engine)
{
	Item fails = { .id = "a", .fails = TRUE }, works = { .id = "a" };

	assert_refused(store->database, item_add, &fails, ROTA_ERROR_PRECONDITION);
	assert_count(store->database, 0);
	assert_write(store->database, item_add, &works);
	assert_count(store->database, 1);
}

static gboolean take_all_down(Transaction *transaction, gpointer data, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_ITEM_TAKES_ALL_DOWN, DB_TEXT, TENANT,
		DB_TEXT, "first", DB_END);
}

static void test_taken_down(TestStore *store, gconstpointer engine)
{
	Watch watch;
	Item first = { .id = "first" };
	WatchedItem items[] = {
		{ &watch, { .id = "a" }, "a", 0 },
		{ &watch, { .id = "b" }, "b", 0 },
		{ &watch, { .id = "c" }, "c", 0 },
	};

	watch_init(&watch);
	assert_write(store->database, item_add, &first);
	database_write(store->database, watch_wait_at_gate, watch_note_done, &watch);
	database_write(store->database, watched_item_add, watched_item_note_done, &items[0]);
	database_write(store->database, watched_item_add, watched_item_note_done, &items[1]);
	database_write(store->database, take_all_down, watch_note_done, &watch);
	database_write(store->database, watched_item_add, watched_item_note_done, &items[2]);
	watch_open_gate(&watch);
	watch_wait(&watch, 5);
	g_assert_cmpuint(watch.n_failed, ==, 1);
	g_assert_cmpuint(items[2].runs, ==, 1);
	assert_count(store->database, 4);
	watch_clear(&watch);
}

static void test_hooks(TestStore *store, gconstpointer engine)
{
	Watch watch;
	WatchedItem items[] = {
		{ &watch, { .id = "a" }, "a", 0 },
		{ &watch, { .id = "b", .fails = TRUE }, "b", 0 },
		{ &watch, { .id = "c" }, "c", 0 },
	};

	watch_init(&watch);
	database_write(store->database, watch_wait_at_gate, watch_note_done, &watch);
	for (guint i = 0; i < G_N_ELEMENTS(items); i++)
		database_write(
			store->database, watched_item_add, watched_item_note_done, &items[i]);
	watch_open_gate(&watch);
	watch_wait(&watch, 4);
	g_assert_cmpstr(
		watch.story->str, ==, "a-hook a-free a-done b-free b-failed c-hook c-free c-done ");
	watch_clear(&watch);
}

typedef struct {
	Watch watch; /* first: done is noted through it */
	Database *database;
	gint64 seen;
} DurableFirst;

static void read_when_done(gpointer data, const GError *error)
{
	DurableFirst *first = data;
	ItemCount found = { 0 };

	g_assert_no_error(error);
	g_assert_true(database_read_wait(first->database, items_count, &found, NULL));
	first->seen = found.count;
	watch_note_done(&first->watch, NULL);
}

static void test_durable_first(TestStore *store, gconstpointer engine)
{
	DurableFirst first = { .database = store->database };

	watch_init(&first.watch);
	database_write(store->database, item_add_one, read_when_done, &first);
	watch_wait(&first.watch, 1);
	g_assert_cmpint(first.seen, ==, 1);
	watch_clear(&first.watch);
}

static gboolean do_nothing(Transaction *transaction, gpointer data, GError **error)
{
	return TRUE;
}

static void test_idle(TestStore *store, gconstpointer engine)
{
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < 100; i++) {
		g_assert_true(database_read_wait(store->database, do_nothing, NULL, &error));
		assert_write(store->database, do_nothing, NULL);
	}
	assert_write(store->database, item_add_one, NULL);
	assert_count(store->database, 1);
}

/* Adds one to the number of a row, by reading it first. */
static gboolean raise_number(Transaction *transaction, gpointer data, GError **error)
{
	gint64 number = 0;
	g_autoptr(Rows) rows = transaction_query(
		transaction, error, QUERY_ITEM_BY_ID, DB_TEXT, TENANT, DB_TEXT, "counter", DB_END);

	if (!rows)
		return FALSE;
	if (rows_next(rows, error))
		number = rows_int(rows, 2);
	number += number == 12 ? 2 : 1; /* 13 is not allowed */
	return transaction_run(transaction, NULL, error, QUERY_ITEM_PUT, DB_TEXT, TENANT, DB_TEXT,
		"counter", DB_INT, number, DB_END);
}

#define THREADS 4
#define RAISES_EACH 250

static gpointer raise_often(gpointer data)
{
	Database *database = data;

	for (guint i = 0; i < RAISES_EACH; i++)
		assert_write(database, raise_number, NULL);
	return NULL;
}

static void assert_raised(Database *const databases[THREADS])
{
	GThread *threads[THREADS];
	ItemCount found;

	for (guint i = 0; i < THREADS; i++)
		threads[i] = g_thread_new("raise", raise_often, databases[i]);
	for (guint i = 0; i < THREADS; i++)
		g_thread_join(threads[i]);
	assert_write(databases[0], items_count, &found);
	g_assert_cmpint(found.sum, ==, THREADS * RAISES_EACH + 1); /* one was skipped */
}

static void test_groups(TestStore *store, gconstpointer engine)
{
	Database *const databases[] = { store->database, store->database, store->database,
		store->database };
	DatabaseFigures figures;

	assert_raised(databases);
	database_figures(store->database, &figures);
	g_assert_cmpuint(figures.jobs_written, >=, THREADS * RAISES_EACH);
	g_assert_cmpuint(figures.groups, <, figures.jobs_written);
	g_assert_cmpuint(figures.jobs_failed, ==, 0);
}

static void test_nodes(TestStore *store, gconstpointer engine)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Database) second = database_open(store->url, 3, &error);
	Database *const databases[] = { store->database, second, store->database, second };

	g_assert_no_error(error);
	assert_raised(databases);
}

static const TestCase cases[] = {
	{ "alone", test_alone },
	{ "own-rule", test_own_rule },
	{ "taken-down", test_taken_down },
	{ "hooks", test_hooks },
	{ "durable-first", test_durable_first },
	{ "idle", test_idle },
	{ "groups", test_groups },
	{ "nodes", test_nodes },
	{ 0 },
};

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	test_store_add_cases("/server/job", cases);
	return g_test_run();
}
