/* SPDX-License-Identifier: Apache-2.0 */
/* A connection reads one head, is judged, and becomes two pipes:
 *
 *     HEAD -> CONNECTING -> FLOWING -> ENDING
 *       \________________________________/      an answer of our own
 *
 * The head is written anew from what the strict reader found in it (http/head.h), with our token
 * and the server's name: nothing that was not understood goes on. A body must say its length, so
 * that a second request cannot hide behind it. */
#include "agent/net/forward.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "http/client-private.h"
#include "http/head.h"
#include "http/tunnel.h"

#define API_PREFIX "/api/devices/"
#define API_AUTHENTICATION "/api/devices/v1/authentication/"
#define STATUS_LINE "HTTP/1.1 "

typedef struct {
	gsize begin, end;
	guint8 data[FORWARD_PIPE_SIZE];
} Pipe;

typedef enum { HEAD, CONNECTING, FLOWING, ENDING } Stage;

struct Forward {
	const ForwardOwner *owner;
	int fd;
	Stage stage;
	HttpTunnel *tunnel; /* (nullable) */
	char *token;        /* (nullable): that the request goes on with */
	gint64 until_us;
	gint64 body_left;      /* bytes of the request's body that the caller has still to send */
	gboolean wants_socket; /* the request is for a WebSocket */
	gboolean is_socket;    /* and the server agreed */
	gboolean judged;       /* the server's status was looked at */
	gboolean shut;         /* the caller was told that nothing more comes */
	gboolean over;         /* nothing is left to be done */
	Pipe up, down;         /* to the server, to the caller */
};

static gint64 in_seconds(gint64 seconds)
{
	return g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
}

/* --- Pipes --- */

static gsize pipe_size(const Pipe *pipe)
{
	return pipe->end - pipe->begin;
}

static void pipe_pack(Pipe *pipe)
{
	memmove(pipe->data, pipe->data + pipe->begin, pipe_size(pipe));
	pipe->end -= pipe->begin;
	pipe->begin = 0;
}

static gsize pipe_room(Pipe *pipe)
{
	if (pipe->begin > 0)
		pipe_pack(pipe);
	return sizeof(pipe->data) - pipe->end;
}

static void pipe_put(Pipe *pipe, gconstpointer data, gsize size)
{
	memcpy(pipe->data + pipe->end, data, size);
	pipe->end += size;
}

/* --- The caller's side --- */

/* Bytes that came, 0 = none now; -1 = the caller is gone. */
static gssize caller_read(Forward *forward, guint8 *data, gsize size)
{
	gssize got = recv(forward->fd, data, size, 0);

	if (got > 0)
		return got;
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static gboolean caller_write(Forward *forward)
{
	Pipe *down = &forward->down;
	gssize sent;

	if (pipe_size(down) == 0)
		return FALSE;
	sent = send(forward->fd, down->data + down->begin, pipe_size(down), MSG_NOSIGNAL);
	if (sent > 0)
		down->begin += (gsize)sent;
	else if (errno != EAGAIN && errno != EINTR)
		forward->over = TRUE;
	return sent > 0;
}

static void begin_end(Forward *forward)
{
	forward->stage = ENDING;
	forward->until_us = in_seconds(FORWARD_END_LIMIT_S);
	g_clear_pointer(&forward->tunnel, http_tunnel_free);
}

/* @text: (nullable): says more than the status */
static void refuse(Forward *forward, guint status, const char *name, const char *text)
{
	g_autofree char *answer = g_strdup_printf(STATUS_LINE
		"%u %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Content-Length: %" G_GSIZE_FORMAT "\r\nConnection: close\r\n\r\n%.512s\n",
		status, name, MIN(strlen(text), 512) + 1, text);

	pipe_put(&forward->down, answer, strlen(answer));
	begin_end(forward);
}

/* Takes what is left of the request, so that the answer is not lost by a reset, and ends when the
 * caller does. */
static gboolean do_ending(Forward *forward)
{
	guint8 scrap[4096];
	gssize got;

	if (caller_write(forward))
		return TRUE;
	if (pipe_size(&forward->down) == 0 && !forward->shut) {
		forward->shut = TRUE;
		(void)shutdown(forward->fd, SHUT_WR);
	}
	got = caller_read(forward, scrap, sizeof(scrap));
	if (got < 0)
		forward->over = TRUE;
	return got > 0;
}

/* --- The head --- */

static gboolean is_socket_request(const HttpHead *head)
{
	const char *upgrade = http_head_find(head, "Upgrade");

	return upgrade != NULL && g_ascii_strcasecmp(upgrade, "websocket") == 0 &&
	       strcmp(head->method, "GET") == 0;
}

/* What is between two neighbours only, and what we say ourselves. */
static gboolean is_dropped(const char *name)
{
	static const char *const names[] = { "Authorization", "Host", "Connection", "Keep-Alive",
		"Proxy-Connection", "Proxy-Authorization", "TE", "Trailer", "Upgrade", "Expect",
		"Content-Length", "Transfer-Encoding" };

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		if (g_ascii_strcasecmp(name, names[i]) == 0)
			return TRUE;
	return FALSE;
}

/* (transfer full): what the server is asked. */
static GString *write_head(Forward *forward, const HttpHead *head, GUri *server)
{
	const char *base = g_uri_get_path(server);
	gsize base_size = strlen(base);
	GString *text = g_string_new(NULL);

	while (base_size > 0 && base[base_size - 1] == '/')
		base_size--;
	g_string_printf(text, "%s %.*s%s%s%s HTTP/1.1\r\n", head->method, (int)base_size, base,
		head->path, head->query != NULL ? "?" : "", head->query != NULL ? head->query : "");
	g_string_append_printf(text,
		strchr(g_uri_get_host(server), ':') != NULL ? "Host: [%s]" : "Host: %s",
		g_uri_get_host(server));
	if (g_uri_get_port(server) > 0)
		g_string_append_printf(text, ":%d", g_uri_get_port(server));
	g_string_append_printf(text, "\r\nAuthorization: Bearer %s\r\n", forward->token);
	for (guint i = 0; i < head->n_lines; i++)
		if (!is_dropped(head->lines[i].name))
			g_string_append_printf(
				text, "%s: %s\r\n", head->lines[i].name, head->lines[i].value);
	if (head->content_length > 0 || strcmp(head->method, "GET") != 0)
		g_string_append_printf(
			text, "Content-Length: %" G_GINT64_FORMAT "\r\n", head->content_length);
	g_string_append(text, forward->wants_socket
				      ? "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
				      : "Connection: close\r\n\r\n");
	return text;
}

/* (nullable): the token of an Authorization line, as Mender's forwarder reads it. */
static const char *bearer_of(const HttpHead *head)
{
	const char *line = http_head_find(head, "Authorization");

	if (line == NULL || g_ascii_strncasecmp(line, "Bearer", strlen("Bearer")) != 0)
		return NULL;
	line += strlen("Bearer");
	while (*line == ' ')
		line++;
	return line;
}

static gboolean is_token(const char *given, const char *token)
{
	gsize size = strlen(token);

	return strlen(given) == size && CRYPTO_memcmp(given, token, size) == 0;
}

/* FALSE: answered. */
static gboolean check_right(Forward *forward, const HttpHead *head)
{
	const char *token = forward->owner->token(forward->owner->owner);
	const char *given = bearer_of(head);

	if (!g_str_has_prefix(head->path, API_PREFIX) || strstr(head->path, "..") != NULL ||
		strstr(head->path, "//") != NULL || strchr(head->path, '%') != NULL)
		refuse(forward, 404, "Not Found", "not part of the device API");
	else if (g_str_has_prefix(head->path, API_AUTHENTICATION))
		refuse(forward, 403, "Forbidden", "the agent authenticates this device");
	else if (token == NULL)
		refuse(forward, 401, "Unauthorized", "the device is not authorized yet");
	else if (given == NULL)
		refuse(forward, 401, "Unauthorized", "no authorization header");
	else if (!is_token(given, token))
		refuse(forward, 401, "Unauthorized", "invalid JWT token in Authorization header");
	else
		return TRUE;
	return FALSE;
}

static gboolean check_form(Forward *forward, const HttpHead *head)
{
	if (head->content_length < 0)
		refuse(forward, 411, "Length Required", "a body must tell its length");
	else if (is_socket_request(head) && !forward->owner->may_be_socket(forward->owner->owner))
		refuse(forward, 503, "Service Unavailable", "too many websocket connections");
	else
		return TRUE;
	return FALSE;
}

/* The rest of what was read is the beginning of the body, or nothing that anybody asked for. */
static void pass_on(Forward *forward, const HttpHead *head, GUri *server, gsize head_size)
{
	Pipe *up = &forward->up;
	g_autoptr(GString) text = write_head(forward, head, server);
	gsize rest = (gsize)MIN((gint64)(pipe_size(up) - head_size), head->content_length);
	g_autofree guint8 *body = g_memdup2(up->data + head_size, rest);

	up->begin = up->end = 0;
	if (text->len + rest > sizeof(up->data)) {
		refuse(forward, 431, "Request Header Fields Too Large", "the head is too large");
		return;
	}
	pipe_put(up, text->str, text->len);
	if (rest > 0)
		pipe_put(up, body, rest);
	explicit_bzero(text->str, text->len);
	forward->body_left = head->content_length - (gint64)rest;
	forward->stage = CONNECTING;
	forward->until_us = in_seconds(FORWARD_CONNECT_LIMIT_S);
}

static void judge(Forward *forward, gsize head_size)
{
	const ForwardOwner *owner = forward->owner;
	g_autofree char *block = g_strndup((const char *)forward->up.data, head_size);
	g_autofree HttpHead *head = g_new0(HttpHead, 1);
	g_autoptr(GError) failure = NULL;
	g_autoptr(GUri) server = NULL;
	HttpRefusal refusal;

	if (!http_head_parse(block, head_size, head, &refusal)) {
		refuse(forward, refusal.status, "Refused", refusal.reason);
		return;
	}
	if (!check_right(forward, head) || !check_form(forward, head))
		return;
	forward->token = g_strdup(owner->token(owner->owner));
	forward->wants_socket = is_socket_request(head);
	server = g_uri_parse(owner->server(owner->owner), G_URI_FLAGS_ENCODED, &failure);
	if (server != NULL)
		forward->tunnel =
			http_tunnel_open(owner->http, owner->server(owner->owner), &failure);
	if (forward->tunnel == NULL)
		refuse(forward, 503, "Service Unavailable", failure->message);
	else
		pass_on(forward, head, server, head_size);
}

static gboolean do_head(Forward *forward)
{
	Pipe *up = &forward->up;
	gssize got = caller_read(forward, up->data + up->end, HTTP_HEAD_SIZE_MAX - up->end);
	const guint8 *end;

	if (got < 0)
		forward->over = TRUE;
	if (got <= 0)
		return FALSE;
	up->end += (gsize)got;
	end = memmem(up->data, up->end, "\r\n\r\n", 4);
	if (end != NULL)
		judge(forward, (gsize)(end - up->data) + 4);
	else if (up->end == HTTP_HEAD_SIZE_MAX)
		refuse(forward, 431, "Request Header Fields Too Large", "the head is too large");
	return TRUE;
}

/* --- The server's side --- */

static gboolean do_connecting(Forward *forward)
{
	const GError *failure = http_tunnel_error(forward->tunnel);
	g_autofree char *reason = failure != NULL ? g_strdup(failure->message) : NULL;

	if (reason != NULL) {
		g_message("forwarder: %s", reason);
		refuse(forward, 503, "Service Unavailable", reason);
		return TRUE;
	}
	if (!http_tunnel_is_connected(forward->tunnel))
		return FALSE;
	forward->stage = FLOWING;
	forward->until_us = in_seconds(FORWARD_IDLE_LIMIT_S);
	return TRUE;
}

/* What the server says to the request decides what else may flow. */
static void look_at_status(Forward *forward)
{
	const char *line = (const char *)forward->down.data + forward->down.begin;
	gsize prefix = strlen(STATUS_LINE);

	if (forward->judged || pipe_size(&forward->down) < prefix + 3)
		return;
	forward->judged = TRUE;
	forward->is_socket = forward->wants_socket && strncmp(line + prefix, "101", 3) == 0;
	if (strncmp(line, STATUS_LINE "401", prefix + 3) == 0)
		forward->owner->refused(forward->token, forward->owner->owner);
}

static gboolean read_server(Forward *forward)
{
	Pipe *down = &forward->down;
	gsize room = pipe_room(down);
	gssize got = HTTP_TUNNEL_LATER;

	if (room > 0)
		got = http_tunnel_read(forward->tunnel, down->data + down->end, room);
	if (got > 0) {
		down->end += (gsize)got;
		look_at_status(forward);
		return TRUE;
	}
	if (got == HTTP_TUNNEL_LATER)
		return FALSE;
	if (!forward->judged)
		refuse(forward, 502, "Bad Gateway", "the server gave no answer");
	else
		begin_end(forward);
	return TRUE;
}

static gboolean write_server(Forward *forward)
{
	Pipe *up = &forward->up;
	gssize sent;

	if (pipe_size(up) == 0)
		return FALSE;
	sent = http_tunnel_write(forward->tunnel, up->data + up->begin, pipe_size(up));
	if (sent > 0)
		up->begin += (gsize)sent;
	/* It may have answered before it stopped listening: that is still read. */
	else if (sent == HTTP_TUNNEL_FAILED)
		up->begin = up->end;
	return sent > 0;
}

/* Of a request the rest of its body and no more; a WebSocket flows. What else comes is dropped, but
 * read: it is how the caller's end is seen. */
static gboolean read_caller(Forward *forward)
{
	Pipe *up = &forward->up;
	gsize room = pipe_room(up);
	gsize wanted = forward->is_socket ? room : (gsize)MIN((gint64)room, forward->body_left);
	guint8 scrap[256];
	gssize got;

	if (room == 0 || (forward->wants_socket && !forward->judged))
		return FALSE;
	got = wanted > 0 ? caller_read(forward, up->data + up->end, wanted)
			 : caller_read(forward, scrap, sizeof(scrap));
	if (got < 0)
		forward->over = TRUE;
	if (got <= 0)
		return FALSE;
	if (wanted > 0)
		up->end += (gsize)got;
	if (!forward->is_socket && wanted > 0)
		forward->body_left -= got;
	return TRUE;
}

static gboolean do_flowing(Forward *forward)
{
	gboolean moved = read_caller(forward);

	if (!forward->over)
		moved |= write_server(forward);
	if (!forward->over && read_server(forward))
		moved = TRUE;
	if (!forward->over && caller_write(forward))
		moved = TRUE;
	if (moved && forward->stage == FLOWING)
		forward->until_us = in_seconds(
			forward->is_socket ? FORWARD_SOCKET_IDLE_LIMIT_S : FORWARD_IDLE_LIMIT_S);
	return moved;
}

/* --- Its part in the loop --- */

static gboolean (*const stages[])(Forward *forward) = {
	[HEAD] = do_head,
	[CONNECTING] = do_connecting,
	[FLOWING] = do_flowing,
	[ENDING] = do_ending,
};

static short caller_events(Forward *forward)
{
	short events = pipe_size(&forward->down) > 0 ? CURL_WAIT_POLLOUT : 0;

	if (forward->stage == HEAD || forward->stage == ENDING ||
		(forward->stage == FLOWING && pipe_room(&forward->up) > 0 &&
			(!forward->wants_socket || forward->judged)))
		events |= CURL_WAIT_POLLIN;
	return events;
}

static short server_events(Forward *forward)
{
	short events = pipe_size(&forward->up) > 0 ? CURL_WAIT_POLLOUT : 0;

	if (pipe_room(&forward->down) > 0)
		events |= CURL_WAIT_POLLIN;
	return events;
}

static guint waits(struct curl_waitfd *ret_waits, gpointer data)
{
	Forward *forward = data;
	short events = caller_events(forward);
	guint n = 0;

	/* Without events a connection that was closed would still wake the loop, for ever. */
	if (events != 0)
		ret_waits[n++] = (struct curl_waitfd){ .fd = forward->fd, .events = events };
	if (forward->stage != FLOWING)
		return n;
	events = server_events(forward);
	if (events != 0)
		ret_waits[n++] = (struct curl_waitfd){ .fd = http_tunnel_fd(forward->tunnel),
			.events = events };
	return n;
}

static gint64 wake_us(gpointer data)
{
	return ((const Forward *)data)->until_us;
}

static void turn(gpointer data)
{
	Forward *forward = data;

	while (!forward->over && stages[forward->stage](forward))
		continue;
	if (forward->over || g_get_monotonic_time() >= forward->until_us)
		forward->owner->ended(forward, forward->owner->owner);
}

/* --- --- */

Forward *forward_new(const ForwardOwner *owner, int fd)
{
	Forward *forward = g_new0(Forward, 1);
	ClientPart part = { waits, wake_us, turn, forward };

	forward->owner = owner;
	forward->fd = fd;
	forward->until_us = in_seconds(FORWARD_HEAD_LIMIT_S);
	client_add_part(owner->http, &part);
	return forward;
}

void forward_free(Forward *forward)
{
	client_remove_part(forward->owner->http, forward);
	g_clear_pointer(&forward->tunnel, http_tunnel_free);
	close(forward->fd);
	if (forward->token != NULL)
		explicit_bzero(forward->token, strlen(forward->token));
	g_free(forward->token);
	/* The token stood in the head. */
	explicit_bzero(&forward->up, sizeof(forward->up));
	g_free(forward);
}

gboolean forward_is_socket(const Forward *forward)
{
	return forward->wants_socket && forward->stage != ENDING;
}
