/* SPDX-License-Identifier: Apache-2.0 */
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_POSTGRESQL
#include <libpq-fe.h>
#endif
#include "server/testing.h"

#define ADDRESS "ROTA_TEST_POSTGRESQL"

#ifdef HAVE_POSTGRESQL
static void run_on_postgresql(const char *url, const char *sql)
{
	PGconn *connection = PQconnectdb(url);
	PGresult *result = PQexec(connection, sql);

	g_assert_cmpstr(PQresultErrorMessage(result), ==, "");
	PQclear(result);
	PQfinish(connection);
}

/* A schema of its own is as good as a database of its own, and sooner made. */
static char *fresh_postgresql_url(void)
{
	static guint n = 0;
	const char *url = g_getenv(ADDRESS);
	g_autofree char *name = g_strdup_printf("case_%u_%u", (guint)getpid(), n++);
	g_autofree char *sql = g_strdup_printf("CREATE SCHEMA %s", name);

	run_on_postgresql(url, sql);
	return g_strdup_printf("%s&options=-csearch_path%%3D%s", url, name);
}
#endif

static char *fresh_url(const char *engine, const char *folder)
{
#ifdef HAVE_POSTGRESQL
	if (g_str_equal(engine, "postgresql"))
		return fresh_postgresql_url();
#endif
	return g_strdup_printf("sqlite:%s/test.db", folder);
}

void test_store_reopen(TestStore *store)
{
	g_autoptr(GError) error = NULL;

	g_clear_pointer(&store->database, database_free);
	store->database = database_open(store->url, 3, &error);
	g_assert_no_error(error);
}

void test_store_set_up(TestStore *store, gconstpointer engine)
{
	store->folder = g_dir_make_tmp("rota-store-XXXXXX", NULL);
	store->url = fresh_url(engine, store->folder);
	test_store_reopen(store);
	g_assert_cmpstr(database_engine(store->database), ==, engine);
}

void test_store_tear_down(TestStore *store, gconstpointer engine)
{
	static const char *const files[] = { "test.db", "test.db-wal", "test.db-shm" };

	g_clear_pointer(&store->database, database_free);
	for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(store->folder, files[i], NULL);

		g_unlink(path);
	}
	g_rmdir(store->folder);
	g_free(store->folder);
	g_free(store->url);
}

static void skip_postgresql(void)
{
	g_test_skip("no PostgreSQL here: install it and run under tests/bin/with-postgresql");
}

static void add_cases(const char *path, const TestCase *cases, const char *engine)
{
	for (; cases->name; cases++) {
		g_autofree char *name = g_strdup_printf("%s/%s/%s", path, engine, cases->name);

		g_test_add(name, TestStore, engine, test_store_set_up, cases->run,
			test_store_tear_down);
	}
}

void test_store_add_cases(const char *path, const TestCase *cases)
{
	g_autofree char *skipped = g_strdup_printf("%s/postgresql", path);

	/* Warnings are told, and expected where a connection is taken down. */
	g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
	add_cases(path, cases, "sqlite");
	if (g_getenv(ADDRESS))
		add_cases(path, cases, "postgresql");
	else
		g_test_add_func(skipped, skip_postgresql);
}

void test_store_run_sql(TestStore *store, const char *sqlite, const char *postgresql)
{
	const char *path = store->url + strlen("sqlite:");
	sqlite3 *connection = NULL;

#ifdef HAVE_POSTGRESQL
	if (!g_str_has_prefix(store->url, "sqlite:")) {
		run_on_postgresql(store->url, postgresql);
		return;
	}
#endif
	g_assert_cmpint(sqlite3_open(path, &connection), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(connection, sqlite, NULL, NULL, NULL), ==, SQLITE_OK);
	sqlite3_close(connection);
}
