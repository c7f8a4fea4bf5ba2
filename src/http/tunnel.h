/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "http/client.h"

/* A connection to a server for bytes that somebody else has put into HTTP: libcurl finds the way
 * (names, proxies, TLS with our certificates and the kept session), and what flows is the caller's.
 * It never blocks; http_client_run() brings the connection about. */
typedef struct HttpTunnel HttpTunnel;

enum { HTTP_TUNNEL_LATER = -1, HTTP_TUNNEL_FAILED = -2 };

/**
 * http_tunnel_open:
 * @url: of the server; its path does not matter
 * Returns: (transfer full): the tunnel, not yet connected, or NULL with @error set.
 */
HttpTunnel *http_tunnel_open(
	HttpClient *client, const char *url, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void http_tunnel_free(HttpTunnel *tunnel);

gboolean http_tunnel_is_connected(const HttpTunnel *tunnel);
/* (nullable): why it has not become a connection, and never will. */
const GError *http_tunnel_error(const HttpTunnel *tunnel);
int http_tunnel_fd(const HttpTunnel *tunnel); /* to wait for; -1 = not connected */

/* Bytes moved, 0 at the end of what the server sends, or one of the values above. */
gssize http_tunnel_read(HttpTunnel *tunnel, guint8 *data, gsize size);
gssize http_tunnel_write(HttpTunnel *tunnel, const guint8 *data, gsize size);
