/* SPDX-License-Identifier: Apache-2.0 */
#include "server/layer-private.h"

#include "crypto/digest.h"
#include "server/call-private.h"

enum {
	WORKERS = 2, /* password hashes at a time: each takes 64 MiB and a core */
	WORKERS_WAITING_MAX = 64,
	STREAMS_MAX = 64, /* uploads at a time */
};

static void add(guint64 *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static guint64 get(const guint64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

Layer *layer_new(App *app, Router *router, LayerAudit audit)
{
	Layer *layer = g_new0(Layer, 1);

	layer->app = app;
	layer->router = router;
	layer->audit = audit;
	layer->workers = workers_new("log-ins", WORKERS, WORKERS_WAITING_MAX);
	layer->streams = workers_new("uploads", STREAMS_MAX, 0);
	random_bytes(&layer->id_prefix, sizeof layer->id_prefix);
	return layer;
}

void layer_free(Layer *layer)
{
	if (!layer)
		return;
	workers_free(layer->streams);
	workers_free(layer->workers);
	g_free(layer);
}

void layer_count_answer(Layer *layer, guint status)
{
	add(&layer->n_by_class[status / 100 % G_N_ELEMENTS(layer->n_by_class)]);
}

void layer_count_internal(Layer *layer)
{
	add(&layer->n_internal);
}

void layer_counts(Layer *layer, LayerCounts *ret_counts)
{
	*ret_counts = (LayerCounts){
		.n_calls = get(&layer->n_calls),
		.n_streams = get(&layer->n_streams),
		.n_internal = get(&layer->n_internal),
		.bodies_held = (guint64)__atomic_load_n(&layer->bodies_held, __ATOMIC_RELAXED),
	};
	for (guint i = 0; i < G_N_ELEMENTS(layer->n_by_class); i++)
		ret_counts->n_by_class[i] = get(&layer->n_by_class[i]);
}

HttpApplication layer_application(Layer *layer)
{
	return (HttpApplication){ .head = call_begin, .gone = call_gone, .app = layer };
}
