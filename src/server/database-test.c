/* SPDX-License-Identifier: Apache-2.0 */
/* shows: MS5 (the store interface on both engines)
 *
 * Each case runs on SQLite and on PostgreSQL (ROTA_TEST_POSTGRESQL, tests/bin/with-postgresql):
 *   open           a fresh database is made, opened again, steps are for the engine
 *   schema         a later schema is served or refused as its steps say; an edited step is noticed
 *   values         each kind and its extremes come back as they went in
 *   changed        rows changed are counted
 *   broken-rules   unique, reference, check; and the job fails whatever it returns
 *   alone          a job that fails undoes its own writes only
 *   taken-down     a job that takes the transaction down alone fails; the others are run again
 *   hooks          run after the commit, in order, before the answer; never for a failed job
 *   durable-first  the answer comes when readers see the row
 *   snapshot       a reader sees one moment and cannot write
 *   nested         the same statement within its own rows; rows that nobody reads
 *   groups         many jobs share a commit, and none is lost
 *   nodes          two writers on one store keep one serial world
 *   queue-full     past the maximum a job is refused at once
 *   close          what waits is finished first
 *   deadline       a reader's statement is ended
 *   check          a sound database passes, a broken reference is found
 *   plan           every statement can be planned */
#include "base/error.h"
#include "server/database-engine.h"
#include "server/testing.h"

#define TENANT "t1"

static Database *open_store(const char *url)
{
	g_autoptr(GError) error = NULL;
	Database *database = database_open(url, 3, &error);

	g_assert_no_error(error);
	return database;
}

/* --- Jobs the cases are made of --- */

typedef struct {
	const char *id;
	const char *parent;
	gint64 number;
	gboolean says_ok; /* returns TRUE although a statement failed */
	gboolean fails;   /* by a rule of its own, after it wrote */
} Item;

static gboolean add(Transaction *transaction, gpointer data, GError **error)
{
	Item *item = data;

	if (!transaction_run(transaction, NULL, error, QUERY_ITEM_ADD, DB_TEXT, TENANT, DB_TEXT,
		    item->id, DB_TEXT, item->parent, DB_INT, item->number, DB_NULL, DB_NULL,
		    DB_END)) {
		if (item->says_ok)
			g_clear_error(error);
		return item->says_ok;
	}
	if (!item->fails)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_PRECONDITION, "not today");
	return FALSE;
}

typedef struct {
	gint64 count, sum;
} Count;

static gboolean count(Transaction *transaction, gpointer data, GError **error)
{
	Count *ret = data;
	g_autoptr(Rows) rows =
		transaction_query(transaction, error, QUERY_ITEM_COUNT, DB_TEXT, TENANT, DB_END);

	if (!rows || !rows_next(rows, error))
		return FALSE;
	*ret = (Count){ rows_int(rows, 0), rows_int(rows, 1) };
	return TRUE;
}

static void assert_count(Database *database, gint64 expected)
{
	g_autoptr(GError) error = NULL;
	Count found = { 0 };
	gboolean ok = database_read_wait(database, count, &found, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
	g_assert_cmpint(found.count, ==, expected);
}

static void assert_write(Database *database, DatabaseJob job, gpointer data)
{
	g_autoptr(GError) error = NULL;
	gboolean ok = database_write_wait(database, job, data, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
}

static void assert_refused(Database *database, DatabaseJob job, gpointer data, RotaError code)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(database_write_wait(database, job, data, &error));
	g_assert_error(error, ROTA_ERROR, (int)code);
}

/* What the writer's thread reports, read by the test's own. */
typedef struct {
	GMutex lock;
	GCond changed;
	guint n_done, n_failed;
	gboolean gate_open;
	GString *story;
} Watch;

static void watch_init(Watch *watch)
{
	*watch = (Watch){ .story = g_string_new(NULL) };
	g_mutex_init(&watch->lock);
	g_cond_init(&watch->changed);
}

static void watch_clear(Watch *watch)
{
	g_mutex_clear(&watch->lock);
	g_cond_clear(&watch->changed);
	g_string_free(watch->story, TRUE);
}

static void wait_for_done(Watch *watch, guint n)
{
	g_mutex_lock(&watch->lock);
	while (watch->n_done < n)
		g_cond_wait(&watch->changed, &watch->lock);
	g_mutex_unlock(&watch->lock);
}

static void open_gate(Watch *watch)
{
	g_mutex_lock(&watch->lock);
	watch->gate_open = TRUE;
	g_cond_broadcast(&watch->changed);
	g_mutex_unlock(&watch->lock);
}

/* Holds the writer, so that what is handed in meanwhile gathers behind it. */
static gboolean wait_at_gate(Transaction *transaction, gpointer data, GError **error)
{
	Watch *watch = data;

	g_mutex_lock(&watch->lock);
	while (!watch->gate_open)
		g_cond_wait(&watch->changed, &watch->lock);
	g_mutex_unlock(&watch->lock);
	return TRUE;
}

typedef struct {
	Watch *watch;
	Item item;
	const char *name;
	guint runs;
} WatchedItem;

static void note_done(gpointer data, const GError *error)
{
	Watch *watch = data;

	g_mutex_lock(&watch->lock);
	watch->n_done++;
	watch->n_failed += error != NULL;
	g_cond_broadcast(&watch->changed);
	g_mutex_unlock(&watch->lock);
}

static void note_item_done(gpointer data, const GError *error)
{
	WatchedItem *watched = data;

	g_mutex_lock(&watched->watch->lock);
	g_string_append_printf(
		watched->watch->story, "%s%s ", watched->name, error ? "-failed" : "-done");
	g_mutex_unlock(&watched->watch->lock);
	note_done(watched->watch, error);
}

static void note_hook(gpointer data)
{
	WatchedItem *watched = data;

	g_mutex_lock(&watched->watch->lock);
	g_string_append_printf(watched->watch->story, "%s-hook ", watched->name);
	g_mutex_unlock(&watched->watch->lock);
}

static void note_free(gpointer data)
{
	WatchedItem *watched = data;

	g_mutex_lock(&watched->watch->lock);
	g_string_append_printf(watched->watch->story, "%s-free ", watched->name);
	g_mutex_unlock(&watched->watch->lock);
}

static gboolean add_watched(Transaction *transaction, gpointer data, GError **error)
{
	WatchedItem *watched = data;

	watched->runs++;
	transaction_on_commit(transaction, note_hook, watched, note_free);
	return add(transaction, &watched->item, error);
}

/* --- Cases --- */

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

	assert_write(store->database, add, &item);
	test_store_reopen(store);
	assert_count(store->database, 1);
	assert_write(store->database, read_engine_name, &name);
	g_assert_cmpstr(name, ==, engine);
	g_assert_null(database_open("ldap://x", 1, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED);
}

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
	Count found;

	assert_write(store->database, change, NULL);
	assert_write(store->database, count, &found);
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

	g_assert_true(add(transaction, &again, error));
	g_assert_false(add(transaction, &other, error));
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

	assert_write(store->database, add, &item);
	assert_write(store->database, add, &child);
	assert_refused(store->database, add, &item, ROTA_ERROR_CONFLICT);
	assert_refused(store->database, add, &orphan, ROTA_ERROR_CONFLICT);
	assert_refused(store->database, add, &unlucky, ROTA_ERROR_INVALID);
	assert_refused(store->database, add_invalid_text, NULL, ROTA_ERROR_INVALID);
	assert_refused(store->database, add, &silent, ROTA_ERROR_CONFLICT);
	assert_refused(store->database, break_then_write, NULL, ROTA_ERROR_CONFLICT);
	assert_refused(store->database, wrong_values, NULL, ROTA_ERROR_INTERNAL);
	assert_count(store->database, 2);
}

static void test_alone(TestStore *store, gconstpointer engine)
{
	Watch watch;
	WatchedItem items[9];

	watch_init(&watch);
	database_write(store->database, wait_at_gate, note_done, &watch);
	for (guint i = 0; i < G_N_ELEMENTS(items); i++) {
		items[i] = (WatchedItem){ .watch = &watch, .name = "x" };
		items[i].item =
			(Item){ .id = g_strdup_printf("%u", i - i % 3), .fails = i % 3 == 2 };
		database_write(store->database, add_watched, note_item_done, &items[i]);
	}
	open_gate(&watch);
	wait_for_done(&watch, 10);
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

	assert_refused(store->database, add, &fails, ROTA_ERROR_PRECONDITION);
	assert_count(store->database, 0);
	assert_write(store->database, add, &works);
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
	assert_write(store->database, add, &first);
	database_write(store->database, wait_at_gate, note_done, &watch);
	database_write(store->database, add_watched, note_item_done, &items[0]);
	database_write(store->database, add_watched, note_item_done, &items[1]);
	database_write(store->database, take_all_down, note_done, &watch);
	database_write(store->database, add_watched, note_item_done, &items[2]);
	open_gate(&watch);
	wait_for_done(&watch, 5);
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
	database_write(store->database, wait_at_gate, note_done, &watch);
	for (guint i = 0; i < G_N_ELEMENTS(items); i++)
		database_write(store->database, add_watched, note_item_done, &items[i]);
	open_gate(&watch);
	wait_for_done(&watch, 4);
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
	Count found = { 0 };

	g_assert_no_error(error);
	g_assert_true(database_read_wait(first->database, count, &found, NULL));
	first->seen = found.count;
	note_done(&first->watch, NULL);
}

static gboolean add_one(Transaction *transaction, gpointer data, GError **error)
{
	Item item = { .id = "one" };

	return add(transaction, &item, error);
}

static void test_durable_first(TestStore *store, gconstpointer engine)
{
	DurableFirst first = { .database = store->database };

	watch_init(&first.watch);
	database_write(store->database, add_one, read_when_done, &first);
	wait_for_done(&first.watch, 1);
	g_assert_cmpint(first.seen, ==, 1);
	watch_clear(&first.watch);
}

static gboolean read_twice(Transaction *transaction, gpointer data, GError **error)
{
	Database *database = data;
	Count before, after;

	g_assert_true(count(transaction, &before, error));
	assert_write(database, add_one, NULL);
	g_assert_true(count(transaction, &after, error));
	g_assert_cmpint(before.count, ==, after.count);
	return TRUE;
}

static void test_snapshot(TestStore *store, gconstpointer engine)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(database_read_wait(store->database, read_twice, store->database, &error));
	assert_count(store->database, 1);
	g_assert_false(database_read_wait(store->database, add_one, NULL, &error));
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
	Count found;

	for (guint i = 0; i < THREADS; i++)
		threads[i] = g_thread_new("raise", raise_often, databases[i]);
	for (guint i = 0; i < THREADS; i++)
		g_thread_join(threads[i]);
	assert_write(databases[0], count, &found);
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
	g_autoptr(Database) second = open_store(store->url);
	Database *const databases[] = { store->database, second, store->database, second };

	assert_raised(databases);
}

static void test_queue_full(TestStore *store, gconstpointer engine)
{
	g_autoptr(GError) error = NULL;
	Watch watch;
	Item item = { .id = "late" };
	DatabaseFigures figures;

	watch_init(&watch);
	database_write(store->database, wait_at_gate, note_done, &watch);
	do {
		database_figures(store->database, &figures);
	} while (figures.write_queue); /* until the writer stands at the gate */
	for (guint i = 0; i < DATABASE_QUEUE_JOBS; i++)
		database_write(store->database, wait_at_gate, note_done, &watch);
	g_assert_false(database_write_wait(store->database, add, &item, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE);
	open_gate(&watch);
	wait_for_done(&watch, DATABASE_QUEUE_JOBS + 1);
	g_assert_cmpuint(watch.n_failed, ==, 0);
	watch_clear(&watch);
}

static void test_close(TestStore *store, gconstpointer engine)
{
	Watch watch;
	WatchedItem item = { &watch, { .id = "a" }, "a", 0 };

	watch_init(&watch);
	database_write(store->database, wait_at_gate, note_done, &watch);
	database_write(store->database, add_watched, note_item_done, &item);
	open_gate(&watch);
	database_free(store->database);
	g_assert_cmpuint(watch.n_done, ==, 2);
	store->database = open_store(store->url);
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

static void test_check(TestStore *store, gconstpointer engine)
{
	g_autoptr(GError) error = NULL;
	Item item = { .id = "a" }, child = { .id = "b", .parent = "a" };

	assert_write(store->database, add, &item);
	assert_write(store->database, add, &child);
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
	{ "schema", test_schema },
	{ "edited-step", test_edited_step },
	{ "values", test_values },
	{ "changed", test_changed },
	{ "broken-rules", test_broken_rules },
	{ "alone", test_alone },
	{ "own-rule", test_own_rule },
	{ "taken-down", test_taken_down },
	{ "hooks", test_hooks },
	{ "durable-first", test_durable_first },
	{ "snapshot", test_snapshot },
	{ "nested", test_nested },
	{ "groups", test_groups },
	{ "nodes", test_nodes },
	{ "queue-full", test_queue_full },
	{ "close", test_close },
	{ "deadline", test_deadline },
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
