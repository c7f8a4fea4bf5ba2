/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gio/gio.h>

/* The HTTP/1.1 engine of the server, hidden: libuv, OpenSSL and llhttp stay behind this header.
 *
 * One event loop per thread, each with its own listening socket. A request belongs to the loop its
 * connection lives on: every function here is called on that loop, except http_request_post(). The
 * engine enforces what reference HTTP asks for (strict heads, one Host, limits, deadlines), so that
 * the application sees well-formed requests only. What the application does on the loop must never
 * block; slow work goes elsewhere and comes back through http_request_post().
 *
 * Life of a request: head() is called once the head is complete. The application answers at once,
 * or asks for the body, or keeps the request and answers later. Until an answer is given the
 * connection is not read further (beyond the body). gone() is called exactly once for every request
 * for which head() was called, when its answer has been sent or the connection was lost; the
 * request must not be used afterwards (release a reference held elsewhere only then). */
typedef struct HttpServer HttpServer;
typedef struct HttpRequest HttpRequest;

typedef enum {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_OTHER,
} HttpMethod;

typedef struct {
	void (*head)(HttpRequest *request, gpointer app);
	void (*gone)(HttpRequest *request, gpointer app);
	gpointer app;
} HttpApplication;

/* Takes a request's body as it comes. */
typedef struct {
	/* FALSE stops the body: answer the request before returning (the connection closes after
	 * the answer). Call http_request_pause() inside to be given no more until
	 * http_request_resume(). */
	gboolean (*data)(HttpRequest *request, const guint8 *data, gsize size, gpointer sink);
	/* The whole body has come. */
	void (*end)(HttpRequest *request, gpointer sink);
} HttpBodySink;

typedef struct {
	GSocketAddress *address;      /* where to listen */
	guint n_loops;                /* 0 = one per core */
	const char *certificate_path; /* (nullable): PEM, chain included; NULL: no TLS (behind a
					 proxy, tests) */
	const char *key_path;         /* PEM */
	const char *client_ca_path; /* (nullable): certificates of clients are asked for, and judged
				       by it */
	guint head_timeout_s; /* whole head, from its first byte or the end of the handshake: 10 */
	guint handshake_timeout_s; /* 10 */
	guint idle_timeout_s;      /* between requests: 75 */
	guint body_rate_min;       /* bytes a second over a sliding window of 10 s: 1024 */
	guint write_timeout_s;     /* without progress: 30 */
	gsize n_connections_max;   /* beyond it: 503 with Retry-After, closed: 18000 */
	guint n_handshakes_max;    /* at a time, per loop: 256 */
	guint drain_timeout_s;     /* 5 */
} HttpServerSettings;

void http_server_settings_set_defaults(HttpServerSettings *settings);

/* Binds, loads the certificate, starts the loops. (transfer full) */
HttpServer *http_server_start(const HttpServerSettings *settings,
	const HttpApplication *application, GError **error) G_GNUC_WARN_UNUSED_RESULT;
guint16 http_server_port(const HttpServer *server);
/* Loads certificate, key and client CA again (SIGHUP); on failure the old ones stay. */
gboolean http_server_reload(HttpServer *server, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Stops accepting, answers what runs with Connection: close, waits at most drain_timeout_s, ends
 * the loops. */
void http_server_drain(HttpServer *server);
void http_server_free(HttpServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpServer, http_server_free)

typedef struct {
	guint64 n_accepted, n_requests, n_refused_heads, n_timeouts, n_shed;
	guint64 n_open;
} HttpServerCounts;
void http_server_counts(const HttpServer *server, HttpServerCounts *ret_counts); /* any thread */

/* --- Facts of the head; all borrowed, valid until gone() --- */
HttpMethod http_request_method(const HttpRequest *request);
const char *http_request_method_name(const HttpRequest *request);
const char *http_request_path(
	const HttpRequest *request); /* decoded is the caller's work; without "?..." */
const char *http_request_query(const HttpRequest *request); /* after the "?", or NULL */
const char *http_request_header(
	const HttpRequest *request, const char *name); /* first of that name, or NULL; any case */
gint64 http_request_content_length(const HttpRequest *request); /* -1: chunked */
gboolean http_request_has_body(const HttpRequest *request);
const char *http_request_peer(const HttpRequest *request); /* address without port */
/* SHA-256 (hex) of the client's certificate where its chain was judged good, and its subject CN;
 * else NULL. */
const char *http_request_client_certificate(HttpRequest *request);
const char *http_request_client_name(HttpRequest *request);
guint http_request_loop(const HttpRequest *request); /* number of the loop, from 0 */

void http_request_set_data(HttpRequest *request, gpointer data);
gpointer http_request_data(const HttpRequest *request);

/* --- Body --- */
/* Give the body to @sink from now on. Sends 100 Continue where the client waits for it. */
void http_request_read_body(HttpRequest *request, const HttpBodySink *sink, gpointer sink_data);
void http_request_pause(HttpRequest *request);
void http_request_resume(HttpRequest *request);

/* --- Answer: once, in this order --- */
void http_request_add_header(HttpRequest *request, const char *name, const char *value);
/* @body: (nullable)(transfer none): kept by reference. A body not read yet is drained up to 64 kB,
 * else the connection closes after the answer. HEAD sends no body but its length. */
void http_request_answer(
	HttpRequest *request, guint status, const char *content_type, GBytes *body);
/* Sends @length bytes of @fd from @offset (takes the descriptor; read on a worker, never on the
 * loop, where the file may not be in memory). */
void http_request_answer_file(HttpRequest *request, guint status, const char *content_type, int fd,
	guint64 offset, guint64 length);

/* Runs @function on the request's loop; from any thread. @gone is TRUE when gone() was called
 * meanwhile: then nothing can be answered any more, and the function only gives up what it holds.
 * After the end of the server's loops it runs at once on the posting thread, with @gone TRUE; all
 * posts must have come before http_server_free(). */
typedef void (*HttpPosted)(HttpRequest *request, gboolean gone, gpointer data);
void http_request_post(HttpRequest *request, HttpPosted function, gpointer data);
/* Keeps the memory of a request beyond gone(), for one http_request_post() to come; taken on the
 * loop before handing over, given back by the posted function having run. */
void http_request_hold(HttpRequest *request);
