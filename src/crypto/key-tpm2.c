/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/key-tpm2.h"
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include "base/error.h"
#include "base/file.h"
#include "crypto/key-private.h"

#define SCHEME "tpm2:"
#define PROPERTIES "?provider=tpm2"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OSSL_ENCODER_CTX, OSSL_ENCODER_CTX_free)

/* A library context of its own: in the program's, the TPM would be asked for every RSA key. */
static OSSL_LIB_CTX *tpm_context(GError **error)
{
	static OSSL_LIB_CTX *context;

	if (context != NULL)
		return context;
	context = OSSL_LIB_CTX_new();
	if (OSSL_PROVIDER_load(context, "tpm2") != NULL &&
		OSSL_PROVIDER_load(context, "default") != NULL)
		return context;
	crypto_set_error(error, ROTA_ERROR_NOT_FOUND, "OpenSSL's provider tpm2 cannot be loaded");
	g_clear_pointer(&context, OSSL_LIB_CTX_free);
	return NULL;
}

static gboolean is_handle(const char *place)
{
	return g_str_has_prefix(place, "0x");
}

/* What stands behind the scheme: a handle, or an absolute path. */
static const char *place_of(const char *uri, GError **error)
{
	const char *place = g_str_has_prefix(uri, SCHEME) ? uri + strlen(SCHEME) : "";

	if (is_handle(place) || g_path_is_absolute(place))
		return place;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"not a key of a TPM: tpm2:/PATH and tpm2:0xHANDLE are");
	return NULL;
}

gboolean key_tpm2_exists(const char *uri)
{
	const char *place = place_of(uri, NULL);

	return place != NULL && !is_handle(place) && g_file_test(place, G_FILE_TEST_EXISTS);
}

/* The first key that the store gives. */
static EVP_PKEY *read_store(OSSL_STORE_CTX *store)
{
	EVP_PKEY *pkey = NULL;

	while (pkey == NULL && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			pkey = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	return pkey;
}

static EVP_PKEY *load(OSSL_LIB_CTX *context, const char *place, GError **error)
{
	g_autofree char *name =
		is_handle(place) ? g_strconcat("handle:", place, NULL) : g_strdup(place);
	OSSL_STORE_CTX *store =
		OSSL_STORE_open_ex(name, context, PROPERTIES, NULL, NULL, NULL, NULL, NULL);
	EVP_PKEY *pkey = store != NULL ? read_store(store) : NULL;

	OSSL_STORE_close(store);
	if (pkey == NULL)
		crypto_set_error(error, ROTA_ERROR_UNAVAILABLE, "the TPM gives no such key");
	return pkey;
}

/* A key in plain text would load as well, and be what nobody wanted here. */
static gboolean check_is_of_tpm(EVP_PKEY *pkey, GError **error)
{
	const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(pkey);

	if (provider != NULL && strcmp(OSSL_PROVIDER_get0_name(provider), "tpm2") == 0)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "the key is not one of a TPM");
	return FALSE;
}

static gboolean check_is_there(const char *place, GError **error)
{
	if (is_handle(place) || g_file_test(place, G_FILE_TEST_EXISTS))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "%s is missing", place);
	return FALSE;
}

Key *key_open_private_tpm2(const char *uri, GError **error)
{
	const char *place = place_of(uri, error);
	OSSL_LIB_CTX *context = NULL;
	g_autoptr(EVP_PKEY) pkey = NULL;

	if (place != NULL && check_is_there(place, error))
		context = tpm_context(error);
	if (context != NULL)
		pkey = load(context, place, error);
	if (pkey == NULL || !check_is_of_tpm(pkey, error))
		return NULL;
	return key_new(g_steal_pointer(&pkey), TRUE, FALSE, error);
}

static EVP_PKEY *generate(OSSL_LIB_CTX *context, KeyKind kind, guint bits)
{
	g_autoptr(EVP_PKEY_CTX) maker = EVP_PKEY_CTX_new_from_name(
		context, kind == KEY_RSA ? "RSA" : "EC", "provider=tpm2");
	size_t size = bits;
	char curve[] = "P-256";
	OSSL_PARAM parameters[] = {
		kind == KEY_RSA
			? OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &size)
			: OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *pkey = NULL;

	if (maker == NULL || EVP_PKEY_keygen_init(maker) != 1 ||
		EVP_PKEY_CTX_set_params(maker, parameters) != 1 ||
		EVP_PKEY_generate(maker, &pkey) != 1)
		return NULL;
	return pkey;
}

static gboolean save(EVP_PKEY *pkey, const char *path, GError **error)
{
	g_autoptr(OSSL_ENCODER_CTX) encoder = OSSL_ENCODER_CTX_new_for_pkey(
		pkey, EVP_PKEY_KEYPAIR, "PEM", "PrivateKeyInfo", PROPERTIES);
	unsigned char *pem = NULL;
	size_t size = 0;
	gboolean saved = FALSE;

	if (encoder == NULL || OSSL_ENCODER_to_data(encoder, &pem, &size) != 1)
		crypto_set_error(error, ROTA_ERROR_INTERNAL, "write the key's wrapped form");
	else
		saved = file_write_atomic(path, pem, size, 0600, error);
	OPENSSL_free(pem);
	return saved;
}

Key *key_make_tpm2(const char *uri, KeyKind kind, guint bits, GError **error)
{
	const char *place = place_of(uri, error);
	OSSL_LIB_CTX *context = place != NULL ? tpm_context(error) : NULL;
	g_autoptr(EVP_PKEY) pkey = NULL;

	if (context == NULL)
		return NULL;
	if (is_handle(place) || (kind != KEY_RSA && kind != KEY_P256)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
			"in a TPM, RSA and P-256 keys are made, and kept in a file: tpm2:/PATH");
		return NULL;
	}
	pkey = generate(context, kind, bits);
	if (pkey == NULL) {
		crypto_set_error(error, ROTA_ERROR_UNAVAILABLE, "the TPM makes no key");
		return NULL;
	}
	return save(pkey, place, error) ? key_new(g_steal_pointer(&pkey), TRUE, FALSE, error)
					: NULL;
}
