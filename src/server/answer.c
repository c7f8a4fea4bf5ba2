/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "server/call-private.h"
#include "server/layer-private.h"
#include "server/status.h"

/* The last step of a call, on its loop. The engine may let go of the request, and so end the call,
 * within http_request_answer(): nothing of the call is used after it. */

void answer_clear(Answer *answer)
{
	g_clear_pointer(&answer->headers, g_array_unref);
	g_clear_pointer(&answer->body, g_bytes_unref);
	g_clear_pointer(&answer->error_detail, json_decref);
	g_clear_pointer(&answer->error_json, json_decref);
	if (answer->fd >= 0)
		close(answer->fd);
	answer->fd = -1;
}

void answer_mark_clear(AnswerMark *mark)
{
	g_clear_pointer(&mark->body, g_bytes_unref);
	g_clear_pointer(&mark->error_detail, json_decref);
	g_clear_pointer(&mark->error_json, json_decref);
	g_clear_error(&mark->refusal);
}

/* A file is not marked: one that is set is closed by whatever is set after it. */
void answer_mark(Call *call)
{
	const Answer *answer = &call->answer;

	answer_mark_clear(&call->mark);
	call->mark = (AnswerMark){
		.status = answer->status,
		.n_headers = answer->headers ? answer->headers->len : 0,
		.content_type = answer->content_type,
		.body = answer->body ? g_bytes_ref(answer->body) : NULL,
		.error_detail = json_deep_copy(answer->error_detail),
		.error_json = json_deep_copy(answer->error_json),
		.refusal = call->refusal ? g_error_copy(call->refusal) : NULL,
	};
}

void answer_rewind(Call *call)
{
	GArray *headers = g_steal_pointer(&call->answer.headers);
	AnswerMark mark = call->mark;

	if (headers)
		g_array_set_size(headers, mark.n_headers);
	answer_clear(&call->answer);
	g_clear_error(&call->refusal);
	call->answer.status = mark.status;
	call->answer.headers = headers;
	call->answer.content_type = mark.content_type;
	call->answer.body = mark.body;
	call->answer.error_detail = mark.error_detail;
	call->answer.error_json = mark.error_json;
	call->refusal = mark.refusal;
	call->mark = (AnswerMark){ 0 };
	answer_mark(call);
}

static GBytes *json_bytes(const json_t *value)
{
	char *text = json_to_text(value);

	return g_bytes_new_take(text, strlen(text));
}

static void add_headers(Call *call)
{
	const GArray *headers = call->answer.headers;

	http_request_add_header(call->request, "X-MEN-RequestID", call->request_id);
	for (guint i = 0; headers && i < headers->len; i++) {
		const AnswerHeader *header = &g_array_index(headers, AnswerHeader, i);

		http_request_add_header(call->request, header->name, header->value);
	}
}

/* A body must never be taken for a page, nor kept by a cache on the way. */
static void add_body_headers(Call *call)
{
	http_request_add_header(call->request, "X-Content-Type-Options", "nosniff");
	http_request_add_header(call->request, "Cache-Control", "no-store");
	http_request_add_header(call->request, "Strict-Transport-Security", "max-age=31536000");
}

void call_answer(Call *call)
{
	Answer *answer = &call->answer;
	guint status = answer->status;

	if (!status)
		status = answer->body || answer->fd >= 0 ? 200 : 204;
	call->answered = TRUE;
	layer_count_answer(call->layer, status);
	add_headers(call);
	if (answer->fd >= 0) {
		int fd = answer->fd;

		answer->fd = -1;
		http_request_answer_file(call->request, status, answer->content_type, fd,
			answer->offset, answer->length);
		return;
	}
	if (answer->body)
		add_body_headers(call);
	http_request_answer(
		call->request, status, answer->body ? answer->content_type : NULL, answer->body);
}

static json_t *error_value(Call *call, const char *message)
{
	json_t *value;

	if (call->answer.error_json)
		return json_incref(call->answer.error_json);
	value = json_pack("{s:s, s:s}", "error", message, "request_id", call->request_id);
	if (call->answer.error_detail)
		json_object_update_missing(value, call->answer.error_detail);
	return value;
}

/* Errors quote what came; what is not text is not quoted. */
static const char *safe_message(const GError *error)
{
	return g_utf8_validate(error->message, -1, NULL) ? error->message
							 : "the request is malformed";
}

void call_answer_error(Call *call, const GError *error)
{
	ErrorStatus how = error_status(error);
	g_autoptr(json_t) value = NULL;

	if (how.is_ours) {
		layer_count_internal(call->layer);
		g_critical("request %s: %s %s: %s", call->request_id,
			http_request_method_name(call->request),
			call->match.route ? call->match.route->path : "-", error->message);
	}
	value = error_value(call, how.is_ours ? "internal error" : safe_message(error));
	g_clear_pointer(&call->answer.body, g_bytes_unref);
	if (call->answer.fd >= 0)
		close(call->answer.fd);
	call->answer.fd = -1;
	if (how.retry_after_s)
		call_set_header(
			call, "Retry-After", call_strdup_printf(call, "%u", how.retry_after_s));
	if (how.status == 401)
		call_set_header(call, "WWW-Authenticate", "Bearer");
	call->answer.status = how.status;
	call->answer.content_type = "application/json";
	call->answer.body = json_bytes(value);
	call_answer(call);
}

/* --- What handlers say --- */

void call_set_status(Call *call, guint status)
{
	call->answer.status = status;
}

static void header_clear(gpointer data)
{
	AnswerHeader *header = data;

	g_free(header->name);
	g_free(header->value);
}

void call_set_header(Call *call, const char *name, const char *value)
{
	AnswerHeader header = { g_strdup(name), g_strdup(value) };

	if (!call->answer.headers) {
		call->answer.headers = g_array_new(FALSE, FALSE, sizeof(AnswerHeader));
		g_array_set_clear_func(call->answer.headers, header_clear);
	}
	g_array_append_val(call->answer.headers, header);
}

static void set_body(Call *call, const char *content_type, GBytes *body)
{
	g_clear_pointer(&call->answer.body, g_bytes_unref);
	call->answer.body = body;
	call->answer.content_type = call_strdup(call, content_type);
}

void call_set_json(Call *call, json_t *value)
{
	g_autoptr(json_t) owned = value;

	set_body(call, "application/json", json_bytes(owned));
}

void call_set_text(Call *call, const char *content_type, const char *text)
{
	set_body(call, content_type, g_bytes_new(text, strlen(text)));
}

void call_set_file(Call *call, const char *content_type, int fd, guint64 offset, guint64 length)
{
	if (call->answer.fd >= 0)
		close(call->answer.fd);
	call->answer.content_type = call_strdup(call, content_type);
	call->answer.fd = fd;
	call->answer.offset = offset;
	call->answer.length = length;
}

void call_set_error_detail(Call *call, const char *name, json_t *value)
{
	if (!call->answer.error_detail)
		call->answer.error_detail = json_object();
	json_object_set_new(call->answer.error_detail, name, value);
}

void call_set_error_json(Call *call, json_t *value)
{
	g_clear_pointer(&call->answer.error_json, json_decref);
	call->answer.error_json = value;
}

void call_set_refusal(Call *call, gint code, const char *message)
{
	g_clear_error(&call->refusal);
	call->refusal = g_error_new_literal(ROTA_ERROR, code, message);
}
