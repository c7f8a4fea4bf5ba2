/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <netinet/in.h>
#include <uv.h>
#include "http/deadline.h"
#include "http/loop.h"
#include "http/transport.h"

/* One client. Each state is one way of waiting:
 *
 *   HANDSHAKE ──► IDLE ──► HEAD ──► REQUEST ──► IDLE ...
 *       │           │        │         │
 *       │           │        └─────────┴──► LINGER   the last answer is on its way out
 *       └───────────┴───────────────────────► CLOSED  memory goes with libuv's next turn
 *
 * What is kept for an idle one: this struct and the TLS session. */
typedef enum {
	HTTP_CONNECTION_HANDSHAKE,
	HTTP_CONNECTION_IDLE,    /* nothing of the next request has come */
	HTTP_CONNECTION_HEAD,    /* a part of a head has come */
	HTTP_CONNECTION_REQUEST, /* a request is with the application, or its answer on its way */
	HTTP_CONNECTION_LINGER,  /* all is sent; what the client still says is dropped until it ends
				  */
	HTTP_CONNECTION_CLOSED,
} HttpConnectionState;

struct HttpConnection {
	HttpDeadline deadline; /* first: a deadline is its connection */
	uv_poll_t poll;
	HttpLoop *loop;
	HttpConnection *previous, *next; /* in loop->connections */
	HttpConnection *next_again;
	HttpTransport transport;
	HttpConnectionState state;
	int events;           /* what is polled for */
	gboolean is_again;    /* in loop->again */
	gboolean is_shed;     /* one too many: gets 503 for its first request */
	gboolean had_request; /* the idle deadline counts from now on, before it the head's */
	gboolean is_broken;   /* lost while the application was being called: closed after that */
	HttpRequest *request; /* in HEAD and REQUEST */
	guint8 *pending;      /* bytes read but not taken yet */
	gsize pending_size;
	char peer[INET6_ADDRSTRLEN];
};

/* Takes @fd. */
void http_connection_open(HttpLoop *loop, int fd, const struct sockaddr *peer, gboolean is_shed);
/* Goes on as far as possible without waiting: takes input, ends requests, asks for events. */
void http_connection_run(HttpConnection *connection);
/* No more of the answer can be written: go on with run() when the socket takes more. */
void http_connection_close(HttpConnection *connection);
void http_connection_deadline_passed(HttpDeadline *deadline, HttpDeadlineKind kind);
void http_connection_drain(HttpConnection *connection);
