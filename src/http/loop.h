/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <uv.h>
#include "http/deadline.h"
#include "http/server.h"
#include "http/tls.h"

/* One event loop on one thread, with its own listening socket (SO_REUSEPORT). Everything in it is
 * touched by its thread only, but for what is marked. */
typedef struct HttpLoop HttpLoop;
typedef struct HttpConnection HttpConnection;

enum {
	HTTP_INPUT_SIZE = 65536,
	HTTP_OUTPUT_SIZE = 16384, /* one TLS record */
	HTTP_N_SPARES = 64,
};

typedef struct {
	HttpServerSettings settings; /* its paths are not used after start */
	HttpApplication application;
	HttpTls *tls;       /* NULL: plain */
	gint n_connections; /* atomic: open ones of all loops */
	gint is_draining;   /* atomic */
} HttpShared;

struct HttpLoop {
	HttpShared *shared;
	guint index;
	uv_loop_t uv;
	GThread *thread;
	HttpDeadlines deadlines;

	int listener_fd;
	uv_poll_t listener;
	uv_timer_t accept_pause;
	guint n_handshakes;

	HttpConnection *connections; /* all open ones, linked */

	/* Memory of requests that have ended, for the next ones: too large for malloc's quick
	 * lists. */
	gpointer spares[HTTP_N_SPARES];
	guint n_spares;

	/* Connections that must be looked at again although their socket may stay silent. */
	HttpConnection *again;
	uv_idle_t again_idle;

	uv_async_t wake;    /* any thread */
	uv_mutex_t mutex;   /* guards what follows; no GMutex, whose locking TSan cannot see */
	GArray *posts;      /* Post: what other threads want run here */
	gboolean stop;      /* close all that is left */
	gboolean has_ended; /* nothing is run on the thread any more */

	guint8 input[HTTP_INPUT_SIZE];     /* what was just read */
	guint8 unchunked[HTTP_INPUT_SIZE]; /* a body put together from chunks */
	GString *output;                   /* the head of an answer being written */
	char date[32];                     /* of the Date line */
	gint64 date_s;

	HttpServerCounts counts; /* written here, read by any thread: atomic 64-bit words */
};

/* @listener_fd: bound and listening; owned by the loop afterwards. */
HttpLoop *http_loop_new(
	HttpShared *shared, guint index, int listener_fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void http_loop_start(HttpLoop *loop);
/* Any thread: look at is_draining and at stop. */
void http_loop_wake(HttpLoop *loop);
/* Any thread: closes what is left and ends the loop. */
void http_loop_stop(HttpLoop *loop);
void http_loop_free(HttpLoop *loop); /* waits for the thread */

/* Any thread. */
void http_loop_post(HttpLoop *loop, HttpRequest *request, HttpPosted function, gpointer data);

/* The connection is run once more before the loop waits. */
void http_loop_again(HttpLoop *loop, HttpConnection *connection);

/* "Date: ...\r\n", made once a second. */
const char *http_loop_date(HttpLoop *loop);

gboolean http_loop_is_draining(const HttpLoop *loop);
void http_loop_count(guint64 *counter, gint64 by);
