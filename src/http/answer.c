/* SPDX-License-Identifier: Apache-2.0 */
#include "http/file.h"
#include "http/request.h"
#include <string.h>
#include <unistd.h>

enum {
	BODY_DRAINED_MAX = 65536,   /* more than this is not read for the sake of a connection */
	N_WRITTEN_AT_ONCE = 262144, /* then others have their turn */
	N_PROGRESS_MIN = 4096,      /* less than this within the write deadline is no progress */
};

static const char retry_after_s[] = "10";

static const struct {
	guint status;
	const char *phrase;
} phrases[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 206, "Partial Content" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 422, "Unprocessable Content" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

static const char *phrase_of(guint status)
{
	for (gsize i = 0; i < G_N_ELEMENTS(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "Other";
}

static gboolean status_has_body(guint status)
{
	return status >= 200 && status != 204 && status != 304;
}

/* --- Writing --- */

gboolean http_request_wants_write(const HttpRequest *request)
{
	if (request->output != NULL)
		return TRUE;
	return request->is_answered && !request->is_sent && !request->is_waiting;
}

/* More is to be sent: a reader has so long to take at least a little. */
static void wait_for_reader(HttpRequest *request)
{
	HttpDeadline *deadline = &request->connection->deadline;

	if (http_deadline_is_set(deadline, HTTP_DEADLINE_WRITE) &&
		request->n_progress < N_PROGRESS_MIN)
		return;
	request->n_progress = 0;
	http_deadline_set(&request->loop->deadlines, deadline, HTTP_DEADLINE_WRITE);
}

/* How much of @data the connection took. */
static gsize write_some(HttpRequest *request, const guint8 *data, gsize size)
{
	HttpConnection *connection = request->connection;
	gsize total = 0;

	while (total < size && !connection->is_broken) {
		gsize written = 0;
		HttpTransportResult result = http_transport_write(
			&connection->transport, data + total, size - total, &written);

		if (result == HTTP_TRANSPORT_END)
			connection->is_broken = TRUE;
		if (result != HTTP_TRANSPORT_OK)
			break;
		total += written;
	}
	request->n_progress += total;
	return total;
}

/* Sends @data, or keeps what the connection does not take. */
static void send_output(HttpRequest *request, const guint8 *data, gsize size)
{
	gsize sent = request->output != NULL ? 0 : write_some(request, data, size);

	if (sent == size)
		return;
	request->output = g_realloc(request->output, request->output_size + size - sent);
	memcpy(request->output + request->output_size, data + sent, size - sent);
	request->output_size += size - sent;
	wait_for_reader(request);
}

static gboolean write_output(HttpRequest *request)
{
	if (request->output == NULL)
		return TRUE;
	request->output_sent += write_some(request, request->output + request->output_sent,
		request->output_size - request->output_sent);
	if (request->output_sent < request->output_size)
		return FALSE;
	g_clear_pointer(&request->output, g_free);
	request->output_size = request->output_sent = 0;
	return TRUE;
}

static gboolean write_body(HttpRequest *request)
{
	gsize size = 0;
	const guint8 *data = request->body == NULL ? NULL : g_bytes_get_data(request->body, &size);
	gsize n_now = MIN(size - request->body_sent, N_WRITTEN_AT_ONCE);

	if (n_now > 0)
		request->body_sent += write_some(request, data + request->body_sent, n_now);
	return request->body_sent == size;
}

static gboolean write_file(HttpRequest *request)
{
	gsize n_now = 0;

	while (request->file != NULL && n_now < N_WRITTEN_AT_ONCE) {
		const guint8 *data = NULL;
		gsize size = 0;
		HttpFileState state = http_file_peek(request->file, &data, &size);

		if (state == HTTP_FILE_END) {
			g_clear_pointer(&request->file, http_file_free);
			break;
		}
		if (state == HTTP_FILE_FAILED) {
			/* The length is promised already; only a cut tells the client the truth. */
			request->connection->is_broken = TRUE;
			return FALSE;
		}
		if (state == HTTP_FILE_WAIT) {
			request->is_waiting = TRUE;
			http_deadline_clear(&request->connection->deadline);
			return FALSE;
		}
		gsize sent = write_some(request, data, size);

		http_file_skip(request->file, sent);
		n_now += sent;
		if (sent < size)
			return FALSE;
	}
	return request->file == NULL;
}

/* Whether all that can be said by now is written. */
static gboolean write_all(HttpRequest *request)
{
	if (!write_output(request))
		return FALSE;
	return !request->is_answered || (write_body(request) && write_file(request));
}

void http_request_write(HttpRequest *request)
{
	HttpDeadline *deadline = &request->connection->deadline;

	if (!write_all(request)) {
		/* Waiting for a worker is nothing to blame a reader for. */
		if (request->output != NULL || !request->is_waiting)
			wait_for_reader(request);
		return;
	}
	request->is_sent = request->is_answered;
	if (request->is_sent)
		http_deadline_clear(deadline);
	else if (request->has_sink)
		http_request_watch_body(request);
}

static void on_file_ready(gpointer data)
{
	HttpRequest *request = data;

	request->is_waiting = FALSE;
	http_request_write(request);
	http_connection_run(request->connection);
}

/* --- Heads --- */

static gboolean is_sound_line(const char *name, const char *value)
{
	return name[strcspn(name, "\r\n: ")] == '\0' && value[strcspn(value, "\r\n")] == '\0';
}

void http_request_add_header(HttpRequest *request, const char *name, const char *value)
{
	/* A line break would let a value write the rest of the answer. */
	if (!is_sound_line(name, value)) {
		g_warning("header line left out: its value holds a line break");
		return;
	}
	if (request->headers == NULL)
		request->headers = g_string_sized_new(256);
	g_string_append(request->headers, name);
	g_string_append_len(request->headers, ": ", 2);
	g_string_append(request->headers, value);
	g_string_append_len(request->headers, "\r\n", 2);
}

/* The connection can go on only if the next request's first byte is sure to be found. */
static gboolean can_go_on(const HttpRequest *request)
{
	const HttpMessage *message = &request->message;

	if (request->must_close || http_loop_is_draining(request->loop))
		return FALSE;
	if (!message->head.keep_alive)
		return FALSE;
	if (message->is_complete)
		return TRUE;
	/* Told neither yes nor no, a client may send its body or leave it out. */
	if (message->head.expects_continue && !request->is_continued)
		return FALSE;
	return message->rest <= BODY_DRAINED_MAX;
}

static void append_number(GString *text, guint64 number)
{
	char digits[24];
	char *end = digits + sizeof digits, *start = end;

	do {
		*--start = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	g_string_append_len(text, start, end - start);
}

static void append_line(GString *text, const char *name, const char *value)
{
	g_string_append(text, name);
	g_string_append(text, value);
	g_string_append_len(text, "\r\n", 2);
}

static void append_head(
	HttpRequest *request, guint status, const char *content_type, guint64 length)
{
	GString *text = request->loop->output;

	g_string_append_len(text, "HTTP/1.1 ", 9);
	append_number(text, status);
	g_string_append_c(text, ' ');
	append_line(text, phrase_of(status), "");
	append_line(text, "Date: ", http_loop_date(request->loop));
	if (request->headers != NULL)
		g_string_append_len(text, request->headers->str, (gssize)request->headers->len);
	if (status_has_body(status)) {
		if (content_type != NULL)
			append_line(text, "Content-Type: ", content_type);
		g_string_append(text, "Content-Length: ");
		append_number(text, length);
		g_string_append_len(text, "\r\n", 2);
	}
	if (request->must_close)
		append_line(text, "Connection: ", "close");
	else if (request->message.head.minor_version == 0)
		append_line(text, "Connection: ", "keep-alive");
	g_string_append_len(text, "\r\n", 2);
}

/* What of a body fits into the record of the head goes with it. */
static gsize append_first(GString *text, const guint8 *data, gsize size)
{
	gsize room = text->len >= HTTP_OUTPUT_SIZE ? 0 : HTTP_OUTPUT_SIZE - text->len;
	gsize taken = MIN(room, size);

	if (taken > 0)
		g_string_append_len(text, (const char *)data, (gssize)taken);
	return taken;
}

static void append_first_of_body(HttpRequest *request)
{
	const guint8 *data = NULL;
	gsize size = 0;

	if (request->body != NULL) {
		data = g_bytes_get_data(request->body, &size);
		request->body_sent = append_first(request->loop->output, data, size);
	}
	if (request->file == NULL)
		return;
	switch (http_file_peek(request->file, &data, &size)) {
	case HTTP_FILE_BYTES:
		http_file_skip(request->file, append_first(request->loop->output, data, size));
		break;
	case HTTP_FILE_WAIT:
		request->is_waiting = TRUE;
		break;
	case HTTP_FILE_END:
	case HTTP_FILE_FAILED:
		break; /* writing the rest comes upon it again */
	}
}

static void send_answer(
	HttpRequest *request, guint status, const char *content_type, guint64 length)
{
	GString *text = request->loop->output;

	g_string_truncate(text, 0);
	request->is_answered = TRUE;
	request->must_close = !can_go_on(request);
	append_head(request, status, content_type, length);
	append_first_of_body(request);
	send_output(request, (const guint8 *)text->str, text->len);
	if (request->output == NULL && !request->is_waiting && !request->connection->is_broken)
		http_request_write(request);
}

static gboolean may_answer(const HttpRequest *request)
{
	return !request->is_gone && !request->is_answered && request->connection != NULL;
}

void http_request_answer(HttpRequest *request, guint status, const char *content_type, GBytes *body)
{
	guint64 length = body == NULL ? 0 : g_bytes_get_size(body);

	if (!may_answer(request))
		return;
	if (body != NULL && status_has_body(status) && request->method != HTTP_HEAD)
		request->body = g_bytes_ref(body);
	send_answer(request, status, content_type, length);
}

void http_request_answer_file(HttpRequest *request, guint status, const char *content_type, int fd,
	guint64 offset, guint64 length)
{
	if (!may_answer(request)) {
		close(fd);
		return;
	}
	if (length == 0 || !status_has_body(status) || request->method == HTTP_HEAD)
		close(fd);
	else
		request->file =
			http_file_new(request->loop, fd, offset, length, on_file_ready, request);
	send_answer(request, status, content_type, length);
}

void http_request_continue(HttpRequest *request)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (!request->message.head.expects_continue || request->is_continued)
		return;
	request->is_continued = TRUE;
	/* Its body is coming already: the client has not waited. */
	if (request->message.is_complete)
		return;
	send_output(request, (const guint8 *)text, sizeof text - 1);
}

/* The one shape of errors, from where the application cannot give it. */
void http_request_refuse(HttpRequest *request, guint status, const char *reason)
{
	g_autofree char *id = g_uuid_string_random();
	g_autofree char *text =
		g_strdup_printf("{\"error\":\"%s\",\"request_id\":\"%s\"}", reason, id);
	g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));

	request->must_close = TRUE;
	if (status == 503)
		http_request_add_header(request, "Retry-After", retry_after_s);
	http_request_answer(request, status, "application/json", body);
}
