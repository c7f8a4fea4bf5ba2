/* SPDX-License-Identifier: Apache-2.0 */
#include "http/request.h"

enum { WINDOW_S = 10 };

gboolean http_request_wants_body(const HttpRequest *request)
{
	if (request->message.is_complete || request->is_paused || request->must_close)
		return FALSE;
	/* Answered without it: what comes is dropped, once the answer is out. */
	return request->is_answered ? request->is_sent : request->has_sink;
}

static void start_window(HttpRequest *request)
{
	request->n_window[0] = 0;
	request->n_window[1] = -1; /* the first half is given for free */
}

void http_request_watch_body(HttpRequest *request)
{
	HttpConnection *connection = request->connection;

	if (connection == NULL || request->message.is_complete || request->is_paused)
		return;
	start_window(request);
	http_deadline_set(&request->loop->deadlines, &connection->deadline, HTTP_DEADLINE_BODY);
}

gboolean http_request_body_keeps_pace(HttpRequest *request)
{
	gint64 n_least = (gint64)request->loop->shared->settings.body_rate_min * WINDOW_S;

	if (request->n_window[1] >= 0 && request->n_window[0] + request->n_window[1] < n_least)
		return FALSE;
	request->n_window[1] = request->n_window[0];
	request->n_window[0] = 0;
	http_deadline_set(
		&request->loop->deadlines, &request->connection->deadline, HTTP_DEADLINE_BODY);
	return TRUE;
}

/* Only the body's deadline: another one (of the answer) may run by now. */
static void stop_watching(HttpRequest *request)
{
	HttpDeadline *deadline = &request->connection->deadline;

	if (http_deadline_is_set(deadline, HTTP_DEADLINE_BODY))
		http_deadline_clear(deadline);
}

static void give(HttpRequest *request, const guint8 *data, gsize size)
{
	request->n_window[0] += (gint64)size;
	if (request->is_answered || request->is_stopped) {
		request->n_dropped += size;
		return;
	}
	if (size == 0 || request->sink.data(request, data, size, request->sink_data))
		return;
	request->is_stopped = TRUE;
	request->must_close = TRUE;
}

void http_request_take_body(HttpRequest *request, const guint8 *data, gsize size, gsize *ret_used)
{
	const guint8 *body = NULL;
	gsize body_size = 0;
	HttpRefusal refusal;
	HttpVerdict verdict = http_message_take_body(&request->message, data, size,
		request->loop->unchunked, ret_used, &body, &body_size, &refusal);

	if (verdict == HTTP_MESSAGE_REFUSED) {
		stop_watching(request);
		request->must_close = TRUE;
		if (!request->is_answered)
			http_request_refuse(request, refusal.status, refusal.reason);
		return;
	}
	if (verdict == HTTP_MESSAGE_COMPLETE)
		stop_watching(request);
	give(request, body, body_size);
}

gboolean http_request_tell_end(HttpRequest *request)
{
	if (!request->message.is_complete || !request->has_sink || request->is_end_told ||
		request->is_stopped || request->is_answered || request->is_paused)
		return FALSE;
	request->is_end_told = TRUE;
	request->sink.end(request, request->sink_data);
	return TRUE;
}

void http_request_read_body(HttpRequest *request, const HttpBodySink *sink, gpointer sink_data)
{
	g_return_if_fail(!request->has_sink);
	request->sink = *sink;
	request->sink_data = sink_data;
	request->has_sink = TRUE;
	if (request->is_gone || request->is_answered)
		return;
	http_request_continue(request);
	http_request_watch_body(request);
}

void http_request_pause(HttpRequest *request)
{
	if (request->is_gone)
		return;
	request->is_paused = TRUE;
	/* It is we who are slow now. */
	stop_watching(request);
}

void http_request_resume(HttpRequest *request)
{
	if (request->is_gone || !request->is_paused)
		return;
	request->is_paused = FALSE;
	if (!request->is_answered)
		http_request_watch_body(request);
	http_loop_again(request->loop, request->connection);
}
