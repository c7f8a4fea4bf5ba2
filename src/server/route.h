/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/call.h"

/* From a path to its row. All tables are compiled once into one tree over path segments; a segment
 * that is spelt out wins over a {name}. */
typedef struct Router Router;

enum {
	ROUTE_PARAMETERS_MAX = 4,
	ROUTE_SEGMENTS_MAX = 24,
	ROUTE_SEGMENT_MAX = 1024, /* bytes of one segment after decoding */
};

typedef enum {
	ROUTE_FOUND,
	ROUTE_UNKNOWN,      /* no row has this path */
	ROUTE_WRONG_METHOD, /* rows have this path, none with this method */
	ROUTE_OPTIONS,      /* OPTIONS of a known path */
} RouteOutcome;

typedef struct {
	const Route *route;
	const char *names[ROUTE_PARAMETERS_MAX]; /* borrowed from the router */
	char *values[ROUTE_PARAMETERS_MAX];      /* decoded, owned */
	guint n_parameters;
	guint methods; /* one bit (1 << HttpMethod) for each method the path has */
} RouteMatch;

void route_match_clear(RouteMatch *match);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RouteMatch, route_match_clear)

Router *router_new(void);
void router_free(Router *router);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Router, router_free)

/* @routes ends with a row without a path, and must outlive the router. Refuses a row that says less
 * than it must (no handler, a user's row without a known permission, a changing one without an
 * audit action) and a row that is there already. */
gboolean router_add(Router *router, const Route *routes, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @path: as it came, not decoded. A malformed one is ROUTE_UNKNOWN. @ret_match must be cleared. */
RouteOutcome router_match(
	const Router *router, HttpMethod method, const char *path, RouteMatch *ret_match);

/* (transfer full): "GET, HEAD, OPTIONS", for the Allow header. */
char *route_methods_text(guint methods);
const char *http_method_text(HttpMethod method);
