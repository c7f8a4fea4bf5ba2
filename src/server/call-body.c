/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/error.h"
#include "server/call-private.h"
#include "server/layer-private.h"
#include "server/settings.h"

/* The body of a call: its kind and size by its head, its bytes as they come, its JSON table. A
 * streamed one is left to its handler (stream.h). */

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
	call_run(call, call->match.route->mode, call->match.route->handler);
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

gboolean call_check_body_head(Call *call, GError **error)
{
	const Route *route = call->match.route;

	if (!http_request_has_body(call->request))
		return TRUE;
	if (route->body_max && !check_body_size(call, route->body_max, error))
		return FALSE;
	return route->body_max == 0 || route->mode == RUN_STREAM || check_media_type(call, error);
}

void call_take_body(Call *call)
{
	static const HttpBodySink sink = { .data = body_data, .end = body_complete };
	const Route *route = call->match.route;

	if (route->mode == RUN_STREAM) {
		call_run(call, RUN_STREAM, route->handler);
		return;
	}
	call->body.size_max = route->body_max;
	if (route->body_max == 0 || !http_request_has_body(call->request))
		body_complete(call->request, call);
	else
		http_request_read_body(call->request, &sink, call);
}
