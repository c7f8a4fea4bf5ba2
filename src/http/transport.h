/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <openssl/ssl.h>

/* Bytes over a socket that never blocks, with TLS or without. */
typedef struct {
	int fd;
	SSL *ssl;                  /* NULL: plain */
	gboolean read_wants_write; /* TLS has to send before it can go on reading */
	gboolean write_wants_read;
} HttpTransport;

typedef enum {
	HTTP_TRANSPORT_OK,
	HTTP_TRANSPORT_AGAIN, /* the socket must become ready first */
	HTTP_TRANSPORT_END,   /* the peer has ended, or the connection is broken */
} HttpTransportResult;

HttpTransportResult http_transport_handshake(HttpTransport *transport);
HttpTransportResult http_transport_read(
	HttpTransport *transport, guint8 *data, gsize size, gsize *ret_size);
HttpTransportResult http_transport_write(
	HttpTransport *transport, const guint8 *data, gsize size, gsize *ret_size);
/* Bytes were read from the socket that have not been given out: no event will tell of them. */
gboolean http_transport_has_more(const HttpTransport *transport);
/* Gives back what the next bytes will need anew: 34 kB of TLS buffers. */
void http_transport_rest(HttpTransport *transport);
/* Says to the peer that nothing more will come. */
void http_transport_end(HttpTransport *transport);
/* Reads and drops without decrypting. */
HttpTransportResult http_transport_discard(HttpTransport *transport, guint8 *scratch, gsize size);
void http_transport_clear(HttpTransport *transport);
