/* SPDX-License-Identifier: Apache-2.0 */
/* store-bench store URL CLIENTS SECONDS | raw FILE BATCH SECONDS
 *
 * store: clients that change a row of their own, each again when the last change is acknowledged;
 * two loops carry them, as the server's do. raw: the same statement in SQLite itself, in batches.
 * Prints "ROWS SECONDS CPU_SECONDS". */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "server/database.h"

#define LOOPS 2

static gint64 cpu_us(void)
{
	return (gint64)clock() * (G_USEC_PER_SEC / CLOCKS_PER_SEC);
}

typedef struct {
	gint64 began_us, began_cpu_us, until_us;
	guint64 rows;
} Measure;

static Measure start(int seconds)
{
	gint64 now = g_get_monotonic_time();

	return (Measure){ now, cpu_us(), now + seconds * G_USEC_PER_SEC, 0 };
}

static void print(const Measure *measure)
{
	printf("%" G_GUINT64_FORMAT " %.6f %.6f\n", measure->rows,
		(double)(g_get_monotonic_time() - measure->began_us) / G_USEC_PER_SEC,
		(double)(cpu_us() - measure->began_cpu_us) / G_USEC_PER_SEC);
}

/* --- Through the store --- */

typedef struct {
	Database *database;
	GAsyncQueue *answers; /* of Client: what the loop goes on with */
	Measure measure;
	guint n_clients;
} Loop;

typedef struct {
	Loop *loop;
	char id[16];
	gint64 number;
} Client;

static gboolean change(Transaction *transaction, gpointer data, GError **error)
{
	Client *client = data;

	return transaction_run(transaction, NULL, error, QUERY_ITEM_PUT, DB_TEXT, "t", DB_TEXT,
		client->id, DB_INT, client->number, DB_END);
}

static void hand_back(gpointer data, const GError *error)
{
	Client *client = data;

	if (error)
		g_error("%s", error->message);
	g_async_queue_push(client->loop->answers, client);
}

static void send(Client *client)
{
	client->number += client->number == 12 ? 2 : 1; /* 13 is not allowed */
	database_write(client->loop->database, change, hand_back, client);
}

static gpointer run_loop(gpointer data)
{
	Loop *loop = data;
	guint n_running = loop->n_clients;
	Client *clients = g_new0(Client, loop->n_clients);

	for (guint i = 0; i < loop->n_clients; i++) {
		clients[i].loop = loop;
		g_snprintf(clients[i].id, sizeof(clients[i].id), "%p-%u", data, i);
		send(&clients[i]);
	}
	while (n_running) {
		Client *client = g_async_queue_pop(loop->answers);

		loop->measure.rows++;
		if (g_get_monotonic_time() < loop->measure.until_us)
			send(client);
		else
			n_running--;
	}
	g_free(clients);
	return NULL;
}

static int bench_store(const char *url, guint n_clients, int seconds)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Database) database = database_open(url, 1, &error);
	Loop loops[LOOPS];
	GThread *threads[LOOPS];
	Measure sum;

	if (!database) {
		g_printerr("%s\n", error->message);
		return 1;
	}
	sum = start(seconds);
	for (guint i = 0; i < LOOPS; i++) {
		loops[i] = (Loop){ database, g_async_queue_new(), sum, n_clients / LOOPS };
		threads[i] = g_thread_new("loop", run_loop, &loops[i]);
	}
	for (guint i = 0; i < LOOPS; i++) {
		g_thread_join(threads[i]);
		sum.rows += loops[i].measure.rows;
		g_async_queue_unref(loops[i].answers);
	}
	print(&sum);
	return 0;
}

/* --- SQLite itself --- */

static void must(int code, sqlite3 *sqlite)
{
	if (code != SQLITE_OK && code != SQLITE_DONE)
		g_error("%s", sqlite3_errmsg(sqlite));
}

static void change_batch(sqlite3 *sqlite, sqlite3_stmt *statement, guint batch, gint64 number)
{
	must(sqlite3_exec(sqlite, "BEGIN IMMEDIATE", NULL, NULL, NULL), sqlite);
	for (guint i = 0; i < batch; i++) {
		char id[16];

		g_snprintf(id, sizeof(id), "raw-%u", i);
		sqlite3_bind_text(statement, sqlite3_bind_parameter_index(statement, "$1"), "t", -1,
			SQLITE_STATIC);
		sqlite3_bind_text(statement, sqlite3_bind_parameter_index(statement, "$2"), id, -1,
			SQLITE_STATIC);
		sqlite3_bind_int64(
			statement, sqlite3_bind_parameter_index(statement, "$3"), number);
		must(sqlite3_step(statement), sqlite);
		sqlite3_reset(statement);
	}
	must(sqlite3_exec(sqlite, "COMMIT", NULL, NULL, NULL), sqlite);
}

static int bench_raw(const char *path, guint batch, int seconds)
{
	sqlite3 *sqlite = NULL;
	sqlite3_stmt *statement = NULL;
	Measure measure;

	must(sqlite3_open(path, &sqlite), sqlite);
	must(sqlite3_exec(sqlite,
		     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		     "PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=4000",
		     NULL, NULL, NULL),
		sqlite);
	must(sqlite3_prepare_v2(sqlite, query_rows[QUERY_ITEM_PUT].text[0], -1, &statement, NULL),
		sqlite);
	measure = start(seconds);
	for (gint64 number = 20; g_get_monotonic_time() < measure.until_us; number++) {
		change_batch(sqlite, statement, batch, number);
		measure.rows += batch;
	}
	print(&measure);
	sqlite3_finalize(statement);
	sqlite3_close(sqlite);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "store") == 0)
		return bench_store(argv[2], (guint)atoi(argv[3]), atoi(argv[4]));
	if (argc == 5 && strcmp(argv[1], "raw") == 0)
		return bench_raw(argv[2], (guint)atoi(argv[3]), atoi(argv[4]));
	return 2;
}
