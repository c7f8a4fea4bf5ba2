/* SPDX-License-Identifier: Apache-2.0 */
#include "server/workers.h"

#include "base/error.h"

typedef struct {
	Work work;
	gpointer data;
} Item;

struct Workers {
	GThreadPool *pool;
	const char *name;
	gint n_waiting_max;
	gint n_unfinished; /* atomic: waiting and running */
};

static void run_item(gpointer item_data, gpointer workers_data)
{
	Workers *workers = workers_data;
	g_autofree Item *item = item_data;

	item->work(item->data);
	g_atomic_int_add(&workers->n_unfinished, -1);
}

Workers *workers_new(const char *name, guint n_threads, guint n_waiting_max)
{
	Workers *workers = g_new0(Workers, 1);

	workers->name = name;
	workers->n_waiting_max = (gint)(n_waiting_max + n_threads);
	workers->pool = g_thread_pool_new(run_item, workers, (gint)n_threads, FALSE, NULL);
	return workers;
}

gboolean workers_push(Workers *workers, Work work, gpointer data, GError **error)
{
	g_autofree Item *item = g_new(Item, 1);

	*item = (Item){ work, data };
	if (g_atomic_int_add(&workers->n_unfinished, 1) >= workers->n_waiting_max) {
		g_atomic_int_add(&workers->n_unfinished, -1);
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "too many %s at a time",
			workers->name);
		return FALSE;
	}
	if (!g_thread_pool_push(workers->pool, item, error)) {
		/* The item is in the queue all the same and waits for a thread that lives (GLib's
		 * promise). */
		g_clear_error(error);
	}
	g_steal_pointer(&item);
	return TRUE;
}

void workers_free(Workers *workers)
{
	if (!workers)
		return;
	g_thread_pool_free(workers->pool, FALSE, TRUE);
	g_free(workers);
}
