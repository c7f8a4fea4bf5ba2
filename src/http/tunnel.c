/* SPDX-License-Identifier: Apache-2.0 */
#include "http/tunnel.h"
#include "base/error.h"
#include "http/client-private.h"

struct HttpTunnel {
	Transfer *transfer; /* (nullable): it has failed */
	CURL *easy;         /* (nullable): not connected yet */
	GError *error;
};

static gboolean on_head(const TransferHead *head, gpointer data, GError **error)
{
	return TRUE;
}

static gssize on_body(const guint8 *bytes, gsize size, gpointer data, GError **error)
{
	return (gssize)size;
}

static void on_connected(CURL *easy, gpointer data)
{
	HttpTunnel *tunnel = data;

	tunnel->easy = easy;
}

static void on_done(const GError *error, gpointer data)
{
	HttpTunnel *tunnel = data;

	tunnel->transfer = NULL;
	tunnel->easy = NULL;
	tunnel->error = error != NULL ? g_error_copy(error)
				      : g_error_new(ROTA_ERROR, ROTA_ERROR_UNAVAILABLE,
						"the connection ended before it was one");
}

HttpTunnel *http_tunnel_open(HttpClient *client, const char *url, GError **error)
{
	static const TransferEvents events = {
		.head = on_head, .body = on_body, .connected = on_connected, .done = on_done
	};
	TransferRequest request = { .method = "GET", .url = url, .connect_only = TRUE };
	HttpTunnel *tunnel = g_new0(HttpTunnel, 1);

	tunnel->transfer = transfer_begin(client, &request, &events, tunnel, error);
	if (tunnel->transfer != NULL)
		return tunnel;
	g_free(tunnel);
	return NULL;
}

void http_tunnel_free(HttpTunnel *tunnel)
{
	if (tunnel->transfer != NULL)
		transfer_cancel(tunnel->transfer);
	g_clear_error(&tunnel->error);
	g_free(tunnel);
}

gboolean http_tunnel_is_connected(const HttpTunnel *tunnel)
{
	return tunnel->easy != NULL;
}

const GError *http_tunnel_error(const HttpTunnel *tunnel)
{
	return tunnel->error;
}

int http_tunnel_fd(const HttpTunnel *tunnel)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (tunnel->easy != NULL)
		curl_easy_getinfo(tunnel->easy, CURLINFO_ACTIVESOCKET, &fd);
	return fd;
}

static gssize result_of(CURLcode code, gsize moved)
{
	if (code == CURLE_OK)
		return (gssize)moved;
	return code == CURLE_AGAIN ? HTTP_TUNNEL_LATER : HTTP_TUNNEL_FAILED;
}

gssize http_tunnel_read(HttpTunnel *tunnel, guint8 *data, gsize size)
{
	size_t moved = 0;
	CURLcode code = curl_easy_recv(tunnel->easy, data, size, &moved);

	return result_of(code, moved);
}

gssize http_tunnel_write(HttpTunnel *tunnel, const guint8 *data, gsize size)
{
	size_t moved = 0;
	CURLcode code = curl_easy_send(tunnel->easy, data, size, &moved);

	/* Nothing taken is no end of anything in this direction. */
	if (code == CURLE_OK && moved == 0)
		return HTTP_TUNNEL_LATER;
	return result_of(code, moved);
}
