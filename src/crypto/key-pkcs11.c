/* SPDX-License-Identifier: Apache-2.0 */
/* A key in a token is a session that stays open, an object in it, and the public half, which is
 * read once and checks every signature before it is handed out. */
#include "crypto/key-pkcs11.h"
#include <string.h>
#include "base/error.h"
#include "crypto/key-private.h"
#include "crypto/pkcs11-private.h"

enum {
	PKCS11_DEADLINE_S = 60,
	PKCS11_PAD_DEADLINE_S = 180, /* somebody types a PIN on the token's own pad */
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)

/* A key to be made. */
typedef struct {
	KeyKind kind;
	guint bits;
} Pkcs11Wish;

typedef struct {
	Pkcs11Thread *thread;
	Pkcs11Session session;
	gboolean for_private;
	Pkcs11Wish wish; /* where the session writes: what is made first */
	Pkcs11SigningKey signing_with;
	gboolean pin_refused; /* at a signature: it is not told again */
	EVP_PKEY *public_half;
	GMutex signing; /* held for one signature; what follows is of the present one */
	KeyScheme scheme;
	GBytes *message;
	GBytes *signature;
} Pkcs11Key;

static gboolean close_session(gpointer data, GError **error)
{
	Pkcs11Key *key = data;

	pkcs11_session_close(&key->session);
	return TRUE;
}

/* What a thread that is stuck may still touch stays where it is. */
static void pkcs11_key_free(gpointer data)
{
	Pkcs11Key *key = data;
	g_autoptr(GError) ignored = NULL;

	if (!pkcs11_thread_run(key->thread, close_session, key, PKCS11_DEADLINE_S, &ignored)) {
		pkcs11_thread_free(key->thread);
		return;
	}
	pkcs11_thread_free(key->thread);
	EVP_PKEY_free(key->public_half);
	g_mutex_clear(&key->signing);
	g_clear_pointer(&key->message, g_bytes_unref);
	g_clear_pointer(&key->signature, g_bytes_unref);
	g_free(key);
}

typedef Pkcs11Key Pkcs11KeyOwned;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pkcs11KeyOwned, pkcs11_key_free)

static gboolean run(Pkcs11Key *key, Pkcs11Step step, GError **error)
{
	gboolean has_pad = key->session.info.flags & CKF_PROTECTED_AUTHENTICATION_PATH;

	return pkcs11_thread_run(
		key->thread, step, key, has_pad ? PKCS11_PAD_DEADLINE_S : PKCS11_DEADLINE_S, error);
}

/* --- opening: these steps run in the key's thread --- */

static gboolean find_token(gpointer data, GError **error)
{
	Pkcs11Key *key = data;

	return pkcs11_session_find_token(&key->session, key->for_private, error) &&
	       pkcs11_session_open(&key->session, error);
}

static gboolean log_in(gpointer data, GError **error)
{
	return pkcs11_session_login(&((Pkcs11Key *)data)->session, error);
}

static gboolean refuse_missing(const char *what, GError **error)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "the token holds no such %s", what);
	return FALSE;
}

/* Where the public half of a private key may be, in order. */
static EVP_PKEY *public_half_of(const Pkcs11Session *session, CK_OBJECT_HANDLE private)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_PUBLIC_KEY, CKO_CERTIFICATE };
	EVP_PKEY *pkey = pkcs11_read_public(session, private, CKO_PRIVATE_KEY);

	for (gsize i = 0; pkey == NULL && i < G_N_ELEMENTS(classes); i++) {
		CK_OBJECT_HANDLE partner = pkcs11_find_partner(session, private, classes[i]);

		if (partner != CK_INVALID_HANDLE)
			pkey = pkcs11_read_public(session, partner, classes[i]);
	}
	return pkey;
}

static gboolean find_private(gpointer data, GError **error)
{
	Pkcs11Key *key = data;

	if (!pkcs11_find_object(&key->session, CKO_PRIVATE_KEY, &key->signing_with.object, error))
		return FALSE;
	if (key->signing_with.object == CK_INVALID_HANDLE)
		return refuse_missing("private key", error);
	key->signing_with.wants_pin_always =
		pkcs11_read_flag(&key->session, key->signing_with.object, CKA_ALWAYS_AUTHENTICATE);
	if (!key->signing_with.wants_pin_always)
		pkcs11_session_forget_pin(&key->session);
	key->public_half = public_half_of(&key->session, key->signing_with.object);
	if (key->public_half != NULL)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
		"the token holds no public half of the key: neither a public key nor a "
		"certificate with the same id, of RSA or a named EC curve");
	return FALSE;
}

static gboolean make_pair(gpointer data, GError **error)
{
	Pkcs11Key *key = data;

	return pkcs11_generate(&key->session, key->wish.kind, key->wish.bits, error);
}

static gboolean find_public(gpointer data, GError **error)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_PUBLIC_KEY, CKO_CERTIFICATE };
	Pkcs11Key *key = data;

	for (gsize i = 0; key->public_half == NULL && i < G_N_ELEMENTS(classes); i++) {
		if (!pkcs11_find_object(
			    &key->session, classes[i], &key->signing_with.object, error))
			return FALSE;
		if (key->signing_with.object != CK_INVALID_HANDLE)
			key->public_half = pkcs11_read_public(
				&key->session, key->signing_with.object, classes[i]);
	}
	return key->public_half != NULL ||
	       refuse_missing("public key or certificate, of RSA or a named EC curve", error);
}

/* --- the PIN --- */

static char *read_pin_source(const char *source, GError **error)
{
	if (g_str_has_prefix(source, "file:"))
		source += strlen("file:");
	if (g_str_has_prefix(source, "//"))
		source += strlen("//"); /* file:///path */
	if (source[0] == '/')
		return key_secret_read(source, error);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
		"pin-source must be a file, named by its whole path");
	return NULL;
}

static gboolean names_pin(const Pkcs11Session *session)
{
	return p11_kit_uri_get_pin_value(session->uri) != NULL ||
	       p11_kit_uri_get_pin_source(session->uri) != NULL;
}

/* Not in the key's thread: a person may be asked, who may take any time. */
static gboolean get_pin(Pkcs11Session *session, const KeyLoading *loading, GError **error)
{
	const char *value = p11_kit_uri_get_pin_value(session->uri);
	const char *source = p11_kit_uri_get_pin_source(session->uri);

	if (!pkcs11_session_wants_pin(session))
		return TRUE;
	if (value != NULL) {
		session->pin = g_strdup(value);
	} else if (source != NULL) {
		session->pin = read_pin_source(source, error);
	} else if (loading != NULL && loading->ask != NULL) {
		session->pin = loading->ask("the token", loading->user_data, error);
	} else {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED,
			"the token wants a PIN, and none was given (pin-source= names a file)");
	}
	return session->pin != NULL;
}

/* --- opening --- */

/* Without PIN, and without what only this machine has: fit for a message. */
static char *shown_uri(P11KitUri *uri)
{
	char *formatted = NULL;
	char *shown;

	if (p11_kit_uri_format(uri, P11_KIT_URI_FOR_ANY, &formatted) != P11_KIT_URI_OK)
		return g_strdup("pkcs11:");
	shown = g_strndup(formatted, strcspn(formatted, "?"));
	OPENSSL_cleanse(formatted, strlen(formatted));
	free(formatted);
	return shown;
}

static P11KitUri *parse_uri(const char *text, GError **error)
{
	P11KitUri *uri = p11_kit_uri_new();
	int result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);

	if (result == P11_KIT_URI_OK && !p11_kit_uri_any_unrecognized(uri))
		return uri;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "not a PKCS#11 URI: %s",
		result != P11_KIT_URI_OK ? p11_kit_uri_message(result)
					 : "it holds a word that is not known");
	p11_kit_uri_free(uri);
	return NULL;
}

static Pkcs11Key *new_pkcs11_key(P11KitUri *uri, gboolean for_private)
{
	Pkcs11Key *key = g_new0(Pkcs11Key, 1);

	key->thread = pkcs11_thread_new();
	g_mutex_init(&key->signing);
	key->session.uri = uri;
	key->for_private = for_private;
	return key;
}

gboolean key_name_is_pkcs11(const char *name)
{
	return g_str_has_prefix(name, "pkcs11:");
}

static const KeySigner pkcs11_signer;

static Key *open_private(Pkcs11Key *opened, const KeyLoading *loading, GError **error)
{
	g_autoptr(Pkcs11KeyOwned) owned = opened;
	gboolean allow_weak = loading != NULL && loading->allow_weak;
	Key *key;

	if (!run(owned, find_token, error) || !get_pin(&owned->session, loading, error) ||
		!run(owned, log_in, error) ||
		(owned->session.writes && !run(owned, make_pair, error)) ||
		!run(owned, find_private, error))
		return NULL;
	key = key_new_with_signer(
		g_steal_pointer(&owned->public_half), allow_weak, &pkcs11_signer, error);
	if (key == NULL)
		return NULL;
	owned->signing_with.kind = key->kind;
	key->signer_state = g_steal_pointer(&owned);
	return key;
}

static Key *open_public(Pkcs11Key *opened, const KeyLoading *loading, GError **error)
{
	g_autoptr(Pkcs11KeyOwned) owned = opened;

	if (!run(owned, find_token, error))
		return NULL;
	if (names_pin(&owned->session) &&
		(!get_pin(&owned->session, NULL, error) || !run(owned, log_in, error)))
		return NULL;
	if (!run(owned, find_public, error))
		return NULL;
	return key_new(g_steal_pointer(&owned->public_half), FALSE,
		loading != NULL && loading->allow_weak, error);
}

static Key *open_key(const char *text, gboolean for_private, const Pkcs11Wish *wish,
	const KeyLoading *loading, GError **error)
{
	P11KitUri *uri = parse_uri(text, error);
	g_autofree char *shown = NULL;
	Pkcs11Key *opened;
	Key *key;

	if (uri == NULL)
		return NULL;
	shown = shown_uri(uri);
	opened = new_pkcs11_key(uri, for_private);
	if (wish != NULL) {
		opened->wish = *wish;
		opened->session.writes = TRUE;
	}
	key = for_private ? open_private(opened, loading, error)
			  : open_public(opened, loading, error);
	if (key == NULL)
		g_prefix_error(error, "%s: ", shown);
	return key;
}

Key *key_open_private_pkcs11(const char *uri, const KeyLoading *loading, GError **error)
{
	return open_key(uri, TRUE, NULL, loading, error);
}

Key *key_make_pkcs11(
	const char *uri, KeyKind kind, guint bits, const KeyLoading *loading, GError **error)
{
	Pkcs11Wish wish = { kind, bits };

	return open_key(uri, TRUE, &wish, loading, error);
}

Key *key_open_public_pkcs11(const char *uri, const KeyLoading *loading, GError **error)
{
	return open_key(uri, FALSE, NULL, loading, error);
}

/* --- signing --- */

static gboolean sign_step(gpointer data, GError **error)
{
	Pkcs11Key *key = data;

	if (key->pin_refused)
		return pkcs11_fail(CKR_PIN_INCORRECT, "the PIN is not told again", error);
	key->signature = pkcs11_make_signature(&key->session, &key->signing_with, key->scheme,
		key->message, &key->pin_refused, error);
	return key->signature != NULL;
}

static GBytes *pkcs11_sign(
	gpointer state, const KeyScheme *scheme, gconstpointer data, gsize size, GError **error)
{
	Pkcs11Key *key = state;
	g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&key->signing);

	if (pkcs11_thread_is_stuck(key->thread)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT,
			"the token has not answered before and is not asked again");
		return NULL;
	}
	g_clear_pointer(&key->message, g_bytes_unref);
	g_clear_pointer(&key->signature, g_bytes_unref);
	key->message = g_bytes_new(data, size);
	key->scheme = *scheme;
	if (!run(key, sign_step, error))
		return NULL;
	return g_steal_pointer(&key->signature);
}

static const KeySigner pkcs11_signer = { pkcs11_sign, pkcs11_key_free };
