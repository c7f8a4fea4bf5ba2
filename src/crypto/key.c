/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/key.h"
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include "base/error.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/key-private.h"

enum {
	RSA_BITS_LEAST = 2048,
	RSA_BITS_LEAST_WEAK = 1024,
	RSA_BITS_MOST = 16384,
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)

void crypto_set_error(GError **error, int code, const char *what)
{
	unsigned long reason = ERR_peek_last_error();
	const char *text = reason != 0 ? ERR_reason_error_string(reason) : NULL;

	g_set_error(error, ROTA_ERROR, code, "%s%s%s", what, text != NULL ? ": " : "",
		text != NULL ? text : "");
	ERR_clear_error();
}

static gboolean check_rsa_size(EVP_PKEY *pkey, gboolean allow_weak, GError **error)
{
	int bits = EVP_PKEY_get_bits(pkey);
	int least = allow_weak ? RSA_BITS_LEAST_WEAK : RSA_BITS_LEAST;

	if (bits >= least && bits <= RSA_BITS_MOST)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"an RSA key must have from %d to %d bits, not %d", least, RSA_BITS_MOST, bits);
	return FALSE;
}

static gboolean kind_of(EVP_PKEY *pkey, KeyKind *ret_kind, GError **error)
{
	char curve[64] = "";

	if (EVP_PKEY_is_a(pkey, "RSA")) {
		*ret_kind = KEY_RSA;
	} else if (EVP_PKEY_is_a(pkey, "ED25519")) {
		*ret_kind = KEY_ED25519;
	} else if (EVP_PKEY_is_a(pkey, "EC")) {
		EVP_PKEY_get_group_name(pkey, curve, sizeof curve, NULL);
		*ret_kind = strcmp(curve, "prime256v1") == 0 ? KEY_P256 : KEY_EC_OTHER;
	} else {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
			"keys of this algorithm are not supported (RSA, EC and Ed25519 are)");
		return FALSE;
	}
	return TRUE;
}

Key *key_new(EVP_PKEY *pkey, gboolean is_private, gboolean allow_weak, GError **error)
{
	g_autoptr(EVP_PKEY) owned = pkey;
	KeyKind kind;
	Key *key;

	if (!kind_of(owned, &kind, error) ||
		(kind == KEY_RSA && !check_rsa_size(owned, allow_weak, error)))
		return NULL;
	key = g_new0(Key, 1);
	key->pkey = g_steal_pointer(&owned);
	key->kind = kind;
	key->is_private = is_private;
	g_atomic_ref_count_init(&key->references);
	return key;
}

Key *key_new_with_signer(
	EVP_PKEY *public_half, gboolean allow_weak, const KeySigner *signer, GError **error)
{
	Key *key = key_new(public_half, TRUE, allow_weak, error);

	if (key != NULL)
		key->signer = signer;
	return key;
}

Key *key_new_elsewhere(
	const char *pem, gsize size, const KeySigner *signer, gpointer state, GError **error)
{
	Key *key = key_parse_public(pem, size, error);

	if (key == NULL)
		return NULL;
	key->is_private = TRUE;
	key->signer = signer;
	key->signer_state = state;
	return key;
}

Key *key_ref(Key *key)
{
	g_atomic_ref_count_inc(&key->references);
	return key;
}

void key_unref(Key *key)
{
	if (key == NULL || !g_atomic_ref_count_dec(&key->references))
		return;
	if (key->signer_state != NULL)
		key->signer->free(key->signer_state);
	EVP_PKEY_free(key->pkey);
	g_free(key);
}

KeyKind key_kind(const Key *key)
{
	return key->kind;
}

char *key_describe(const Key *key)
{
	char curve[64] = "an unknown curve";

	switch (key->kind) {
	case KEY_RSA:
		return g_strdup_printf("RSA with %d bits", EVP_PKEY_get_bits(key->pkey));
	case KEY_ED25519:
		return g_strdup("Ed25519");
	default:
		EVP_PKEY_get_group_name(key->pkey, curve, sizeof curve, NULL);
		return g_strdup_printf("EC on %s", curve);
	}
}

Key *key_generate(KeyKind kind, guint bits, GError **error)
{
	EVP_PKEY *pkey = NULL;

	switch (kind) {
	case KEY_RSA:
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
		break;
	case KEY_P256:
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "prime256v1");
		break;
	case KEY_ED25519:
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	case KEY_EC_OTHER:
		break;
	}
	if (pkey == NULL) {
		crypto_set_error(error, ROTA_ERROR_UNSUPPORTED, "make a key");
		return NULL;
	}
	return key_new(pkey, TRUE, FALSE, error);
}

gboolean key_save_private(const Key *key, const char *path, GError **error)
{
	g_autoptr(BIO) memory = BIO_new(BIO_s_secmem());
	char *pem;
	long size;

	if (!key->is_private || key->signer != NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
			"only a private key that is not kept elsewhere can be saved");
		return FALSE;
	}
	if (PEM_write_bio_PKCS8PrivateKey(memory, key->pkey, NULL, NULL, 0, NULL, NULL) != 1) {
		crypto_set_error(error, ROTA_ERROR_INTERNAL, "write a private key");
		return FALSE;
	}
	size = BIO_get_mem_data(memory, &pem);
	return file_write_atomic(path, pem, (gsize)size, 0600, error);
}

char *key_public_pem(const Key *key)
{
	g_autoptr(BIO) memory = BIO_new(BIO_s_mem());
	char *pem;
	long size;

	if (PEM_write_bio_PUBKEY(memory, key->pkey) != 1)
		g_assert_not_reached();
	size = BIO_get_mem_data(memory, &pem);
	return g_strndup(pem, (gsize)size);
}

char *key_id(const Key *key)
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(key->pkey, &der);
	char *id;

	g_assert(size > 0);
	id = sha256_hex_of(der, (gsize)size);
	OPENSSL_free(der);
	return id;
}
