/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <curl/curl.h>
#include "http/client.h"
#include "http/range.h"

/* Shared by the client's own files: one transfer, the TLS side, and how a download takes part in a
 * turn of the loop. */

/* --- Transfers --- */

typedef struct Transfer Transfer;

typedef struct {
	RangeAnswer answer;
	const char *location; /* (nullable): where a redirection leads, as it was said */
	gint64 retry_after_s;
} TransferHead;

enum { TRANSFER_PAUSE = -1, TRANSFER_ABORT = -2 };

typedef struct {
	/* The head of the final answer is there. FALSE with @error ends the transfer. */
	gboolean (*head)(const TransferHead *head, gpointer data, GError **error);
	/* Takes all of the bytes (its size is returned), or none: PAUSE, or ABORT with @error. */
	gssize (*body)(const guint8 *bytes, gsize size, gpointer data, GError **error);
	/* Of a transfer that is to connect and no more: it has, and stays until it is cancelled. */
	void (*connected)(CURL *easy, gpointer data);
	/* The transfer is over and freed; @error is NULL when it ended as HTTP wants it. */
	void (*done)(const GError *error, gpointer data);
} TransferEvents;

typedef struct {
	const char *method;
	const char *url;
	const char *const *headers; /* (nullable) */
	GBytes *body;               /* (nullable) */
	gint64 limit_s;             /* 0 = as long as bytes flow */
	gboolean connect_only;      /* see TransferEvents.connected */
} TransferRequest;

Transfer *transfer_begin(HttpClient *client, const TransferRequest *request,
	const TransferEvents *events, gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void transfer_continue(Transfer *transfer); /* after PAUSE */
void transfer_cancel(Transfer *transfer);   /* frees it; done is not called */

/* --- What takes part in each turn of http_client_run() --- */

enum { CLIENT_PART_FDS_MAX = 2 };

typedef struct {
	/* Fills in what to wait for, CLIENT_PART_FDS_MAX at most, and tells how many. */
	guint (*waits)(struct curl_waitfd *ret_waits, gpointer data);
	gint64 (*wake_us)(gpointer data); /* latest moment of the next turn; G_MAXINT64 = any */
	void (*turn)(gpointer data);
	gpointer data;
} ClientPart;

void client_add_part(HttpClient *client, const ClientPart *part);
void client_remove_part(HttpClient *client, gpointer data);

/* --- TLS --- */

typedef struct TlsContext TlsContext;

TlsContext *tls_context_new(const HttpClientOptions *options, GError **error);
void tls_context_free(TlsContext *tls);
/* No session with @host is offered again, before there is a new one. */
void tls_context_forget(TlsContext *tls, const char *host);
/* Writes new sessions to the session file. */
void tls_context_save(TlsContext *tls);
void tls_context_apply(TlsContext *tls, CURL *easy);

/* "name:port" of the transfer that @easy belongs to. */
const char *transfer_host(CURL *easy);
