/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "http/client.h"

/* The local forwarder: add-ons on this device talk plain HTTP and WebSocket to a loopback port, and
 * what they say goes to the one configured server over TLS, with the device's certificate. Keys and
 * trust stay in one place. Its rules are those of Mender's: the token that was handed out must be
 * in each request, /api/devices/ is all there is, and nobody else authenticates.
 *
 * It takes part in http_client_run(). A connection carries one request, then it is closed; one that
 * was made a WebSocket lives on. Everything has a size and a deadline (forward.h). */
typedef struct Forwarder Forwarder;

enum {
	FORWARDER_CONNECTIONS_MAX = 8, /* more wait in the socket's queue */
	FORWARDER_SOCKETS_MAX = 1,     /* WebSockets, as Mender's */
	FORWARDER_UNUSED_LIMIT_S = 60,
};

/**
 * forwarder_new:
 * @listener: (transfer full): a listening socket
 * @refused: called once for each token that the server answers 401 to
 */
Forwarder *forwarder_new(
	HttpClient *http, int listener, void (*refused)(gpointer data), gpointer data);
void forwarder_free(Forwarder *forwarder);

/* @token: (nullable): none yet. What is open goes on with the one it began with. */
gboolean forwarder_set(Forwarder *forwarder, const char *server, const char *token,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Nobody has been connected for FORWARDER_UNUSED_LIMIT_S. */
gboolean forwarder_is_unused(const Forwarder *forwarder);
