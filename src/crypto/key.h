/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Keys, private and public, and what is signed with them. */
typedef struct Key Key; /* immutable, reference-counted, shared between threads */

/* A key may also stay elsewhere and sign there: crypto/key-pkcs11.h opens those. */

typedef enum {
	KEY_RSA,
	KEY_P256,
	KEY_EC_OTHER, /* another curve: may authenticate a device, never signs an artifact */
	KEY_ED25519,
} KeyKind;

/* How a key is loaded. NULL everywhere means: no passphrase, nobody to ask, no weak keys. */
typedef struct {
	/* Called at most once, and only where @what (a file, a token) needs a passphrase or PIN.
	 * Returns: (transfer full): to be freed with key_secret_free(), or NULL with @error. */
	char *(*ask)(const char *what, gpointer user_data, GError **error);
	gpointer user_data;
	gboolean allow_weak; /* RSA from 1024 bits on, as old fleets have it; otherwise from 2048 */
} KeyLoading;

enum { KEY_SECRET_SIZE_MAX = 1024 };

/* (transfer full): the first line of a file, without its line feed, up to KEY_SECRET_SIZE_MAX. */
char *key_secret_read(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same from a descriptor, such as a terminal; NULL on a fault or a line too long. */
char *key_secret_read_line(int fd) G_GNUC_WARN_UNUSED_RESULT;
/* Overwrites before it frees. */
void key_secret_free(char *secret);

/**
 * key_load_private:
 * @path: a file of at most 64 KiB with a private key in PEM: PKCS#8, PKCS#1 or SEC1, each of them
 * encrypted or not
 * @loading: (nullable)
 *
 * ROTA_ERROR_UNAUTHORIZED: the passphrase is wrong, or one is needed and nobody can be asked.
 */
Key *key_load_private(
	const char *path, const KeyLoading *loading, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* PEM SubjectPublicKeyInfo ("PUBLIC KEY") from a file of at most 64 KiB, or from memory. */
Key *key_load_public(
	const char *path, const KeyLoading *loading, GError **error) G_GNUC_WARN_UNUSED_RESULT;
Key *key_parse_public(const char *pem, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @bits: for KEY_RSA only. */
Key *key_generate(KeyKind kind, guint bits, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Atomically, as PKCS#8 PEM with mode 0600. */
gboolean key_save_private(
	const Key *key, const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* How a signature is made. */
typedef struct {
	const char
		*digest; /* "SHA256", "SHA384" or "SHA512"; NULL for Ed25519, which hashes itself */
	gboolean pss;    /* RSA: PSS with a salt as long as the digest; otherwise PKCS#1 v1.5 */
} KeyScheme;

/* What signs for a key that stays elsewhere. */
typedef struct {
	/* EC: r and s side by side, or DER. ROTA_ERROR_UNSUPPORTED for a scheme it does not make.
	 * May be called by any thread. */
	GBytes *(*sign)(gpointer state, const KeyScheme *scheme, gconstpointer data, gsize size,
		GError **error);
	void (*free)(gpointer state);
} KeySigner;

/* A key whose private half is out of reach. @pem: the public half; @state: (transfer full) where a
 * key is returned */
Key *key_new_elsewhere(const char *pem, gsize size, const KeySigner *signer, gpointer state,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

KeyKind key_kind(const Key *key);
/* (transfer full): "RSA with 3072 bits", "EC on secp384r1": for messages. */
char *key_describe(const Key *key);
/* May keys of this kind sign an artifact? ROTA_ERROR_UNSUPPORTED with a reason where not. */
gboolean key_check_signs_artifacts(const Key *key, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full): the public half, always written the same way, so that equal keys are equal
 * texts. */
char *key_public_pem(const Key *key);
/* (transfer full): SHA-256 of the public half in DER, in hex: the key's id in records. */
char *key_id(const Key *key);

Key *key_ref(Key *key);
void key_unref(Key *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Key, key_unref)

/* --- Messages: authentication requests, tokens (server-api.md section 1.1) ---
 * RSA: PKCS#1 v1.5 over SHA-256. EC: DER over SHA-256. Ed25519: the message itself. */
GBytes *key_sign_message(
	const Key *key, gconstpointer data, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* FALSE with ROTA_ERROR_UNAUTHORIZED "signature verification failed". */
gboolean key_verify_message(const Key *key, gconstpointer data, gsize size, GBytes *signature,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The signature of a handshake or a certificate request, as @scheme says; EC: DER. */
GBytes *key_sign_by_scheme(const Key *key, const KeyScheme *scheme, gconstpointer data, gsize size,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- Manifests of artifacts (artifact-format.md section 4) ---
 * RSA: PKCS#1 v1.5 over SHA-256, modulus length. P-256: r and s, 32 bytes each; when verifying, DER
 * of any legal length as well. Other keys are ROTA_ERROR_UNSUPPORTED. */
gsize key_signature_size(const Key *key); /* of such a signature, in bytes */
GBytes *key_sign_manifest(
	const Key *key, gconstpointer data, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean key_verify_manifest(const Key *key, gconstpointer data, gsize size, GBytes *signature,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The signature in the form that artifacts carry, DER of P-256 turned into r and s, after it was
 * verified: for signatures that were made by other programs. (transfer full) */
GBytes *key_adopt_manifest_signature(const Key *key, gconstpointer data, gsize size,
	GBytes *signature, GError **error) G_GNUC_WARN_UNUSED_RESULT;
