/* SPDX-License-Identifier: Apache-2.0 */
#include "http/tls.h"
#include "base/error.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "http/ticket.h"
#include "http/verdict.h"
#include <uv.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

/* X25519 and AES-128-GCM first: the cheapest pair of full strength (a handshake costs a third less
 * than with P-256 shares from a client that offers both). The first is not const because OpenSSL's
 * macro casts the const away, which clang refuses. */
static char groups[] = "X25519:P-256:P-384";
static const char suites_13[] =
	"TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
static const char suites_12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
				"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
				"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";

enum { CLIENT_CA_SIZE_MAX = 1 << 20 };

struct HttpTls {
	char *certificate_path, *key_path, *client_ca_path;
	HttpTicketKeys *keys;
	uv_mutex_t mutex;
	SSL_CTX *context; /* replaced as a whole under the mutex */
};

static gboolean fail(GError **error, const char *what)
{
	char reason[256];
	unsigned long code = ERR_peek_last_error();

	ERR_error_string_n(code, reason, sizeof reason);
	ERR_clear_error();
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: %s", what, reason);
	return FALSE;
}

static int choose_protocol(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
	const unsigned char *offered, unsigned int size, void *data)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *name = NULL;

	if (SSL_select_next_proto(&name, ret_size, ours, sizeof ours - 1, offered, size) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret_name = name;
	return SSL_TLSEXT_ERR_OK;
}

static gboolean load_certificate(const HttpTls *tls, SSL_CTX *context, GError **error)
{
	if (SSL_CTX_use_certificate_chain_file(context, tls->certificate_path) != 1)
		return fail(error, tls->certificate_path);
	if (SSL_CTX_use_PrivateKey_file(context, tls->key_path, SSL_FILETYPE_PEM) != 1)
		return fail(error, tls->key_path);
	if (SSL_CTX_check_private_key(context) != 1)
		return fail(error, "certificate and key do not belong together");
	return TRUE;
}

/* Sessions are bound to the CAs that judged them: after a change nobody resumes on an old verdict.
 */
static gboolean load_client_ca(const HttpTls *tls, SSL_CTX *context, GError **error)
{
	guint8 digest[SHA256_SIZE] = { 0 };

	if (tls->client_ca_path != NULL) {
		g_autoptr(GBytes) pem = file_read(tls->client_ca_path, CLIENT_CA_SIZE_MAX, error);

		if (pem == NULL)
			return FALSE;
		sha256_of(g_bytes_get_data(pem, NULL), g_bytes_get_size(pem), digest);
		if (SSL_CTX_load_verify_file(context, tls->client_ca_path) != 1)
			return fail(error, tls->client_ca_path);
		SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(tls->client_ca_path));
		http_verdicts_use(http_verdicts_new(), context);
	}
	if (SSL_CTX_set_session_id_context(context, digest, sizeof digest) != 1)
		return fail(error, "session context");
	return TRUE;
}

static void set_manners(SSL_CTX *context)
{
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_ENABLE_KTLS);
	SSL_CTX_set_mode(
		context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* A record is fetched with one read instead of two. */
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
}

static SSL_CTX *make_context(const HttpTls *tls, GError **error)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	ERR_clear_error();
	if (context == NULL) {
		fail(error, "TLS");
		return NULL;
	}
	set_manners(context);
	http_ticket_keys_use(tls->keys, context);
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set1_groups_list(context, groups) != 1 ||
		SSL_CTX_set_ciphersuites(context, suites_13) != 1 ||
		SSL_CTX_set_cipher_list(context, suites_12) != 1) {
		fail(error, "TLS settings");
		SSL_CTX_free(context);
		return NULL;
	}
	if (!load_certificate(tls, context, error) || !load_client_ca(tls, context, error)) {
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

HttpTls *http_tls_new(const char *certificate_path, const char *key_path,
	const char *client_ca_path, GError **error)
{
	g_autoptr(HttpTls) tls = g_new0(HttpTls, 1);

	uv_mutex_init(&tls->mutex);
	tls->certificate_path = g_strdup(certificate_path);
	tls->key_path = g_strdup(key_path);
	tls->client_ca_path = g_strdup(client_ca_path);
	tls->keys = http_ticket_keys_new();
	tls->context = make_context(tls, error);
	return tls->context == NULL ? NULL : g_steal_pointer(&tls);
}

void http_tls_free(HttpTls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->context);
	http_ticket_keys_free(tls->keys);
	uv_mutex_destroy(&tls->mutex);
	g_free(tls->certificate_path);
	g_free(tls->key_path);
	g_free(tls->client_ca_path);
	g_free(tls);
}

gboolean http_tls_reload(HttpTls *tls, GError **error)
{
	SSL_CTX *context = make_context(tls, error);

	if (context == NULL)
		return FALSE;
	uv_mutex_lock(&tls->mutex);
	SSL_CTX *old = g_steal_pointer(&tls->context);
	tls->context = context;
	uv_mutex_unlock(&tls->mutex);
	SSL_CTX_free(old);
	return TRUE;
}

SSL *http_tls_accept(HttpTls *tls, int fd)
{
	uv_mutex_lock(&tls->mutex);
	SSL *ssl = SSL_new(tls->context);
	uv_mutex_unlock(&tls->mutex);

	if (ssl == NULL)
		return NULL;
	if (SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_accept_state(ssl);
	return ssl;
}

X509 *http_tls_client_certificate(const SSL *ssl)
{
	X509 *certificate = SSL_get1_peer_certificate(ssl);

	if (certificate == NULL)
		return NULL;
	/* A resumed session brings its verdict along; the certificate may have ended since. */
	if (SSL_get_verify_result(ssl) == X509_V_OK &&
		X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0)
		return certificate;
	X509_free(certificate);
	return NULL;
}
