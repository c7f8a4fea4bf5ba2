/* SPDX-License-Identifier: Apache-2.0 */
#include "http/transport.h"
#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

static HttpTransportResult judge(
	HttpTransport *transport, int result, gboolean *ret_other_way, int other_way)
{
	int error = SSL_get_error(transport->ssl, result);

	if (error == other_way) {
		*ret_other_way = TRUE;
		return HTTP_TRANSPORT_AGAIN;
	}
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return HTTP_TRANSPORT_AGAIN;
	ERR_clear_error();
	return HTTP_TRANSPORT_END;
}

HttpTransportResult http_transport_handshake(HttpTransport *transport)
{
	ERR_clear_error();
	int result = SSL_do_handshake(transport->ssl);

	transport->read_wants_write = FALSE;
	if (result == 1)
		return HTTP_TRANSPORT_OK;
	return judge(transport, result, &transport->read_wants_write, SSL_ERROR_WANT_WRITE);
}

static HttpTransportResult judge_errno(void)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return HTTP_TRANSPORT_AGAIN;
	return HTTP_TRANSPORT_END;
}

HttpTransportResult http_transport_read(
	HttpTransport *transport, guint8 *data, gsize size, gsize *ret_size)
{
	if (transport->ssl == NULL) {
		ssize_t n = recv(transport->fd, data, size, 0);

		if (n <= 0)
			return n == 0 ? HTTP_TRANSPORT_END : judge_errno();
		*ret_size = (gsize)n;
		return HTTP_TRANSPORT_OK;
	}
	ERR_clear_error();
	int result = SSL_read_ex(transport->ssl, data, size, ret_size);

	transport->read_wants_write = FALSE;
	if (result == 1)
		return HTTP_TRANSPORT_OK;
	return judge(transport, result, &transport->read_wants_write, SSL_ERROR_WANT_WRITE);
}

HttpTransportResult http_transport_write(
	HttpTransport *transport, const guint8 *data, gsize size, gsize *ret_size)
{
	if (transport->ssl == NULL) {
		ssize_t n = send(transport->fd, data, size, MSG_NOSIGNAL);

		if (n < 0)
			return judge_errno();
		*ret_size = (gsize)n;
		return HTTP_TRANSPORT_OK;
	}
	ERR_clear_error();
	int result = SSL_write_ex(transport->ssl, data, size, ret_size);

	transport->write_wants_read = FALSE;
	if (result == 1)
		return HTTP_TRANSPORT_OK;
	return judge(transport, result, &transport->write_wants_read, SSL_ERROR_WANT_READ);
}

gboolean http_transport_has_more(const HttpTransport *transport)
{
	return transport->ssl != NULL && SSL_has_pending(transport->ssl);
}

void http_transport_rest(HttpTransport *transport)
{
	/* Refused while bytes are under way, and then they are not in the way. */
	if (transport->ssl != NULL && SSL_free_buffers(transport->ssl) == 0)
		ERR_clear_error();
}

void http_transport_end(HttpTransport *transport)
{
	if (transport->ssl != NULL) {
		ERR_clear_error();
		SSL_shutdown(transport->ssl);
		ERR_clear_error();
	}
	shutdown(transport->fd, SHUT_WR);
}

HttpTransportResult http_transport_discard(HttpTransport *transport, guint8 *scratch, gsize size)
{
	ssize_t n = recv(transport->fd, scratch, size, 0);

	if (n > 0)
		return HTTP_TRANSPORT_OK;
	return n == 0 ? HTTP_TRANSPORT_END : judge_errno();
}

void http_transport_clear(HttpTransport *transport)
{
	if (transport->ssl != NULL)
		SSL_free(transport->ssl);
	transport->ssl = NULL;
	if (transport->fd >= 0)
		close(transport->fd);
	transport->fd = -1;
}
