/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: a client whose key stays elsewhere makes a handshake of TLS 1.2 and of 1.3 with RSA,
 * P-256, P-384 and Ed25519, and the server sees that the client holds the key of its certificate; a
 * key that is not the certificate's is refused before the handshake; a signer that fails ends the
 * handshake; OpenSSL's own keys are as before while such keys exist. */
/* shows: T7 H4 */
#include "crypto/key-provider.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include "base/error.h"
#include "crypto/key-private.h"

typedef struct {
	EVP_PKEY *pkey;
	guint asked;
	gboolean fails;
} Elsewhere;

static GBytes *sign_there(
	gpointer state, const KeyScheme *scheme, gconstpointer data, gsize size, GError **error)
{
	Elsewhere *elsewhere = state;
	g_autoptr(Key) key = NULL;

	elsewhere->asked++;
	if (elsewhere->fails) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "the token was removed");
		return NULL;
	}
	EVP_PKEY_up_ref(elsewhere->pkey);
	key = key_new(elsewhere->pkey, TRUE, FALSE, NULL);
	return key_sign_by_scheme(key, scheme, data, size, error);
}

static void leave(gpointer state)
{
}

static EVP_PKEY *generate(const char *kind)
{
	if (g_str_equal(kind, "RSA"))
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	if (g_str_equal(kind, "ED25519"))
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
}

static Key *stays_elsewhere(Elsewhere *elsewhere)
{
	static const KeySigner signer = { sign_there, leave };
	g_autoptr(Key) local = NULL;
	g_autofree char *pem = NULL;

	EVP_PKEY_up_ref(elsewhere->pkey);
	local = key_new(elsewhere->pkey, TRUE, FALSE, NULL);
	pem = key_public_pem(local);
	return key_new_elsewhere(pem, strlen(pem), &signer, elsewhere, NULL);
}

static X509 *self_signed(EVP_PKEY *pkey)
{
	X509 *certificate = X509_new();

	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
		(const unsigned char *)"vehicle", -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	X509_set_pubkey(certificate, pkey);
	g_assert_cmpint(
		X509_sign(certificate, pkey, EVP_PKEY_is_a(pkey, "ED25519") ? NULL : EVP_sha256()),
		>, 0);
	return certificate;
}

static int accept_any(int ok, X509_STORE_CTX *store)
{
	return 1;
}

static SSL_CTX *server_context(int version)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *pkey = generate("P-256");
	X509 *certificate = self_signed(pkey);

	SSL_CTX_set_min_proto_version(context, version);
	SSL_CTX_set_max_proto_version(context, version);
	g_assert_cmpint(SSL_CTX_use_certificate(context, certificate), ==, 1);
	g_assert_cmpint(SSL_CTX_use_PrivateKey(context, pkey), ==, 1);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
	X509_free(certificate);
	EVP_PKEY_free(pkey);
	return context;
}

/* Both ends in one thread, over memory. */
static gboolean shake_hands(SSL_CTX *server_side, SSL_CTX *client_side)
{
	SSL *server = SSL_new(server_side), *client = SSL_new(client_side);
	BIO *one = NULL, *other = NULL;
	int server_done = 0, client_done = 0;
	gboolean has_certificate;

	g_assert_cmpint(BIO_new_bio_pair(&one, 65536, &other, 65536), ==, 1);
	SSL_set_bio(server, one, one);
	SSL_set_bio(client, other, other);
	for (guint turn = 0; turn < 10 && (server_done != 1 || client_done != 1); turn++) {
		client_done = SSL_connect(client);
		server_done = SSL_accept(server);
	}
	has_certificate = SSL_get0_peer_certificate(server) != NULL;
	SSL_free(server);
	SSL_free(client);
	ERR_clear_error();
	return server_done == 1 && client_done == 1 && has_certificate;
}

static SSL_CTX *client_context(EVP_PKEY *certified, Key *key, gboolean *ret_taken)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	X509 *certificate = self_signed(certified);
	g_autoptr(GError) error = NULL;
	EVP_PKEY *pkey = key_make_pkey(key, &error);

	g_assert_no_error(error);
	g_assert_cmpint(SSL_CTX_use_certificate(context, certificate), ==, 1);
	*ret_taken = SSL_CTX_use_PrivateKey(context, pkey) == 1 &&
		     SSL_CTX_check_private_key(context) == 1;
	ERR_clear_error();
	EVP_PKEY_free(pkey);
	X509_free(certificate);
	return context;
}

static gboolean handshake(Elsewhere *elsewhere, int version)
{
	g_autoptr(Key) key = stays_elsewhere(elsewhere);
	gboolean taken = FALSE;
	SSL_CTX *client_side = client_context(elsewhere->pkey, key, &taken);
	SSL_CTX *server_side = server_context(version);
	gboolean done;

	g_assert_true(taken);
	done = shake_hands(server_side, client_side);
	SSL_CTX_free(server_side);
	SSL_CTX_free(client_side);
	return done;
}

static const char *const kinds[] = { "RSA", "P-256", "P-384", "ED25519" };
static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

static void test_handshakes(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		Elsewhere elsewhere = { .pkey = generate(kinds[i]) };

		for (gsize j = 0; j < G_N_ELEMENTS(versions); j++) {
			elsewhere.asked = 0;
			g_test_message("%s, version %#x", kinds[i], (guint)versions[j]);
			g_assert_true(handshake(&elsewhere, versions[j]));
			g_assert_cmpuint(elsewhere.asked, ==, 1);
		}
		EVP_PKEY_free(elsewhere.pkey);
	}
}

static void test_foreign_certificate(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		Elsewhere elsewhere = { .pkey = generate(kinds[i]) };
		EVP_PKEY *other = generate(kinds[i]);
		g_autoptr(Key) key = stays_elsewhere(&elsewhere);
		gboolean taken = TRUE;

		SSL_CTX_free(client_context(other, key, &taken));
		g_assert_false(taken);
		g_assert_cmpuint(elsewhere.asked, ==, 0);
		EVP_PKEY_free(other);
		EVP_PKEY_free(elsewhere.pkey);
	}
}

static void test_signer_that_fails(void)
{
	Elsewhere elsewhere = { .pkey = generate("P-256"), .fails = TRUE };

	for (gsize j = 0; j < G_N_ELEMENTS(versions); j++) {
		g_assert_false(handshake(&elsewhere, versions[j]));
	}
	g_assert_cmpuint(elsewhere.asked, ==, 2);
	EVP_PKEY_free(elsewhere.pkey);
}

static void test_own_keys_are_as_before(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		EVP_PKEY *pkey = generate(kinds[i]);
		g_autoptr(Key) key = key_new(pkey, TRUE, FALSE, NULL);
		g_autoptr(GBytes) signature = key_sign_message(key, "text", 4, NULL);
		EVP_PKEY *same = key_make_pkey(key, NULL);

		g_assert_true(same == pkey);
		EVP_PKEY_free(same);
		g_assert_true(key_verify_message(key, "text", 4, signature, NULL));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
	g_test_add_func("/key-provider/handshakes", test_handshakes);
	g_test_add_func("/key-provider/foreign-certificate", test_foreign_certificate);
	g_test_add_func("/key-provider/signer-that-fails", test_signer_that_fails);
	g_test_add_func("/key-provider/own-keys", test_own_keys_are_as_before);
	return g_test_run();
}
