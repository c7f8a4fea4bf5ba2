/* SPDX-License-Identifier: Apache-2.0 */
#include "server/database-testing.h"

gboolean item_add(Transaction *transaction, gpointer data, GError **error)
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

gboolean item_add_one(Transaction *transaction, gpointer data, GError **error)
{
	Item item = { .id = "one" };

	return item_add(transaction, &item, error);
}

gboolean items_count(Transaction *transaction, gpointer data, GError **error)
{
	ItemCount *ret = data;
	g_autoptr(Rows) rows =
		transaction_query(transaction, error, QUERY_ITEM_COUNT, DB_TEXT, TENANT, DB_END);

	if (!rows || !rows_next(rows, error))
		return FALSE;
	*ret = (ItemCount){ rows_int(rows, 0), rows_int(rows, 1) };
	return TRUE;
}

void assert_count(Database *database, gint64 expected)
{
	g_autoptr(GError) error = NULL;
	ItemCount found = { 0 };
	gboolean ok = database_read_wait(database, items_count, &found, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
	g_assert_cmpint(found.count, ==, expected);
}

void assert_write(Database *database, DatabaseJob job, gpointer data)
{
	g_autoptr(GError) error = NULL;
	gboolean ok = database_write_wait(database, job, data, &error);

	g_assert_no_error(error);
	g_assert_true(ok);
}

void assert_refused(Database *database, DatabaseJob job, gpointer data, RotaError code)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(database_write_wait(database, job, data, &error));
	g_assert_error(error, ROTA_ERROR, (int)code);
}

void watch_init(Watch *watch)
{
	*watch = (Watch){ .story = g_string_new(NULL) };
	g_mutex_init(&watch->lock);
	g_cond_init(&watch->changed);
}

void watch_clear(Watch *watch)
{
	g_mutex_clear(&watch->lock);
	g_cond_clear(&watch->changed);
	g_string_free(watch->story, TRUE);
}

void watch_wait(Watch *watch, guint n)
{
	g_mutex_lock(&watch->lock);
	while (watch->n_done < n)
		g_cond_wait(&watch->changed, &watch->lock);
	g_mutex_unlock(&watch->lock);
}

void watch_open_gate(Watch *watch)
{
	g_mutex_lock(&watch->lock);
	watch->gate_open = TRUE;
	g_cond_broadcast(&watch->changed);
	g_mutex_unlock(&watch->lock);
}

gboolean watch_wait_at_gate(Transaction *transaction, gpointer data, GError **error)
{
	Watch *watch = data;

	g_mutex_lock(&watch->lock);
	while (!watch->gate_open)
		g_cond_wait(&watch->changed, &watch->lock);
	g_mutex_unlock(&watch->lock);
	return TRUE;
}

void watch_note_done(gpointer data, const GError *error)
{
	Watch *watch = data;

	g_mutex_lock(&watch->lock);
	watch->n_done++;
	watch->n_failed += error != NULL;
	g_cond_broadcast(&watch->changed);
	g_mutex_unlock(&watch->lock);
}

void watched_item_note_done(gpointer data, const GError *error)
{
	WatchedItem *watched = data;

	g_mutex_lock(&watched->watch->lock);
	g_string_append_printf(
		watched->watch->story, "%s%s ", watched->name, error ? "-failed" : "-done");
	g_mutex_unlock(&watched->watch->lock);
	watch_note_done(watched->watch, error);
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

gboolean watched_item_add(Transaction *transaction, gpointer data, GError **error)
{
	WatchedItem *watched = data;

	watched->runs++;
	transaction_on_commit(transaction, note_hook, watched, note_free);
	return item_add(transaction, &watched->item, error);
}
