/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "http/connection.h"
#include "http/message.h"
#include "http/server.h"

/* One request, from the first byte of its head until its answer is sent and its body read. */
typedef struct HttpFile HttpFile;

struct HttpRequest {
	HttpMessage message;        /* first: all behind it starts as zero */
	HttpConnection *connection; /* NULL once gone */
	HttpLoop *loop;
	HttpMethod method;
	gpointer data;     /* the application's */
	guint n_holds;     /* posts that are still to come */
	gboolean is_gone;  /* gone() has been called, or head() never was */
	gboolean is_begun; /* head() has been called */

	HttpBodySink sink;
	gpointer sink_data;
	gboolean has_sink, is_paused, is_stopped, is_end_told;
	gsize n_dropped;    /* bytes of a body nobody wanted */
	gint64 n_window[2]; /* bytes of the body in this and in the last half of the window */

	GString *headers;      /* lines the application adds; NULL without any */
	gboolean is_answered;  /* an answer was given */
	gboolean is_sent;      /* and all of it written */
	gboolean must_close;   /* the connection ends with this request */
	gboolean is_waiting;   /* a worker reads the next piece of the file */
	gboolean is_continued; /* 100 Continue was said */
	guint8 *output;        /* what of the head could not be written at once */
	gsize output_size, output_sent;
	GBytes *body;
	gsize body_sent;
	HttpFile *file;
	gsize n_progress; /* bytes written since the write deadline was set */

	char *certificate; /* SHA-256 of the client's certificate, once asked for */
	char *client_name;
	gboolean is_client_judged;
};

HttpRequest *http_request_new(HttpConnection *connection);
void http_request_free(HttpRequest *request);
void http_request_free_spares(HttpLoop *loop);

/* Its head is complete: gives it to the application. */
void http_request_begin(HttpRequest *request);
/* Takes bytes of the body; refuses the request where they are malformed. */
void http_request_take_body(HttpRequest *request, const guint8 *data, gsize size, gsize *ret_used);
/* The body is wanted now, by the application or to be dropped. */
gboolean http_request_wants_body(const HttpRequest *request);
/* Calls the sink's end() when it is due; TRUE if it was. */
gboolean http_request_tell_end(HttpRequest *request);
/* From now on the body must keep its minimum rate. */
void http_request_watch_body(HttpRequest *request);
/* The half of a window is over: TRUE if enough has come, and the next half begins. */
gboolean http_request_body_keeps_pace(HttpRequest *request);
/* Ends it for the application; its memory goes when nothing holds it. */
void http_request_end(HttpRequest *request);
/* Runs what another thread posted. */
void http_request_run_post(HttpRequest *request, HttpPosted function, gpointer data);

/* --- body.c is all that has "body" in its name; answer.c: --- */
/* An answer of the engine's own, after which the connection closes. */
void http_request_refuse(HttpRequest *request, guint status, const char *reason);
/* Writes what can be written; @is_sent when all is. */
void http_request_write(HttpRequest *request);
/* Says 100 Continue to a client that waits for it. */
void http_request_continue(HttpRequest *request);
/* An answer waits for the socket. */
gboolean http_request_wants_write(const HttpRequest *request);
