/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connection.h"
#include "http/request.h"
#include <arpa/inet.h>
#include <string.h>

enum {
	N_READS_AT_ONCE = 4, /* then others have their turn */
	BODY_DROPPED_MAX = 65536,
	N_RESTLESS_MAX = 1024, /* open connections of a loop of which some may keep their buffers */
};

typedef struct {
	const guint8 *data;
	gsize size;
} Input;

static void on_poll(uv_poll_t *poll, int status, int events);

static HttpConnection *connection_of(HttpDeadline *deadline)
{
	G_STATIC_ASSERT(offsetof(HttpConnection, deadline) == 0);
	return (HttpConnection *)deadline;
}

static void set_deadline(HttpConnection *connection, HttpDeadlineKind kind)
{
	http_deadline_set(&connection->loop->deadlines, &connection->deadline, kind);
}

/* --- What is waited for --- */

static gboolean wants_input(const HttpConnection *connection)
{
	switch (connection->state) {
	case HTTP_CONNECTION_HANDSHAKE:
	case HTTP_CONNECTION_IDLE:
	case HTTP_CONNECTION_HEAD:
	case HTTP_CONNECTION_LINGER:
		return TRUE;
	case HTTP_CONNECTION_REQUEST:
		return http_request_wants_body(connection->request);
	case HTTP_CONNECTION_CLOSED:
		break;
	}
	return FALSE;
}

static void poll_for(HttpConnection *connection, int events)
{
	if (events == connection->events)
		return;
	connection->events = events;
	if (events == 0)
		uv_poll_stop(&connection->poll);
	else
		uv_poll_start(&connection->poll, events, on_poll);
}

static void ask_for_events(HttpConnection *connection)
{
	const HttpTransport *transport = &connection->transport;
	const HttpRequest *request = connection->request;
	gboolean wants_write = request != NULL && http_request_wants_write(request);
	/* Readable stays on while a request is answered: changing it twice a request would cost two
	 * system calls. It is taken off when something comes that nobody wants yet. */
	int events = connection->events & UV_READABLE;

	if (wants_input(connection))
		events |= transport->read_wants_write ? UV_WRITABLE : UV_READABLE;
	if (wants_write)
		events |= transport->write_wants_read ? UV_READABLE : UV_WRITABLE;
	poll_for(connection, events);
}

/* --- Closing --- */

static void on_closed(uv_handle_t *handle)
{
	HttpConnection *connection = handle->data;

	g_free(connection->pending);
	g_free(connection);
}

static void unlink_connection(HttpConnection *connection)
{
	HttpLoop *loop = connection->loop;

	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		loop->connections = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	connection->previous = connection->next = NULL;
	g_atomic_int_add(&loop->shared->n_connections, -1);
	http_loop_count(&loop->counts.n_open, -1);
}

static void forget_again(HttpConnection *connection)
{
	if (!connection->is_again)
		return;
	for (HttpConnection **link = &connection->loop->again; *link != NULL;
		link = &(*link)->next_again) {
		if (*link == connection) {
			*link = connection->next_again;
			break;
		}
	}
	connection->is_again = FALSE;
}

void http_connection_close(HttpConnection *connection)
{
	HttpConnectionState state = connection->state;

	if (state == HTTP_CONNECTION_CLOSED)
		return;
	connection->state = HTTP_CONNECTION_CLOSED;
	if (state == HTTP_CONNECTION_HANDSHAKE)
		connection->loop->n_handshakes--;
	HttpRequest *request = g_steal_pointer(&connection->request);
	if (request != NULL)
		http_request_end(request);
	http_deadline_clear(&connection->deadline);
	forget_again(connection);
	unlink_connection(connection);
	if (state == HTTP_CONNECTION_IDLE && !connection->is_broken)
		http_transport_end(&connection->transport);
	uv_close((uv_handle_t *)&connection->poll, on_closed);
	http_transport_clear(&connection->transport);
}

/* The last bytes are on their way. Closing at once would make the kernel answer what the client
 * still sends with a reset, which may overtake our answer; so its bytes are dropped for a while. */
static void linger(HttpConnection *connection)
{
	connection->state = HTTP_CONNECTION_LINGER;
	http_transport_end(&connection->transport);
	set_deadline(connection, HTTP_DEADLINE_LINGER);
}

/* --- Going on --- */

/* Buffers that the next request needs in a moment are kept for that moment, unless there are many.
 */
static void rest(HttpConnection *connection)
{
	if (connection->loop->counts.n_open <= N_RESTLESS_MAX) {
		set_deadline(connection, HTTP_DEADLINE_REST);
		return;
	}
	http_transport_rest(&connection->transport);
	set_deadline(connection, HTTP_DEADLINE_IDLE);
}

static void end_request(HttpConnection *connection)
{
	HttpRequest *request = g_steal_pointer(&connection->request);
	gboolean must_close = request->must_close;

	http_request_end(request);
	connection->had_request = TRUE;
	if (must_close) {
		linger(connection);
		return;
	}
	connection->state = HTTP_CONNECTION_IDLE;
	rest(connection);
}

static void advance(Input *input, gsize used)
{
	input->data += used;
	input->size -= used;
}

static void refuse(HttpConnection *connection, guint status, const char *reason)
{
	connection->state = HTTP_CONNECTION_REQUEST;
	http_deadline_clear(&connection->deadline);
	http_request_refuse(connection->request, status, reason);
}

static void wait_for_head(HttpConnection *connection)
{
	if (!http_message_has_begun(&connection->request->message))
		return;
	connection->state = HTTP_CONNECTION_HEAD;
	/* One deadline for the whole head: not set anew by the next byte. */
	if (!http_deadline_is_set(&connection->deadline, HTTP_DEADLINE_HEAD))
		set_deadline(connection, HTTP_DEADLINE_HEAD);
}

static gboolean take_head(HttpConnection *connection, Input *input)
{
	HttpRefusal refusal;
	gsize used = 0;

	if (input->size == 0)
		return FALSE;
	if (connection->request == NULL)
		connection->request = http_request_new(connection);
	HttpMessage *message = &connection->request->message;
	HttpVerdict verdict =
		http_message_take_head(message, input->data, input->size, &used, &refusal);
	advance(input, used);
	if (verdict == HTTP_MESSAGE_COMPLETE &&
		!http_message_foresee_body(message, input->data, input->size, &refusal))
		verdict = HTTP_MESSAGE_REFUSED;
	switch (verdict) {
	case HTTP_MESSAGE_MORE:
		wait_for_head(connection);
		return FALSE;
	case HTTP_MESSAGE_REFUSED:
		http_loop_count(&connection->loop->counts.n_refused_heads, 1);
		refuse(connection, refusal.status, refusal.reason);
		return TRUE;
	case HTTP_MESSAGE_COMPLETE:
		break;
	}
	if (connection->is_shed) {
		refuse(connection, 503, "the server has too many connections");
		return TRUE;
	}
	connection->state = HTTP_CONNECTION_REQUEST;
	http_deadline_clear(&connection->deadline);
	http_request_begin(connection->request);
	return TRUE;
}

/* What a client sends although its request is answered already. */
static gboolean is_dropped_too_much(const HttpRequest *request)
{
	return request->is_sent && request->n_dropped > BODY_DROPPED_MAX;
}

static gboolean go_on_with_request(HttpConnection *connection, Input *input)
{
	HttpRequest *request = connection->request;
	gsize used = 0;

	if (is_dropped_too_much(request))
		request->must_close = TRUE;
	if (request->is_sent && (request->must_close || request->message.is_complete)) {
		end_request(connection);
		return TRUE;
	}
	if (http_request_wants_body(request) && input->size > 0) {
		http_request_take_body(request, input->data, input->size, &used);
		advance(input, used);
		return TRUE;
	}
	if (http_request_tell_end(request))
		return TRUE;
	if (request->is_sent && connection->deadline.next == NULL)
		http_request_watch_body(request);
	return FALSE;
}

static gboolean step(HttpConnection *connection, Input *input)
{
	if (connection->is_broken)
		return FALSE;
	switch (connection->state) {
	case HTTP_CONNECTION_IDLE:
		/* While draining nothing new begins. */
		if (http_loop_is_draining(connection->loop) && connection->had_request) {
			http_connection_close(connection);
			return FALSE;
		}
		return take_head(connection, input);
	case HTTP_CONNECTION_HEAD:
		return take_head(connection, input);
	case HTTP_CONNECTION_REQUEST:
		return go_on_with_request(connection, input);
	case HTTP_CONNECTION_LINGER:
		input->size = 0;
		return FALSE;
	case HTTP_CONNECTION_HANDSHAKE:
	case HTTP_CONNECTION_CLOSED:
		break;
	}
	return FALSE;
}

static void keep_rest(HttpConnection *connection, const Input *input)
{
	if (input->size == 0) {
		g_clear_pointer(&connection->pending, g_free);
	} else if (input->size != connection->pending_size || input->data != connection->pending) {
		guint8 *rest = g_memdup2(input->data, input->size);

		g_free(connection->pending);
		connection->pending = rest;
	}
	connection->pending_size = input->size;
}

static void run(HttpConnection *connection, Input input)
{
	while (step(connection, &input)) {
	}
	if (connection->is_broken)
		http_connection_close(connection);
	if (connection->state == HTTP_CONNECTION_CLOSED)
		return;
	keep_rest(connection, &input);
	ask_for_events(connection);
}

/* --- Reading --- */

static void shake_hands(HttpConnection *connection)
{
	HttpTransportResult result = http_transport_handshake(&connection->transport);

	if (result == HTTP_TRANSPORT_END)
		connection->is_broken = TRUE;
	if (result == HTTP_TRANSPORT_OK) {
		connection->loop->n_handshakes--;
		connection->state = HTTP_CONNECTION_IDLE;
		set_deadline(connection, HTTP_DEADLINE_HEAD);
		if (connection->loop->counts.n_open > N_RESTLESS_MAX)
			http_transport_rest(&connection->transport);
		if (http_transport_has_more(&connection->transport))
			http_loop_again(connection->loop, connection);
	}
}

static void drop_input(HttpConnection *connection)
{
	HttpLoop *loop = connection->loop;

	for (guint i = 0; i < N_READS_AT_ONCE; i++) {
		HttpTransportResult result = http_transport_discard(
			&connection->transport, loop->input, sizeof loop->input);

		if (result == HTTP_TRANSPORT_END)
			connection->is_broken = TRUE;
		if (result != HTTP_TRANSPORT_OK)
			return;
	}
}

/* Called while nothing is pending, so that what is read is always taken whole or kept once. */
static void take_input(HttpConnection *connection)
{
	HttpLoop *loop = connection->loop;

	for (guint i = 0; i < N_READS_AT_ONCE; i++) {
		Input input = { .data = loop->input };
		HttpTransportResult result = http_transport_read(
			&connection->transport, loop->input, sizeof loop->input, &input.size);

		if (result == HTTP_TRANSPORT_END)
			connection->is_broken = TRUE;
		if (result != HTTP_TRANSPORT_OK)
			return;
		run(connection, input);
		if (connection->state == HTTP_CONNECTION_CLOSED || connection->pending_size > 0 ||
			!wants_input(connection) || connection->state == HTTP_CONNECTION_LINGER ||
			!http_transport_has_more(&connection->transport))
			return;
	}
	http_loop_again(loop, connection);
}

static void read_some(HttpConnection *connection)
{
	if (!wants_input(connection) || connection->pending_size > 0) {
		poll_for(connection, connection->events & ~UV_READABLE);
		return;
	}
	if (connection->state == HTTP_CONNECTION_LINGER)
		drop_input(connection);
	else
		take_input(connection);
}

void http_connection_run(HttpConnection *connection)
{
	if (connection->state == HTTP_CONNECTION_CLOSED)
		return;
	run(connection, (Input){ .data = connection->pending, .size = connection->pending_size });
	if (connection->state != HTTP_CONNECTION_CLOSED && connection->pending_size == 0 &&
		connection->state != HTTP_CONNECTION_HANDSHAKE &&
		connection->state != HTTP_CONNECTION_LINGER && wants_input(connection) &&
		http_transport_has_more(&connection->transport))
		take_input(connection);
	if (connection->is_broken)
		http_connection_close(connection);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	HttpConnection *connection = poll->data;

	if (status < 0) {
		connection->is_broken = TRUE;
		http_connection_close(connection);
		return;
	}
	if (connection->state == HTTP_CONNECTION_HANDSHAKE) {
		shake_hands(connection);
	} else {
		HttpRequest *request = connection->request;

		if (request != NULL && http_request_wants_write(request)) {
			http_request_write(request);
			run(connection, (Input){ connection->pending, connection->pending_size });
		}
		if (connection->state != HTTP_CONNECTION_CLOSED && (events & UV_READABLE) != 0)
			read_some(connection);
	}
	if (connection->is_broken)
		http_connection_close(connection);
	else if (connection->state != HTTP_CONNECTION_CLOSED)
		ask_for_events(connection);
}

/* --- Life --- */

static void format_peer(HttpConnection *connection, const struct sockaddr *peer)
{
	static const char mapped[] = "::ffff:";

	if (peer->sa_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)peer)->sin_addr,
			connection->peer, sizeof connection->peer);
		return;
	}
	if (peer->sa_family != AF_INET6)
		return;
	const struct in6_addr *address =
		&((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;

	/* One vehicle, one name: IPv4 through a dual socket reads as IPv4. */
	inet_ntop(AF_INET6, address, connection->peer, sizeof connection->peer);
	if (IN6_IS_ADDR_V4MAPPED(address))
		memmove(connection->peer, connection->peer + strlen(mapped),
			strlen(connection->peer) - strlen(mapped) + 1);
}

static void link_connection(HttpLoop *loop, HttpConnection *connection)
{
	connection->next = loop->connections;
	if (loop->connections != NULL)
		loop->connections->previous = connection;
	loop->connections = connection;
	g_atomic_int_add(&loop->shared->n_connections, 1);
	http_loop_count(&loop->counts.n_open, 1);
}

void http_connection_open(HttpLoop *loop, int fd, const struct sockaddr *peer, gboolean is_shed)
{
	HttpConnection *connection = g_new0(HttpConnection, 1);

	connection->loop = loop;
	connection->transport.fd = fd;
	connection->is_shed = is_shed;
	connection->poll.data = connection;
	if (uv_poll_init(&loop->uv, &connection->poll, fd) != 0) {
		http_transport_clear(&connection->transport);
		g_free(connection);
		return;
	}
	format_peer(connection, peer);
	link_connection(loop, connection);
	if (loop->shared->tls == NULL) {
		connection->state = HTTP_CONNECTION_IDLE;
		set_deadline(connection, HTTP_DEADLINE_HEAD);
		ask_for_events(connection);
		return;
	}
	connection->state = HTTP_CONNECTION_HANDSHAKE;
	loop->n_handshakes++;
	set_deadline(connection, HTTP_DEADLINE_HANDSHAKE);
	connection->transport.ssl = http_tls_accept(loop->shared->tls, fd);
	if (connection->transport.ssl == NULL) {
		http_connection_close(connection);
		return;
	}
	ask_for_events(connection);
}

static void give_up(HttpConnection *connection)
{
	http_loop_count(&connection->loop->counts.n_timeouts, 1);
	connection->is_broken = TRUE;
	http_connection_close(connection);
}

void http_connection_deadline_passed(HttpDeadline *deadline, HttpDeadlineKind kind)
{
	HttpConnection *connection = connection_of(deadline);
	HttpRequest *request = connection->request;

	switch (kind) {
	case HTTP_DEADLINE_REST:
		http_transport_rest(&connection->transport);
		set_deadline(connection, HTTP_DEADLINE_IDLE);
		return;
	case HTTP_DEADLINE_IDLE:
	case HTTP_DEADLINE_LINGER:
		http_connection_close(connection);
		return;
	case HTTP_DEADLINE_BODY:
		if (request == NULL || http_request_body_keeps_pace(request))
			return;
		break;
	case HTTP_DEADLINE_HEAD:
		break;
	default:
		give_up(connection);
		return;
	}
	if (request == NULL || request->is_answered) {
		give_up(connection);
		return;
	}
	http_loop_count(&connection->loop->counts.n_timeouts, 1);
	refuse(connection, 408, "the request took too long");
	http_connection_run(connection);
}

void http_connection_drain(HttpConnection *connection)
{
	if (connection->state == HTTP_CONNECTION_IDLE ||
		connection->state == HTTP_CONNECTION_HANDSHAKE)
		http_connection_close(connection);
}
