/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in PEM. OpenSSL's decoder says little about what it was given, so the label of the text is
 * looked at first: whoever hands over the wrong file learns which file it was. */
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include "base/error.h"
#include "base/file.h"
#include "crypto/key-private.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)

typedef enum {
	HALF_NONE, /* nothing that we read */
	HALF_PRIVATE,
	HALF_PUBLIC,
} KeyHalf;

typedef struct {
	const char *label;
	KeyHalf half;
	const char *what; /* for messages */
} PemLabel;

static const PemLabel labels[] = {
	{ "PRIVATE KEY", HALF_PRIVATE, "a private key" },
	{ "ENCRYPTED PRIVATE KEY", HALF_PRIVATE, "a private key" },
	{ "RSA PRIVATE KEY", HALF_PRIVATE, "a private key" },
	{ "EC PRIVATE KEY", HALF_PRIVATE, "a private key" },
	{ "PUBLIC KEY", HALF_PUBLIC, "a public key" },
	{ "RSA PUBLIC KEY", HALF_NONE,
		"a public key in the old form of RSA (openssl rsa -RSAPublicKey_in writes the new "
		"one)" },
	{ "CERTIFICATE", HALF_NONE,
		"a certificate (openssl x509 -pubkey -noout takes the public key out of it)" },
	{ "OPENSSH PRIVATE KEY", HALF_NONE,
		"a private key in OpenSSH's own form (ssh-keygen -p -m PEM turns it into PEM)" },
	{ "DSA PRIVATE KEY", HALF_NONE, "a DSA key" },
};

/* The first label of @text that we know, from "-----BEGIN LABEL-----"; parameters of curves, which
 * openssl writes before a key, are none. */
static const PemLabel *find_label(const char *text)
{
	static const char begin[] = "-----BEGIN ";

	for (const char *at = strstr(text, begin); at != NULL; at = strstr(at, begin)) {
		at += strlen(begin);
		for (gsize i = 0; i < G_N_ELEMENTS(labels); i++) {
			gsize length = strlen(labels[i].label);

			if (strncmp(at, labels[i].label, length) == 0 &&
				g_str_has_prefix(at + length, "-----"))
				return &labels[i];
		}
	}
	return NULL;
}

static gboolean check_half(const char *text, KeyHalf half, GError **error)
{
	const PemLabel *label = find_label(text);
	const char *wanted = half == HALF_PRIVATE ? "private" : "public";

	if (label != NULL && label->half == half)
		return TRUE;
	if (label == NULL)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"holds no %s key in PEM (no line -----BEGIN %s KEY-----)", wanted,
			half == HALF_PRIVATE ? "PRIVATE" : "PUBLIC");
	else
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"holds %s, where a %s key is needed", label->what, wanted);
	return FALSE;
}

/* --- private keys --- */

/* One call of OpenSSL's decoder, and what became of its question for a passphrase. */
typedef struct {
	const KeyLoading *loading;
	const char *path;
	char *passphrase; /* asked for once, told again: an old form is tried by two decoders */
	GError *failure;  /* nobody could be asked */
	gboolean asked;
} Asking;

static char *ask(Asking *asking)
{
	const KeyLoading *loading = asking->loading;

	if (loading != NULL && loading->ask != NULL)
		return loading->ask(asking->path, loading->user_data, &asking->failure);
	g_set_error(&asking->failure, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED,
		"the key is encrypted, and no passphrase was given");
	return NULL;
}

/* OpenSSL would ask on the terminal by itself; whether there is one is the caller's to know. */
static int give_passphrase(char *buffer, int size, int writing, void *user_data)
{
	Asking *asking = user_data;
	gsize length;

	if (!asking->asked)
		asking->passphrase = ask(asking);
	asking->asked = TRUE;
	if (asking->passphrase == NULL)
		return -1;
	length = strlen(asking->passphrase);
	if (length > KEY_SECRET_SIZE_MAX || length > (gsize)size)
		length = 0; /* none that was ever accepted: a wrong one */
	memcpy(buffer, asking->passphrase, length);
	return (int)length;
}

/* OpenSSL 3 has put the oldest ciphers aside. Of PKCS#8 it tells only deep in its queue, which is
 * empty afterwards; of the old forms not at all, but there the cipher stands in a line of the text.
 */
static gboolean wants_old_cipher(const char *text)
{
	static const char line[] = "DEK-Info: ";
	const char *at = strstr(text, line);
	gboolean found = FALSE;

	for (unsigned long reason; (reason = ERR_get_error()) != 0;)
		found |= ERR_GET_LIB(reason) == ERR_LIB_EVP &&
			 ERR_GET_REASON(reason) == ERR_R_UNSUPPORTED;
	if (at == NULL)
		return found;
	at += strlen(line);
	g_autofree char *name = g_strndup(at, strcspn(at, ",\r\n"));
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	found = cipher == NULL;
	EVP_CIPHER_free(cipher);
	ERR_clear_error();
	return found;
}

static void explain_encrypted(const char *text, GError **error)
{
	if (wants_old_cipher(text))
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
			"encrypted with a cipher that is too weak to be supported still (openssl "
			"pkcs8 -topk8 -provider legacy -provider default encrypts it anew)");
	else
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, "wrong passphrase");
}

static EVP_PKEY *decode_private(
	GBytes *bytes, const char *path, const KeyLoading *loading, GError **error)
{
	Asking asking = { .loading = loading, .path = path };
	gsize size;
	const char *text = g_bytes_get_data(bytes, &size);
	g_autoptr(BIO) memory = BIO_new_mem_buf(text, (int)size);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(memory, NULL, give_passphrase, &asking);

	key_secret_free(asking.passphrase);
	if (pkey != NULL) {
		ERR_clear_error();
		return pkey;
	}
	if (asking.failure != NULL) {
		g_propagate_error(error, asking.failure);
		ERR_clear_error();
	} else if (asking.asked) {
		explain_encrypted(text, error);
	} else {
		crypto_set_error(
			error, ROTA_ERROR_INVALID, "the private key in it cannot be decoded");
	}
	return NULL;
}

/* The text ends with a zero byte, so that it can be searched as a string. */
static GBytes *read_text(const char *path, GError **error)
{
	g_autoptr(GBytes) bytes = file_read(path, KEY_FILE_SIZE_MAX, error);
	gsize size;
	char *data;

	if (bytes == NULL) {
		g_prefix_error(error, "key: ");
		return NULL;
	}
	data = g_bytes_unref_to_data(g_steal_pointer(&bytes), &size);
	data = g_realloc(data, size + 1);
	data[size] = '\0';
	return g_bytes_new_take(data, size + 1);
}

static void wipe(GBytes *text)
{
	gsize size;
	gconstpointer data = g_bytes_get_data(text, &size);

	OPENSSL_cleanse((gpointer)(guintptr)data, size);
}

Key *key_load_private(const char *path, const KeyLoading *loading, GError **error)
{
	g_autoptr(GBytes) text = read_text(path, error);
	EVP_PKEY *pkey = NULL;
	Key *key = NULL;

	if (text == NULL)
		return NULL;
	if (check_half(g_bytes_get_data(text, NULL), HALF_PRIVATE, error))
		pkey = decode_private(text, path, loading, error);
	wipe(text);
	if (pkey != NULL)
		key = key_new(pkey, TRUE, loading != NULL && loading->allow_weak, error);
	if (key == NULL)
		g_prefix_error(error, "key %s: ", path);
	return key;
}

/* --- public keys --- */

static Key *decode_public(const char *text, gsize size, gboolean allow_weak, GError **error)
{
	g_autoptr(BIO) memory = NULL;
	EVP_PKEY *pkey;

	if (!check_half(text, HALF_PUBLIC, error))
		return NULL;
	memory = BIO_new_mem_buf(text, (int)size);
	pkey = PEM_read_bio_PUBKEY(memory, NULL, NULL, NULL);
	if (pkey == NULL) {
		crypto_set_error(
			error, ROTA_ERROR_INVALID, "the public key in it cannot be decoded");
		return NULL;
	}
	return key_new(pkey, FALSE, allow_weak, error);
}

Key *key_parse_public(const char *pem, gsize size, GError **error)
{
	g_autofree char *text = NULL;

	if (size > KEY_FILE_SIZE_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"a public key is at most %d bytes", KEY_FILE_SIZE_MAX);
		return NULL;
	}
	text = g_strndup(pem, size);
	return decode_public(text, strlen(text), FALSE, error);
}

Key *key_load_public(const char *path, const KeyLoading *loading, GError **error)
{
	g_autoptr(GBytes) text = read_text(path, error);
	gsize size;
	const char *data;
	Key *key;

	if (text == NULL)
		return NULL;
	data = g_bytes_get_data(text, &size);
	key = decode_public(data, size - 1, loading != NULL && loading->allow_weak, error);
	if (key == NULL)
		g_prefix_error(error, "key %s: ", path);
	return key;
}
