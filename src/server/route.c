/* SPDX-License-Identifier: Apache-2.0 */
#include "server/route.h"

#include <string.h>
#include "base/error.h"
#include "server/query.h"
#include "server/auth/permissions.h"

#define N_METHODS ((guint)HTTP_OTHER)

/* A place in the tree: what may come after the segments so far. */
typedef struct Node Node;
struct Node {
	GHashTable *children; /* segment to Node *; NULL = none */
	Node *parameter;      /* any segment */
	const Route *routes[N_METHODS];
	char **names[N_METHODS]; /* the parameters' names of that row, in order */
	guint methods;
};

struct Router {
	Node *root;
};

static void node_free(Node *node)
{
	if (!node)
		return;
	g_clear_pointer(&node->children, g_hash_table_unref);
	node_free(node->parameter);
	for (guint i = 0; i < N_METHODS; i++)
		g_strfreev(node->names[i]);
	g_free(node);
}

Router *router_new(void)
{
	Router *router = g_new0(Router, 1);

	router->root = g_new0(Node, 1);
	return router;
}

void router_free(Router *router)
{
	if (!router)
		return;
	node_free(router->root);
	g_free(router);
}

void route_match_clear(RouteMatch *match)
{
	for (guint i = 0; i < match->n_parameters; i++)
		g_clear_pointer(&match->values[i], g_free);
	memset(match, 0, sizeof *match);
}

const char *http_method_text(HttpMethod method)
{
	static const char *const names[N_METHODS] = {
		[HTTP_GET] = "GET",
		[HTTP_HEAD] = "HEAD",
		[HTTP_POST] = "POST",
		[HTTP_PUT] = "PUT",
		[HTTP_PATCH] = "PATCH",
		[HTTP_DELETE] = "DELETE",
		[HTTP_OPTIONS] = "OPTIONS",
	};
	return method < N_METHODS ? names[method] : "OTHER";
}

/* --- Compiling --- */

static Node *node_step(Node *node, const char *segment)
{
	Node *next;

	if (segment[0] == '{') {
		if (!node->parameter)
			node->parameter = g_new0(Node, 1);
		return node->parameter;
	}
	if (!node->children)
		node->children = g_hash_table_new_full(
			g_str_hash, g_str_equal, g_free, (GDestroyNotify)node_free);
	next = g_hash_table_lookup(node->children, segment);
	if (!next) {
		next = g_new0(Node, 1);
		g_hash_table_insert(node->children, g_strdup(segment), next);
	}
	return next;
}

/* Why a row cannot stand as it is, or NULL. */
static const char *row_fault(const Route *route)
{
	if (route->path[0] != '/')
		return "the path does not start with a slash";
	if (route->method >= HTTP_OPTIONS || route->method == HTTP_HEAD)
		return "the method is served by the layer itself";
	if (!route->handler)
		return "no handler";
	if (route->caller == CALLER_USER &&
		(!route->permission || !permission_bit(route->permission)))
		return "no known permission";
	if (route->caller != CALLER_USER && route->permission)
		return "a permission without a user";
	if (route->body && route->body_max == 0)
		return "a body table without a maximum";
	return NULL;
}

static gboolean add_row(Router *router, const Route *route, GError **error)
{
	g_auto(GStrv) segments = NULL;
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	Node *node = router->root;
	const char *fault = row_fault(route);

	if (fault) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL, "route %s %s: %s",
			http_method_text(route->method), route->path, fault);
		return FALSE;
	}
	segments = g_strsplit(route->path + 1, "/", -1);
	for (char **segment = segments; *segment; segment++) {
		if (**segment == '{')
			g_ptr_array_add(names, g_strndup(*segment + 1, strlen(*segment) - 2));
		node = node_step(node, *segment);
	}
	if (node->routes[route->method] || names->len > ROUTE_PARAMETERS_MAX ||
		g_strv_length(segments) > ROUTE_SEGMENTS_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL,
			"route %s %s: there twice, or too long", http_method_text(route->method),
			route->path);
		return FALSE;
	}
	g_ptr_array_add(names, NULL);
	node->routes[route->method] = route;
	node->names[route->method] = (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
	node->methods |= 1u << route->method;
	return TRUE;
}

gboolean router_add(Router *router, const Route *routes, GError **error)
{
	for (const Route *route = routes; route->path; route++)
		if (!add_row(router, route, error))
			return FALSE;
	return TRUE;
}

/* --- Matching --- */

/* Decoded segments of the path that is being matched; they point into .text, but for those that had
 * to be decoded. */
typedef struct {
	char *text;
	char *segments[ROUTE_SEGMENTS_MAX];
	char *decoded[ROUTE_SEGMENTS_MAX];
	guint n;
} Path;

static void path_clear(Path *path)
{
	g_free(path->text);
	for (guint i = 0; i < path->n; i++)
		g_free(path->decoded[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Path, path_clear)

/* Takes one more segment, which ends where its NUL is. */
static gboolean path_add(Path *path, char *segment, gsize length)
{
	char *decoded = NULL;

	if (path->n == ROUTE_SEGMENTS_MAX || length > 3 * ROUTE_SEGMENT_MAX)
		return FALSE;
	if (memchr(segment, '%', length)) {
		decoded = url_decode(segment, length, FALSE);
		if (!decoded)
			return FALSE;
		length = strlen(decoded);
	}
	path->decoded[path->n] = decoded;
	path->segments[path->n++] = decoded ? decoded : segment;
	return length <= ROUTE_SEGMENT_MAX;
}

static gboolean path_split(Path *path, const char *text)
{
	char *next;

	if (*text != '/' || !g_utf8_validate(text, -1, NULL))
		return FALSE;
	path->text = g_strdup(text);
	next = path->text;
	while (next) {
		char *segment = next + 1;

		next = strchr(segment, '/');
		if (next)
			*next = '\0';
		if (!path_add(path, segment, next ? (gsize)(next - segment) : strlen(segment)))
			return FALSE;
	}
	return TRUE;
}

/* The node the rest of the path leads to, or NULL. @ret_taken: which segments were parameters. */
static const Node *walk(const Node *node, const Path *path, guint depth, guint32 *ret_taken)
{
	const Node *next;
	const Node *end = NULL;

	if (depth == path->n)
		return node->methods ? node : NULL;
	next = node->children ? g_hash_table_lookup(node->children, path->segments[depth]) : NULL;
	if (next)
		end = walk(next, path, depth + 1, ret_taken);
	if (end || !node->parameter || path->segments[depth][0] == '\0')
		return end;
	end = walk(node->parameter, path, depth + 1, ret_taken);
	if (end)
		*ret_taken |= 1u << depth;
	return end;
}

static void take_parameters(RouteMatch *match, Path *path, guint32 taken, char *const *names)
{
	for (guint depth = 0; depth < path->n; depth++) {
		if (!(taken & (1u << depth)))
			continue;
		match->names[match->n_parameters] = names[match->n_parameters];
		match->values[match->n_parameters++] = g_strdup(path->segments[depth]);
	}
}

RouteOutcome router_match(
	const Router *router, HttpMethod method, const char *path_text, RouteMatch *ret_match)
{
	g_auto(Path) path = { 0 };
	guint32 taken = 0;
	const Node *node;
	HttpMethod row = method == HTTP_HEAD ? HTTP_GET : method;

	memset(ret_match, 0, sizeof *ret_match);
	if (!path_split(&path, path_text))
		return ROUTE_UNKNOWN;
	node = walk(router->root, &path, 0, &taken);
	if (!node)
		return ROUTE_UNKNOWN;
	ret_match->methods = node->methods;
	if (method == HTTP_OPTIONS)
		return ROUTE_OPTIONS;
	if (row >= N_METHODS || !node->routes[row])
		return ROUTE_WRONG_METHOD;
	ret_match->route = node->routes[row];
	take_parameters(ret_match, &path, taken, node->names[row]);
	return ROUTE_FOUND;
}

char *route_methods_text(guint methods)
{
	GString *text = g_string_new(NULL);

	methods |= 1u << HTTP_OPTIONS;
	if (methods & (1u << HTTP_GET))
		methods |= 1u << HTTP_HEAD;
	for (guint i = 0; i < N_METHODS; i++)
		if (methods & (1u << i))
			g_string_append_printf(
				text, "%s%s", text->len ? ", " : "", http_method_text(i));
	return g_string_free(text, FALSE);
}
