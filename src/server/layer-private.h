/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/layer.h"

struct Layer {
	App *app;
	Router *router; /* borrowed */
	LayerAudit audit;
	Workers *workers;   /* RUN_WORKER */
	Workers *streams;   /* RUN_STREAM: a thread for each */
	gint64 bodies_held; /* atomic: bytes of bodies in memory */
	guint64 id_prefix;  /* random: request ids of two runs differ */
	guint64 n_ids;      /* atomic, as all that follows */
	guint64 n_calls, n_by_class[6], n_streams, n_internal;
};

void layer_count_answer(Layer *layer, guint status);
void layer_count_internal(Layer *layer);
