/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/error.h"
#include "server/call-private.h"
#include "server/layer-private.h"
#include "server/query.h"
#include "server/settings.h"

/* The life of a call:
 *
 *   head -> route -> who is asking -> may they -> kind and size of the body -> body -> its JSON
 * table
 *        -> handler, where its mode says  --.
 *              ^                            |
 *              '-- call_continue() ---------+-> audit, within the handler's transaction -> answer
 *
 * All of it is on the request's loop but the handler itself. Whoever takes the call to another
 * thread sets .away and holds the request; the posted come_back() returns it. When the client is
 * lost meanwhile the work goes on to its end (what was begun in the store is decided there), and
 * the call ends then. */

/* --- Beginning and end --- */

typedef struct {
	gpointer data;
	GDestroyNotify free_data;
} Owned;

/* The caller's own id where it is a plain word, so that logs of both sides can be matched; else a
 * new one. */
/* A UUID of version 4 by its form: the process's random number, then a count. Written by hand,
 * since printf took a twentieth of the time of a poll. */
static void make_request_id(guint64 prefix, guint64 number, char ret_id[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	static const char form[] = "pppppppp-pppp-4ppp-8nnn-nnnnnnnnnnnn";
	guint prefix_shift = 60, number_shift = 56;

	for (guint i = 0; i < sizeof form; i++) {
		ret_id[i] = form[i];
		if (form[i] == 'p') {
			ret_id[i] = digits[prefix >> prefix_shift & 15];
			prefix_shift -= 4;
		} else if (form[i] == 'n') {
			ret_id[i] = digits[number >> number_shift & 15];
			number_shift -= 4;
		}
	}
}

static void set_request_id(Call *call)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const char *given = http_request_header(call->request, "X-MEN-RequestID");
	guint64 number;

	if (given && *given && strlen(given) <= REQUEST_ID_MAX &&
		given[strspn(given, plain)] == '\0') {
		g_strlcpy(call->request_id, given, sizeof call->request_id);
		return;
	}
	number = __atomic_add_fetch(&call->layer->n_ids, 1, __ATOMIC_RELAXED);
	make_request_id(call->layer->id_prefix, number, call->request_id);
}

static Call *call_new(Layer *layer, HttpRequest *request)
{
	Call *call = g_new0(Call, 1);

	call->app = layer->app;
	call->layer = layer;
	call->request = request;
	call->answer.fd = -1;
	buffer_init(&call->body, "the body", BODY_SMALL_MAX);
	set_request_id(call);
	return call;
}

static void audit_clear(AuditNote *note)
{
	g_free(note->object_type);
	g_free(note->object_id);
	g_clear_pointer(&note->details, json_decref);
	memset(note, 0, sizeof *note);
}

static void free_owned(Call *call)
{
	for (guint i = call->owned ? call->owned->len : 0; i-- > 0;) {
		Owned *owned = &g_array_index(call->owned, Owned, i);

		if (owned->free_data)
			owned->free_data(owned->data);
	}
	g_clear_pointer(&call->owned, g_array_unref);
}

static void call_free(Call *call)
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
	audit_clear(&call->audit);
	caller_clear(&call->caller);
	route_match_clear(&call->match);
	free_owned(call);
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

/* --- Running handlers --- */

/* Runs the handler that is due; what it wants next is in .next_handler. */
static gboolean run_handler(Call *call, GError **error)
{
	call->next_handler = NULL;
	return call->handler(call, error);
}

static void step(Call *call);

static void come_back(HttpRequest *request, gboolean gone, gpointer data)
{
	Call *call = data;

	call->away = FALSE;
	if (call->mode == RUN_STREAM)
		__atomic_sub_fetch(&call->layer->n_streams, 1, __ATOMIC_RELAXED);
	if (call->gone) {
		call_free(call);
		return;
	}
	step(call);
}

static void send_away(Call *call)
{
	call->away = TRUE;
	http_request_hold(call->request);
}

static gboolean write_audit(Call *call, GError **error)
{
	const char *action = call->audit.action ? call->audit.action : call->match.route->audit;

	if (!action || !call->audit.object_type || !call->layer->audit)
		return TRUE;
	return call->layer->audit(call, action, call->audit.object_type, call->audit.object_id,
		call->audit.details, error);
}

static gboolean store_job(Transaction *transaction, gpointer data, GError **error)
{
	Call *call = data;
	gboolean ok;

	/* The store may run a job again after undoing it: what the first try noted is void. */
	audit_clear(&call->audit);
	if (call->answer.headers)
		g_array_set_size(call->answer.headers, call->n_headers);
	call->transaction = transaction;
	ok = run_handler(call, error) && (call->mode != RUN_WRITE || write_audit(call, error));
	call->transaction = NULL;
	return ok;
}

static void store_done(gpointer data, const GError *error)
{
	Call *call = data;

	if (error)
		call->error = g_error_copy(error);
	http_request_post(call->request, come_back, call);
}

static void run_on_loop(Call *call)
{
	run_handler(call, &call->error);
	step(call);
}

static void run_on_reader(Call *call)
{
	send_away(call);
	database_read(app_database(call->app), store_job, store_done, call);
}

static void run_on_writer(Call *call)
{
	send_away(call);
	database_write(app_database(call->app), store_job, store_done, call);
}

static void work(gpointer data)
{
	Call *call = data;

	run_handler(call, &call->error);
	if (call->mode == RUN_STREAM)
		body_stream_close(call->stream);
	http_request_post(call->request, come_back, call);
}

static void run_on_worker(Call *call)
{
	send_away(call);
	if (!workers_push(call->layer->workers, work, call, &call->error))
		http_request_post(call->request, come_back, call);
}

static void run_as_stream(Call *call)
{
	__atomic_add_fetch(&call->layer->n_streams, 1, __ATOMIC_RELAXED);
	send_away(call);
	if (!call->stream)
		call->stream = body_stream_new(call->request, call->match.route->body_max);
	if (workers_push(call->layer->streams, work, call, &call->error))
		return;
	body_stream_close(call->stream);
	http_request_post(call->request, come_back, call);
}

static void run(Call *call, RunMode mode, CallHandler handler)
{
	static void (*const runners[])(Call * call) = {
		[RUN_LOOP] = run_on_loop,
		[RUN_READ] = run_on_reader,
		[RUN_WRITE] = run_on_writer,
		[RUN_WORKER] = run_on_worker,
		[RUN_STREAM] = run_as_stream,
	};

	call->mode = mode;
	call->handler = handler;
	call->n_headers = call->answer.headers ? call->answer.headers->len : 0;
	call->next_handler = NULL;
	runners[mode](call);
}

static gboolean check_permission(const Call *call, GError **error)
{
	const Route *route = call->match.route;

	if (route->caller != CALLER_USER || call_user_may(call, route->permission))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_FORBIDDEN, "permission %s is needed",
		route->permission);
	return FALSE;
}

/* A body may take hours to come: who was let in at its head must still be let in at its end. */
static void go_on(Call *call)
{
	g_autoptr(GError) error = NULL;

	if (call->mode == RUN_STREAM && (!caller_renew(call->app, &call->caller, &error) ||
						!check_permission(call, &error)))
		call_answer_error(call, error);
	else
		run(call, call->next_mode, call->next_handler);
}

/* A handler has run: on to the next one, or to the answer. */
static void step(Call *call)
{
	if (call->error) {
		g_autoptr(GError) error = g_steal_pointer(&call->error);

		call_answer_error(call, error);
		return;
	}
	if (call->next_handler) {
		go_on(call);
		return;
	}
	if (call->refusal) {
		g_autoptr(GError) refusal = g_steal_pointer(&call->refusal);

		call_answer_error(call, refusal);
		return;
	}
	call_answer(call);
}

gboolean call_continue(Call *call, RunMode mode, CallHandler handler)
{
	call->next_mode = mode;
	call->next_handler = handler;
	return TRUE;
}

/* --- The body --- */

static gboolean parse_body(Call *call, GError **error)
{
	gsize size;
	const char *data = g_bytes_get_data(call->body_bytes, &size);
	const JsonRecord *record = call->match.route->body;

	if (!record)
		return TRUE;
	if (size == 0) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID, "the body is empty");
		return FALSE;
	}
	call->body_record = json_record_parse(record, data, size, error);
	return call->body_record != NULL;
}

static void body_complete(HttpRequest *request, gpointer sink)
{
	Call *call = sink;
	g_autoptr(GError) error = NULL;

	call->body_bytes = buffer_steal(&call->body);
	if (!parse_body(call, &error)) {
		call_answer_error(call, error);
		return;
	}
	run(call, call->match.route->mode, call->match.route->handler);
}

/* Each body has its maximum; this is the one of all of them together: thousands of strangers who
 * each send all but the last byte must not fill the memory. */
static gboolean hold_bytes(Call *call, gsize size, GError **error)
{
	gint64 held = __atomic_add_fetch(&call->layer->bodies_held, (gint64)size, __ATOMIC_RELAXED);

	call->held += size;
	if (held <= app_settings(call->app)->bodies_held_max)
		return TRUE;
	g_set_error_literal(
		error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "too many request bodies at a time");
	return FALSE;
}

static gboolean body_data(HttpRequest *request, const guint8 *data, gsize size, gpointer sink)
{
	Call *call = sink;
	g_autoptr(GError) error = NULL;

	if (call->answered)
		return FALSE;
	if (hold_bytes(call, size, &error) && buffer_append(&call->body, data, size, &error))
		return TRUE;
	call_answer_error(call, error);
	return FALSE;
}

/* server-api.md 0.2: said only of a body whose length is said; chunked ones are taken as they are.
 */
static gboolean check_media_type(Call *call, GError **error)
{
	const char *type = http_request_header(call->request, "Content-Type");
	gsize length;

	if (http_request_content_length(call->request) <= 0)
		return TRUE;
	length = type ? strcspn(type, "; \t") : 0;
	if (length && !memchr(type, '/', length)) {
		g_set_error_literal(
			error, ROTA_ERROR, ROTA_ERROR_INVALID, "malformed Content-Type");
		return FALSE;
	}
	if (length == strlen("application/json") &&
		g_ascii_strncasecmp(type, "application/json", length) == 0)
		return TRUE;
	g_set_error_literal(
		error, ROTA_ERROR, ROTA_ERROR_MEDIA_TYPE, "Content-Type must be application/json");
	return FALSE;
}

static gboolean check_body_size(Call *call, gsize size_max, GError **error)
{
	if (http_request_content_length(call->request) <= (gint64)size_max)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE, "the body is larger than %zu bytes",
		size_max);
	return FALSE;
}

static gboolean check_body_head(Call *call, GError **error)
{
	const Route *route = call->match.route;

	if (!http_request_has_body(call->request))
		return TRUE;
	if (route->body_max && !check_body_size(call, route->body_max, error))
		return FALSE;
	return route->body_max == 0 || route->mode == RUN_STREAM || check_media_type(call, error);
}

static void take_body(Call *call)
{
	static const HttpBodySink sink = { .data = body_data, .end = body_complete };
	const Route *route = call->match.route;

	if (route->mode == RUN_STREAM) {
		run(call, RUN_STREAM, route->handler);
		return;
	}
	call->body.size_max = route->body_max;
	if (route->body_max == 0 || !http_request_has_body(call->request))
		body_complete(call->request, call);
	else
		http_request_read_body(call->request, &sink, call);
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

static gboolean admit(Call *call, GError **error)
{
	const Route *route = call->match.route;

	if (route->caller != CALLER_ANYONE &&
		!caller_find(call->app, call->request, route->caller, &call->caller, error))
		return FALSE;
	if (!check_permission(call, error))
		return FALSE;
	call->query = query_parse(http_request_query(call->request), error);
	return call->query && check_body_head(call, error);
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
	take_body(call);
}

/* --- What handlers ask --- */

App *call_app(const Call *call)
{
	return call->app;
}

const Route *call_route(const Call *call)
{
	return call->match.route;
}

Transaction *call_transaction(const Call *call)
{
	return call->transaction;
}

void call_set_data(Call *call, gpointer data, GDestroyNotify free_data)
{
	if (call->free_data && call->data)
		call->free_data(call->data);
	call->data = data;
	call->free_data = free_data;
}

gpointer call_data(const Call *call)
{
	return call->data;
}

const char *call_tenant(const Call *call)
{
	return call->caller.tenant;
}

const char *call_path(const Call *call)
{
	return http_request_path(call->request);
}

const char *call_parameter(const Call *call, const char *name)
{
	for (guint i = 0; i < call->match.n_parameters; i++)
		if (g_str_equal(call->match.names[i], name))
			return call->match.values[i];
	return NULL;
}

const char *call_query(const Call *call, const char *name)
{
	for (guint i = 0; i < call->query->len; i++) {
		const QueryPair *pair = &g_array_index(call->query, QueryPair, i);

		if (g_str_equal(pair->name, name))
			return pair->value;
	}
	return NULL;
}

char **call_query_all(const Call *call, const char *name)
{
	GPtrArray *values = g_ptr_array_new();

	for (guint i = 0; i < call->query->len; i++) {
		const QueryPair *pair = &g_array_index(call->query, QueryPair, i);

		if (g_str_equal(pair->name, name))
			g_ptr_array_add(values, g_strdup(pair->value));
	}
	g_ptr_array_add(values, NULL);
	return (char **)g_ptr_array_free(values, FALSE);
}

const GArray *call_query_pairs(const Call *call)
{
	return call->query;
}

const char *call_header(const Call *call, const char *name)
{
	return http_request_header(call->request, name);
}

const char *call_peer(const Call *call)
{
	return http_request_peer(call->request);
}

gconstpointer call_body(const Call *call)
{
	return call->body_record;
}

GBytes *call_body_bytes(const Call *call)
{
	return call->body_bytes;
}

json_t *call_body_json(Call *call, GError **error)
{
	gsize size;
	const char *data;

	if (call->body_json)
		return call->body_json;
	data = g_bytes_get_data(call->body_bytes, &size);
	call->body_json = json_parse_strict(data ? data : "", size, error);
	return call->body_json;
}

GInputStream *call_body_stream(Call *call)
{
	return call->stream ? body_stream_input(call->stream) : NULL;
}

const char *call_request_id(const Call *call)
{
	return call->request_id;
}

const char *call_user_id(const Call *call)
{
	return call->caller.session ? call->caller.session->user_id : NULL;
}

const char *call_user_email(const Call *call)
{
	return call->caller.session ? call->caller.session->email : NULL;
}

const char *call_session_id(const Call *call)
{
	return call->caller.session ? call->caller.session->id : NULL;
}

gboolean call_user_may(const Call *call, const char *permission)
{
	return call->caller.session &&
	       (call->caller.session->permissions & permission_bit(permission));
}

const char *call_device_id(const Call *call)
{
	return call->caller.kind == CALLER_DEVICE ? call->caller.device_id : NULL;
}

guint32 call_device_row(const Call *call)
{
	return call->caller.device.row;
}

/* --- Memory, audit --- */

gpointer call_own(Call *call, gpointer data, GDestroyNotify free_data)
{
	Owned owned = { data, free_data };

	if (!call->owned)
		call->owned = g_array_new(FALSE, FALSE, sizeof(Owned));
	g_array_append_val(call->owned, owned);
	return data;
}

char *call_strdup(Call *call, const char *text)
{
	return text ? call_own(call, g_strdup(text), g_free) : NULL;
}

char *call_strdup_printf(Call *call, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	return call_own(call, text, g_free);
}

void call_audit(Call *call, const char *object_type, const char *object_id, json_t *details)
{
	g_free(call->audit.object_type);
	g_free(call->audit.object_id);
	g_clear_pointer(&call->audit.details, json_decref);
	call->audit.object_type = g_strdup(object_type);
	call->audit.object_id = g_strdup(object_id);
	call->audit.details = details;
}

void call_audit_action(Call *call, const char *action)
{
	call->audit.action = action;
}
