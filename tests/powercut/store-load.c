/* SPDX-License-Identifier: Apache-2.0 */
/* store-load URL CLIENTS ROWS LOG: clients that write to a store, each its next row when the last
 * one is acknowledged. Prints "ID POSITION" for each acknowledged row: the size of LOG at that
 * moment. Each job writes a row and its child, so that half a job can be told from a whole one. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "server/database.h"

#define ANSWER_DEADLINE_S 120

typedef struct {
	const char *log;
	Database *database;
	guint rows;
	GMutex lock;
	GCond ended;
	guint n_running, n_failed;
} Load;

typedef struct {
	Load *load;
	guint number, next;
	char id[32], child[32];
} Client;

static gboolean write_pair(Transaction *transaction, gpointer data, GError **error)
{
	Client *client = data;

	return transaction_run(transaction, NULL, error, QUERY_ITEM_ADD, DB_TEXT, "t", DB_TEXT,
		       client->id, DB_NULL, DB_INT, (gint64)client->next, DB_NULL, DB_NULL,
		       DB_END) &&
	       transaction_run(transaction, NULL, error, QUERY_ITEM_ADD, DB_TEXT, "t", DB_TEXT,
		       client->child, DB_TEXT, client->id, DB_NULL, DB_NULL, DB_NULL, DB_END);
}

static void leave(Load *load)
{
	g_mutex_lock(&load->lock);
	load->n_running--;
	g_cond_signal(&load->ended);
	g_mutex_unlock(&load->lock);
}

static void go_on(Client *client);

/* On the writer's thread: nothing comes between the acknowledgement and the note of it. */
static void note(gpointer data, const GError *error)
{
	Client *client = data;
	struct stat log;

	if (error) {
		g_printerr("%s: %s\n", client->id, error->message);
		client->load->n_failed++;
		leave(client->load);
		return;
	}
	if (stat(client->load->log, &log) != 0)
		log.st_size = 0;
	printf("%s %lld\n", client->id, (long long)log.st_size);
	go_on(client);
}

static void go_on(Client *client)
{
	if (client->next == client->load->rows) {
		leave(client->load);
		return;
	}
	g_snprintf(client->id, sizeof(client->id), "%u-%u", client->number, client->next);
	g_snprintf(
		client->child, sizeof(client->child), "%u-%u-child", client->number, client->next);
	client->next++;
	database_write(client->load->database, write_pair, note, client);
}

static gboolean wait_for_all(Load *load)
{
	gint64 until_us = g_get_monotonic_time() + ANSWER_DEADLINE_S * G_USEC_PER_SEC;
	gboolean in_time = TRUE;

	g_mutex_lock(&load->lock);
	while (load->n_running && in_time)
		in_time = g_cond_wait_until(&load->ended, &load->lock, until_us);
	g_mutex_unlock(&load->lock);
	return in_time && !load->n_failed;
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	Load load = { 0 };
	Client *clients;
	gboolean ok;

	if (argc != 5)
		return 2;
	load.n_running = (guint)atoi(argv[2]);
	load.rows = (guint)atoi(argv[3]);
	load.log = argv[4];
	load.database = database_open(argv[1], 1, &error);
	if (!load.database) {
		g_printerr("%s\n", error->message);
		return 1;
	}
	clients = g_new0(Client, load.n_running);
	for (guint i = load.n_running; i-- > 0;) {
		clients[i] = (Client){ .load = &load, .number = i };
		go_on(&clients[i]);
	}
	ok = wait_for_all(&load);
	database_free(load.database);
	g_free(clients);
	return ok ? 0 : 1;
}
