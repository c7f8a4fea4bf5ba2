/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS side of the client: whom it trusts, who it is, and sessions that outlive the process.
 *
 * libcurl 7.88 keeps TLS sessions within a process only. A vehicle's network process lives for one
 * contact, so the sessions are kept in a file: OpenSSL hands over each new ticket, and when a
 * handshake with the same host begins the last one is offered. A session is only used under the
 * certificates it was made with: their digest is part of its name. */
#include "http/client-private.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>
#include "base/encode.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "crypto/key-provider.h"

typedef struct {
	char *name; /* digest of the certificates, "/", host and port */
	char *data; /* the session in DER, base64 */
} Session;

typedef struct {
	GPtrArray *sessions; /* of Session *, newest last; the record frees them */
} SessionFile;

static const JsonField session_fields[] = {
	JSON_FIELD(Session, name, JSON_TEXT, REQUIRED, 512),
	JSON_FIELD(Session, data, JSON_TEXT, REQUIRED, HTTP_SESSION_FILE_MAX),
	{ 0 },
};
static const JsonRecord session_record = { sizeof(Session), session_fields };

static const JsonField file_fields[] = {
	JSON_FIELD(
		SessionFile, sessions, JSON_RECORDS, OPTIONAL, HTTP_SESSIONS_MAX, &session_record),
	{ 0 },
};
static const JsonRecord file_record = { sizeof(SessionFile), file_fields };

struct TlsContext {
	X509_STORE *authorities; /* the system's and the configured ones */
	GPtrArray *chain;        /* (nullable): of X509 *, our certificate first */
	EVP_PKEY *key;           /* (nullable): of that certificate */
	char *digest;            /* of the certificates, 16 hex digits */
	int session_fd;
	SessionFile *file;
	gboolean changed;
};

/* Where an SSL_CTX keeps its TlsContext and the name of its host. */
static int context_index = -1;
static int host_index = -1;

/* --- The session file --- */

static SessionFile *session_file_read(int fd)
{
	g_autofree char *text = g_malloc(HTTP_SESSION_FILE_MAX);
	gssize size = fd >= 0 ? pread(fd, text, HTTP_SESSION_FILE_MAX, 0) : 0;
	SessionFile *file = NULL;

	/* It is a cache: whatever is wrong with it, an empty one is as good. */
	if (size > 0)
		file = json_record_parse(&file_record, text, (gsize)size, NULL);
	if (file == NULL)
		file = g_new0(SessionFile, 1);
	if (file->sessions == NULL)
		file->sessions = g_ptr_array_new();
	return file;
}

void tls_context_save(TlsContext *tls)
{
	g_autoptr(json_t) value = NULL;
	g_autofree char *text = NULL;
	gsize size;

	if (tls->session_fd < 0 || !tls->changed)
		return;
	tls->changed = FALSE;
	value = json_record_write(&file_record, tls->file);
	text = json_to_text(value);
	size = strlen(text);
	if (size > HTTP_SESSION_FILE_MAX)
		return;
	if (pwrite(tls->session_fd, text, size, 0) != (gssize)size ||
		ftruncate(tls->session_fd, (off_t)size) != 0)
		g_info("the TLS session could not be kept: %s", g_strerror(errno));
}

static void session_drop(TlsContext *tls, guint i)
{
	json_record_free(&session_record, g_ptr_array_remove_index(tls->file->sessions, i));
}

static char *session_name(const TlsContext *tls, const char *host)
{
	return g_strdup_printf("%s/%s", tls->digest, host);
}

/* Where it is in the file, or -1. */
static gint session_place(const TlsContext *tls, const char *name)
{
	const GPtrArray *sessions = tls->file->sessions;

	for (guint i = 0; i < sessions->len; i++)
		if (strcmp(((const Session *)g_ptr_array_index(sessions, i))->name, name) == 0)
			return (gint)i;
	return -1;
}

void tls_context_forget(TlsContext *tls, const char *host)
{
	g_autofree char *name = session_name(tls, host);
	gint place = session_place(tls, name);

	if (place < 0)
		return;
	session_drop(tls, (guint)place);
	tls->changed = TRUE;
}

static void session_keep(TlsContext *tls, const char *host, const guint8 *data, gsize size)
{
	GPtrArray *sessions = tls->file->sessions;
	Session *session = g_new0(Session, 1);

	session->name = session_name(tls, host);
	session->data = g_base64_encode(data, size);
	tls_context_forget(tls, host);
	if (sessions->len == HTTP_SESSIONS_MAX)
		session_drop(tls, 0);
	g_ptr_array_add(sessions, session);
	tls->changed = TRUE;
}

static SSL_SESSION *session_find(const TlsContext *tls, const char *host)
{
	g_autofree char *name = session_name(tls, host);
	gint place = session_place(tls, name);
	g_autoptr(GBytes) der = NULL;
	const Session *session;
	const unsigned char *bytes;

	if (place < 0)
		return NULL;
	session = g_ptr_array_index(tls->file->sessions, (guint)place);
	der = base64_decode_strict(session->data, strlen(session->data), NULL);
	if (der == NULL)
		return NULL;
	bytes = g_bytes_get_data(der, NULL);
	return d2i_SSL_SESSION(NULL, &bytes, (long)g_bytes_get_size(der));
}

/* --- What OpenSSL and libcurl call --- */

static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_CTX *context = SSL_get_SSL_CTX(ssl);
	TlsContext *tls = SSL_CTX_get_ex_data(context, context_index);
	const char *host = SSL_CTX_get_ex_data(context, host_index);
	unsigned char *data = NULL;
	int size = i2d_SSL_SESSION(session, &data);

	if (size > 0 && size < HTTP_SESSION_FILE_MAX / (2 * HTTP_SESSIONS_MAX))
		session_keep(tls, host, data, (gsize)size);
	OPENSSL_free(data);
	return 0; /* we kept a copy, not the object */
}

/* libcurl 7.88 has no call to offer a session of ours; the beginning of a handshake is the moment.
 */
static void on_info(const SSL *ssl, int where, int value)
{
	SSL_CTX *context = SSL_get_SSL_CTX(ssl);
	SSL_SESSION *session;

	if ((where & SSL_CB_HANDSHAKE_START) == 0 || SSL_get_session(ssl) != NULL)
		return;
	session = session_find(SSL_CTX_get_ex_data(context, context_index),
		SSL_CTX_get_ex_data(context, host_index));
	if (session == NULL)
		return;
	if (SSL_SESSION_is_resumable(session))
		SSL_set_session((SSL *)(guintptr)ssl, session);
	SSL_SESSION_free(session);
}

/* Not libcurl's own way, which wants the key in a file or in memory. */
static gboolean use_certificate(SSL_CTX *context, const TlsContext *tls)
{
	if (SSL_CTX_use_certificate(context, g_ptr_array_index(tls->chain, 0)) != 1 ||
		SSL_CTX_use_PrivateKey(context, tls->key) != 1)
		return FALSE;
	for (guint i = 1; i < tls->chain->len; i++)
		if (SSL_CTX_add1_chain_cert(context, g_ptr_array_index(tls->chain, i)) != 1)
			return FALSE;
	return TRUE;
}

static CURLcode on_ssl_context(CURL *easy, void *context, void *user)
{
	TlsContext *tls = user;

	SSL_CTX_set1_cert_store(context, tls->authorities);
	if (tls->chain != NULL && !use_certificate(context, tls))
		return CURLE_SSL_CERTPROBLEM;
	if (tls->session_fd < 0)
		return CURLE_OK;
	SSL_CTX_set_ex_data(context, context_index, tls);
	SSL_CTX_set_ex_data(context, host_index, (void *)(guintptr)transfer_host(easy));
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, on_new_session);
	SSL_CTX_set_info_callback(context, on_info);
	return CURLE_OK;
}

void tls_context_apply(TlsContext *tls, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	/* The store below is read once; libcurl would read all of the system's at each connection.
	 */
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_context);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, tls);
}

/* --- Making one --- */

static GPtrArray *read_certificates(const char *pem, const char *what, GError **error)
{
	GPtrArray *certificates = g_ptr_array_new_with_free_func((GDestroyNotify)X509_free);
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate;

	while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		g_ptr_array_add(certificates, certificate);
	BIO_free(bio);
	ERR_clear_error();
	if (certificates->len > 0)
		return certificates;
	g_ptr_array_unref(certificates);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: no PEM certificate in it", what);
	return NULL;
}

static gboolean add_authorities(X509_STORE *store, const char *pem, GError **error)
{
	g_autoptr(GPtrArray) certificates = read_certificates(pem, "the server certificate", error);

	for (guint i = 0; certificates != NULL && i < certificates->len; i++)
		X509_STORE_add_cert(store, g_ptr_array_index(certificates, i));
	return certificates != NULL;
}

static gboolean add_own(TlsContext *tls, const HttpClientOptions *options, GError **error)
{
	tls->chain =
		read_certificates(options->client_certificate, "the client certificate", error);
	if (tls->chain == NULL)
		return FALSE;
	tls->key = key_make_pkey(options->client_key, error);
	if (tls->key == NULL)
		return FALSE;
	if (X509_check_private_key(g_ptr_array_index(tls->chain, 0), tls->key) == 1)
		return TRUE;
	ERR_clear_error();
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"the client certificate is not one of the key that is given for it");
	return FALSE;
}

static char *digest_of(const HttpClientOptions *options)
{
	g_autofree char *all =
		g_strdup_printf("%s\n%s", options->authorities != NULL ? options->authorities : "",
			options->client_certificate != NULL ? options->client_certificate : "");
	g_autofree char *hex = sha256_hex_of(all, strlen(all));

	return g_strndup(hex, 16);
}

TlsContext *tls_context_new(const HttpClientOptions *options, GError **error)
{
	TlsContext *tls;

	if ((options->client_certificate == NULL) != (options->client_key == NULL)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"a client certificate and its key belong together: one is missing");
		return NULL;
	}
	if (context_index < 0) {
		context_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
		host_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	}
	tls = g_new0(TlsContext, 1);
	tls->session_fd = options->session_fd;
	tls->file = session_file_read(options->session_fd);
	tls->digest = digest_of(options);
	tls->authorities = X509_STORE_new();
	X509_STORE_set_default_paths(tls->authorities);
	if ((options->authorities != NULL &&
		    !add_authorities(tls->authorities, options->authorities, error)) ||
		(options->client_certificate != NULL && !add_own(tls, options, error))) {
		tls_context_free(tls);
		return NULL;
	}
	return tls;
}

void tls_context_free(TlsContext *tls)
{
	g_clear_pointer(&tls->chain, g_ptr_array_unref);
	EVP_PKEY_free(tls->key);
	X509_STORE_free(tls->authorities);
	json_record_free(&file_record, tls->file);
	g_free(tls->digest);
	g_free(tls);
}
