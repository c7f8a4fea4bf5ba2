/* SPDX-License-Identifier: Apache-2.0 */
#include "http/verdict.h"
#include "crypto/digest.h"
#include <uv.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

enum { N_VERDICTS_MAX = 65536, LIFETIME_S = 3600 };

struct HttpVerdicts {
	uv_mutex_t mutex;
	GHashTable *good; /* GBytes (SHA-256 of the certificate) → until when, monotonic seconds */
};

static gint64 now_s(void)
{
	return g_get_monotonic_time() / G_USEC_PER_SEC;
}

HttpVerdicts *http_verdicts_new(void)
{
	HttpVerdicts *verdicts = g_new0(HttpVerdicts, 1);

	uv_mutex_init(&verdicts->mutex);
	verdicts->good = g_hash_table_new_full(
		g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, g_free);
	return verdicts;
}

void http_verdicts_free(HttpVerdicts *verdicts)
{
	if (verdicts == NULL)
		return;
	uv_mutex_destroy(&verdicts->mutex);
	g_hash_table_unref(verdicts->good);
	g_free(verdicts);
}

static gboolean is_known_good(HttpVerdicts *verdicts, GBytes *digest)
{
	uv_mutex_lock(&verdicts->mutex);
	const gint64 *until = g_hash_table_lookup(verdicts->good, digest);
	gboolean is_good = until != NULL && now_s() < *until;
	uv_mutex_unlock(&verdicts->mutex);
	return is_good;
}

static void remember_good(HttpVerdicts *verdicts, GBytes *digest)
{
	gint64 *until = g_new(gint64, 1);

	*until = now_s() + LIFETIME_S;
	uv_mutex_lock(&verdicts->mutex);
	/* Full is a rare day; forgetting all of it costs one chain check each. */
	if (g_hash_table_size(verdicts->good) >= N_VERDICTS_MAX)
		g_hash_table_remove_all(verdicts->good);
	g_hash_table_replace(verdicts->good, g_bytes_ref(digest), until);
	uv_mutex_unlock(&verdicts->mutex);
}

static gboolean is_in_its_time(const X509 *certificate)
{
	return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

/* Instead of OpenSSL's own check. Returns 1 to go on with the handshake in every case. */
static int judge(X509_STORE_CTX *chain, void *data)
{
	HttpVerdicts *verdicts = data;
	X509 *certificate = X509_STORE_CTX_get0_cert(chain);
	guint8 digest[SHA256_SIZE];

	if (certificate == NULL || X509_digest(certificate, EVP_sha256(), digest, NULL) != 1) {
		X509_STORE_CTX_set_error(chain, X509_V_ERR_UNSPECIFIED);
		return 1;
	}
	g_autoptr(GBytes) key = g_bytes_new(digest, sizeof digest);

	if (is_in_its_time(certificate) && is_known_good(verdicts, key)) {
		X509_STORE_CTX_set_error(chain, X509_V_OK);
		return 1;
	}
	if (X509_verify_cert(chain) == 1)
		remember_good(verdicts, key);
	else if (X509_STORE_CTX_get_error(chain) == X509_V_OK)
		X509_STORE_CTX_set_error(chain, X509_V_ERR_UNSPECIFIED);
	return 1;
}

/* Frees the verdicts with the context they are bound to. */
static void on_context_free(
	void *parent, void *data, CRYPTO_EX_DATA *ex_data, int index, long argl, void *argp)
{
	http_verdicts_free(data);
}

static int verdicts_index(void)
{
	static gsize once = 0;

	if (g_once_init_enter(&once)) {
		int index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_free);

		g_once_init_leave(&once, (gsize)index + 1);
	}
	return (int)once - 1;
}

void http_verdicts_use(HttpVerdicts *verdicts, SSL_CTX *context)
{
	SSL_CTX_set_ex_data(context, verdicts_index(), verdicts);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(context, judge, verdicts);
}
