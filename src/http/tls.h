/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <openssl/ssl.h>

/* TLS for all loops of a server: one certificate, one set of ticket keys, one memory of verdicts on
 * clients' certificates. Thread-safe. */
typedef struct HttpTls HttpTls;

/**
 * http_tls_new:
 * @client_ca_path: (nullable): certificates of clients are asked for, never required, and judged by
 * it
 */
HttpTls *http_tls_new(const char *certificate_path, const char *key_path,
	const char *client_ca_path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void http_tls_free(HttpTls *tls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpTls, http_tls_free)

/* Reads the files again; on failure what was loaded stays. Connections keep what they began with.
 */
gboolean http_tls_reload(HttpTls *tls, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): the server's side of a session on @fd, or NULL without memory. */
SSL *http_tls_accept(HttpTls *tls, int fd);

/* (transfer full)(nullable): the client's certificate if its chain was found good and it is still
 * valid; else NULL. */
X509 *http_tls_client_certificate(const SSL *ssl);
