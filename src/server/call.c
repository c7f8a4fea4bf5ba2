/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "server/call-private.h"
#include "server/layer-private.h"
#include "server/query.h"

/* The life of a call:
 *
 *   head -> route -> who is asking -> may they -> kind and size of the body -> body -> its table
 *        -> handler, where its mode says  --.
 *              ^                            |
 *              '-- call_continue() ---------+-> audit, within the handler's transaction -> answer
 *
 * All of it is on the request's loop but the handler itself. Whoever takes the call to another
 * thread sets .away and holds the request; the posted come_back() returns it. When the client is
 * lost meanwhile the work goes on to its end (what was begun in the store is decided there), and
 * the call ends then. */

/* --- Beginning and end --- */

static Call *call_new(Layer *layer, HttpRequest *request)
{
	Call *call = g_new0(Call, 1);

	call->app = layer->app;
	call->layer = layer;
	call->request = request;
	call->answer.fd = -1;
	buffer_init(&call->body, "the body", BODY_SMALL_MAX);
	call_set_request_id(call);
	return call;
}

void call_free(Call *call)
{
	__atomic_sub_fetch(&call->layer->bodies_held, (gint64)call->held, __ATOMIC_RELAXED);
	if (call->free_data && call->data)
		call->free_data(call->data);
	if (call->body_record)
		json_record_free(call->match.route->body, call->body_record);
	g_clear_pointer(&call->body_json, json_decref);
	g_clear_pointer(&call->body_bytes, g_bytes_unref);
	g_clear_pointer(&call->query, g_array_unref);
	g_clear_pointer(&call->stream, body_stream_free);
	g_clear_error(&call->error);
	g_clear_error(&call->refusal);
	buffer_clear(&call->body);
	answer_clear(&call->answer);
	answer_mark_clear(&call->mark);
	audit_note_clear(&call->audit);
	caller_clear(&call->caller);
	g_free(call->client_certificate);
	route_match_clear(&call->match);
	call_free_owned(call);
	g_free(call);
}

void call_gone(HttpRequest *request, gpointer app)
{
	Call *call = http_request_data(request);

	call->gone = TRUE;
	if (call->stream)
		body_stream_break(call->stream);
	if (!call->away)
		call_free(call);
}

/* --- The head --- */

/* TRUE: the call has its row. Else it is answered. */
static gboolean find_route(Call *call)
{
	HttpMethod method = http_request_method(call->request);
	RouteOutcome outcome = router_match(
		call->layer->router, method, http_request_path(call->request), &call->match);
	g_autoptr(GError) error = NULL;
	g_autofree char *allow = NULL;

	if (outcome == ROUTE_FOUND)
		return TRUE;
	if (outcome == ROUTE_UNKNOWN) {
		g_set_error_literal(&error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such path");
		call_answer_error(call, error);
		return FALSE;
	}
	allow = route_methods_text(call->match.methods);
	call_set_header(call, "Allow", allow);
	if (outcome == ROUTE_OPTIONS) {
		call_set_status(call, 200);
	} else {
		call_set_text(call, "application/json",
			call_strdup_printf(call,
				"{\"error\":\"method not allowed\",\"request_id\":\"%s\"}",
				call->request_id));
		call_set_status(call, 405);
	}
	call_answer(call);
	return FALSE;
}

gboolean call_check_permission(const Call *call, GError **error)
{
	const Route *route = call->match.route;

	if (route->caller != CALLER_USER || call_user_may(call, route->permission))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_FORBIDDEN, "permission %s is needed",
		route->permission);
	return FALSE;
}

static gboolean admit(Call *call, GError **error)
{
	const Route *route = call->match.route;

	call->client_certificate = g_strdup(http_request_client_certificate(call->request));
	if (route->caller != CALLER_ANYONE &&
		!caller_find(call->app, call->request, route->caller, &call->caller, error))
		return FALSE;
	if (!call_check_permission(call, error))
		return FALSE;
	call->query = query_parse(http_request_query(call->request), error);
	return call->query && call_check_body_head(call, error);
}

void call_begin(HttpRequest *request, gpointer app)
{
	Layer *layer = app;
	Call *call = call_new(layer, request);
	g_autoptr(GError) error = NULL;

	__atomic_add_fetch(&layer->n_calls, 1, __ATOMIC_RELAXED);
	http_request_set_data(request, call);
	if (!find_route(call))
		return;
	if (!admit(call, &error)) {
		call_answer_error(call, error);
		return;
	}
	call_take_body(call);
}
