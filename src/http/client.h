/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "crypto/key.h"
#include "http/proxy.h"

/* The HTTP client: libcurl with OpenSSL behind one header.
 *
 * Single-threaded and driven by its caller: requests and downloads are begun, http_client_run()
 * does what can be done and returns when something happened. TLS 1.2 or newer, host name and chain
 * always verified, redirects followed by a download only and only where it is asked to, plain
 * http:// for loopback addresses only. */

enum {
	HTTP_ANSWER_HEAD_MAX = 64 * 1024, /* all header lines of one answer */
	HTTP_CONNECT_LIMIT_S = 30,        /* name, TCP and TLS */
	HTTP_IDLE_LIMIT_S = 60, /* to the end of the head, and without a byte of the body */
	HTTP_RATE_LEAST = 256,  /* bytes a second, over twice the idle limit */
	HTTP_RETRY_AFTER_MAX_S = 24 * 60 * 60,
	HTTP_SESSIONS_MAX = 4, /* TLS sessions kept in the session file */
	HTTP_SESSION_FILE_MAX = 64 * 1024,
};

typedef struct {
	const char *authorities;        /* (nullable): PEM, added to the system's */
	const char *client_certificate; /* (nullable): PEM, the chain is sent */
	Key *client_key;                /* (nullable): its key, borrowed; it may sign elsewhere */
	const HttpProxies *proxies;     /* (nullable): borrowed until the client is freed */
	const char *user_agent;         /* (nullable) */
	gint64 idle_limit_s;            /* 0 = HTTP_IDLE_LIMIT_S */
	int session_fd; /* file in which TLS sessions outlive the process; -1 = none */
} HttpClientOptions;

typedef struct HttpClient HttpClient;

HttpClient *http_client_new(
	const HttpClientOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void http_client_free(HttpClient *client); /* what is under way ends with an error */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpClient, http_client_free)

/**
 * http_client_run:
 * @fd: returns as well when it is readable; -1 = none
 * @until_us: on g_get_monotonic_time(): the latest moment to return
 *
 * Works on all requests and downloads for one turn; calls their callbacks.
 */
gboolean http_client_run(
	HttpClient *client, int fd, gint64 until_us, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- One request with an answer that fits into memory --- */

typedef struct {
	const char *method;
	const char *url;
	const char *const *headers; /* (nullable): "Name: value" */
	GBytes *body;               /* (nullable) */
	gsize answer_size_max;
	gint64 limit_s; /* for all of it */
} HttpRequest;

typedef struct {
	guint status;
	GBytes *body;
	gint64 retry_after_s; /* 0 = none; at most HTTP_RETRY_AFTER_MAX_S */
} HttpAnswer;

/* @answer: (nullable): borrowed; NULL with @error where there was no answer. */
typedef void (*HttpDone)(const HttpAnswer *answer, const GError *error, gpointer data);

/* Begins a request; @done is called once, from http_client_run(). Everything in @request is copied.
 */
gboolean http_client_send(HttpClient *client, const HttpRequest *request, HttpDone done,
	gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
