/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "http/server.h"
#include "server/app.h"
#include "server/database.h"
#include "server/route.h"
#include "server/workers.h"

/* The generic layer: between the HTTP engine and the handlers. One for the whole server. */

enum {
	REQUEST_ID_MAX = 64,
	BODY_SMALL_MAX = 1024 * 1024, /* of any JSON request, unless its row says less */
};

/* Writes the audit entry of a call within the transaction of its change; app.c gives
 * audit_record(). */
typedef gboolean (*LayerAudit)(Call *call, const char *action, const char *object_type,
	const char *object_id, const json_t *details, GError **error);

/* @audit: (nullable): then no entries are written (tests of the layer alone) */
Layer *layer_new(App *app, Router *router, LayerAudit audit);
/* Nothing may be under way any more. */
void layer_free(Layer *layer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Layer, layer_free)

/* What the engine is given. */
HttpApplication layer_application(Layer *layer);

typedef struct {
	guint64 n_calls;
	guint64 n_by_class[6]; /* [2]: answers with a status of 200 to 299, ... */
	guint64 n_streams;     /* under way */
	guint64 bodies_held;   /* bytes of request bodies in memory */
	guint64 n_internal;    /* answered with "internal error" */
} LayerCounts;
void layer_counts(Layer *layer, LayerCounts *ret_counts); /* any thread */
