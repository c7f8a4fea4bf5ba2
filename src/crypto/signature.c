/* SPDX-License-Identifier: Apache-2.0 */
/* What is signed with keys: messages and manifests. Both are one EVP call; they differ in which
 * keys may do it and in how an ECDSA signature is written down. */
#include <string.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include "base/error.h"
#include "crypto/key-private.h"

enum {
	P256_NUMBER_SIZE = 32,
	P256_RAW_SIZE = 2 * P256_NUMBER_SIZE,
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ECDSA_SIG, ECDSA_SIG_free)

/* Ed25519 hashes for itself; all others sign a SHA-256. */
static KeyScheme usual_scheme(const Key *key)
{
	return (KeyScheme){ .digest = key->kind == KEY_ED25519 ? NULL : "SHA256" };
}

/* Only RSA has a choice; its default is PKCS#1 v1.5. */
static gboolean set_padding(EVP_PKEY_CTX *context, const KeyScheme *scheme)
{
	return !scheme->pss ||
	       (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0);
}

static gboolean refuse(GError **error)
{
	ERR_clear_error();
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, "signature verification failed");
	return FALSE;
}

static gboolean verify_by(const Key *key, const KeyScheme *scheme, gconstpointer data, gsize size,
	GBytes *signature, GError **error)
{
	g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *details = NULL;
	gsize signature_size;
	const guint8 *bytes = g_bytes_get_data(signature, &signature_size);

	if (bytes == NULL ||
		EVP_DigestVerifyInit_ex(
			context, &details, scheme->digest, NULL, NULL, key->pkey, NULL) != 1 ||
		!set_padding(details, scheme) ||
		EVP_DigestVerify(context, bytes, signature_size, data, size) != 1)
		return refuse(error);
	return TRUE;
}

static gboolean verify(
	const Key *key, gconstpointer data, gsize size, GBytes *signature, GError **error)
{
	KeyScheme scheme = usual_scheme(key);

	return verify_by(key, &scheme, data, size, signature, error);
}

/* r and s side by side, each half of @raw, to DER. */
static GBytes *der_from_raw(GBytes *raw)
{
	g_autoptr(ECDSA_SIG) pair = ECDSA_SIG_new();
	gsize size;
	const guint8 *data = g_bytes_get_data(raw, &size);
	int half = (int)(size / 2);
	guint8 *der = NULL;
	int der_size;
	GBytes *bytes;

	ECDSA_SIG_set0(pair, BN_bin2bn(data, half, NULL), BN_bin2bn(data + half, half, NULL));
	der_size = i2d_ECDSA_SIG(pair, &der);
	g_assert(der_size > 0);
	bytes = g_bytes_new(der, (gsize)der_size);
	OPENSSL_free(der);
	return bytes;
}

/* A key of another provider, such as a TPM's, signs there: OpenSSL tries its own first, and is
 * given the public half. (transfer full) (nullable) */
static char *properties_for(EVP_PKEY *pkey)
{
	const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(pkey);
	const char *name = provider != NULL ? OSSL_PROVIDER_get0_name(provider) : "default";

	return strcmp(name, "default") != 0 ? g_strdup_printf("provider=%s", name) : NULL;
}

static GBytes *sign_here(
	const Key *key, const KeyScheme *scheme, gconstpointer data, gsize size, GError **error)
{
	g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
	g_autofree char *properties = properties_for(key->pkey);
	EVP_PKEY_CTX *details = NULL;
	g_autofree guint8 *signature = NULL;
	gsize signature_size = 0;

	if (EVP_DigestSignInit_ex(
		    context, &details, scheme->digest, NULL, properties, key->pkey, NULL) != 1 ||
		!set_padding(details, scheme) ||
		EVP_DigestSign(context, NULL, &signature_size, data, size) != 1) {
		crypto_set_error(error, ROTA_ERROR_INTERNAL, "sign");
		return NULL;
	}
	signature = g_malloc(signature_size);
	if (EVP_DigestSign(context, signature, &signature_size, data, size) != 1) {
		crypto_set_error(error, ROTA_ERROR_INTERNAL, "sign");
		return NULL;
	}
	return g_bytes_new_take(g_steal_pointer(&signature), signature_size);
}

/* What comes from elsewhere is checked before anybody relies on it: the public half may be of
 * another key, and a fault in the making of a signature can give the key away. An ECDSA signature
 * may come as r and s or in DER. */
static GBytes *sign_elsewhere(
	const Key *key, const KeyScheme *scheme, gconstpointer data, gsize size, GError **error)
{
	g_autoptr(GBytes) signature =
		key->signer->sign(key->signer_state, scheme, data, size, error);
	gsize signature_size = signature != NULL ? g_bytes_get_size(signature) : 0;
	g_autoptr(GBytes) der = NULL;

	if (signature == NULL)
		return NULL;
	if (verify_by(key, scheme, data, size, signature, NULL))
		return g_steal_pointer(&signature);
	if (key->kind != KEY_RSA && signature_size > 0 && signature_size % 2 == 0)
		der = der_from_raw(signature);
	if (der != NULL && verify_by(key, scheme, data, size, der, NULL))
		return g_steal_pointer(&der);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
		"the signature that was made does not verify with the public half of the key");
	return NULL;
}

GBytes *key_sign_by_scheme(
	const Key *key, const KeyScheme *scheme, gconstpointer data, gsize size, GError **error)
{
	if (!key->is_private) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "a public key cannot sign");
		return NULL;
	}
	return key->signer != NULL ? sign_elsewhere(key, scheme, data, size, error)
				   : sign_here(key, scheme, data, size, error);
}

static GBytes *sign(const Key *key, gconstpointer data, gsize size, GError **error)
{
	KeyScheme scheme = usual_scheme(key);

	return key_sign_by_scheme(key, &scheme, data, size, error);
}

GBytes *key_sign_message(const Key *key, gconstpointer data, gsize size, GError **error)
{
	return sign(key, data, size, error);
}

gboolean key_verify_message(
	const Key *key, gconstpointer data, gsize size, GBytes *signature, GError **error)
{
	return verify(key, data, size, signature, error);
}

gboolean key_check_signs_artifacts(const Key *key, GError **error)
{
	g_autofree char *description = NULL;

	if (key->kind == KEY_RSA || key->kind == KEY_P256)
		return TRUE;
	description = key_describe(key);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
		"artifacts are signed with RSA or EC P-256 keys only, and this key is %s",
		description);
	return FALSE;
}

/* DER to r and s side by side. */
static GBytes *raw_from_der(GBytes *der)
{
	gsize size;
	const guint8 *at = g_bytes_get_data(der, &size);
	g_autoptr(ECDSA_SIG) pair = d2i_ECDSA_SIG(NULL, &at, (long)size);
	guint8 *raw = g_malloc(P256_RAW_SIZE);

	g_assert(pair != NULL);
	BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, P256_NUMBER_SIZE);
	BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + P256_NUMBER_SIZE, P256_NUMBER_SIZE);
	return g_bytes_new_take(raw, P256_RAW_SIZE);
}

gsize key_signature_size(const Key *key)
{
	return key->kind == KEY_P256 ? P256_RAW_SIZE : (gsize)EVP_PKEY_get_size(key->pkey);
}

GBytes *key_sign_manifest(const Key *key, gconstpointer data, gsize size, GError **error)
{
	g_autoptr(GBytes) signature = NULL;

	if (!key_check_signs_artifacts(key, error))
		return NULL;
	signature = sign(key, data, size, error);
	if (signature == NULL || key->kind == KEY_RSA)
		return g_steal_pointer(&signature);
	return raw_from_der(signature);
}

/* 64 bytes are r and s as a rule, but a DER signature whose numbers happen to be short has that
 * length too, so both readings are tried; each must verify to count. */
gboolean key_verify_manifest(
	const Key *key, gconstpointer data, gsize size, GBytes *signature, GError **error)
{
	g_autoptr(GBytes) der = NULL;

	if (!key_check_signs_artifacts(key, error))
		return FALSE;
	if (key->kind == KEY_RSA) {
		if (g_bytes_get_size(signature) != (gsize)EVP_PKEY_get_size(key->pkey))
			return refuse(error);
		return verify(key, data, size, signature, error);
	}
	if (g_bytes_get_size(signature) == P256_RAW_SIZE) {
		der = der_from_raw(signature);
		if (verify(key, data, size, der, NULL))
			return TRUE;
	}
	return verify(key, data, size, signature, error);
}

GBytes *key_adopt_manifest_signature(
	const Key *key, gconstpointer data, gsize size, GBytes *signature, GError **error)
{
	if (!key_verify_manifest(key, data, size, signature, error))
		return NULL;
	if (key->kind == KEY_RSA)
		return g_bytes_ref(signature);
	if (verify(key, data, size, signature, NULL))
		return raw_from_der(signature);
	return g_bytes_ref(signature);
}
