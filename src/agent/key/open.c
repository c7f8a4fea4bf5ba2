/* SPDX-License-Identifier: Apache-2.0 */
/* Where keys are kept, one row a place. */
#include "agent/key/open.h"
#include <string.h>
#include "base/error.h"
#include "crypto/key-engine.h"
#include "crypto/key-pkcs11.h"
#include "crypto/key-tpm2.h"

enum { RSA_BITS_DEFAULT = 3072 };

typedef struct {
	KeyKind kind;
	guint bits;
} Wish;

static char *tell_passphrase(const char *what, gpointer user_data, GError **error)
{
	const char *passphrase = user_data;

	if (passphrase != NULL)
		return g_strdup(passphrase);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED,
		"%s needs a passphrase or PIN, and none is set", what);
	return NULL;
}

/* --- In a file --- */

static Key *open_file(const OpenMessage *open, const KeyLoading *loading, GError **error)
{
	return key_load_private(open->name, loading, error);
}

static Key *make_file(
	const OpenMessage *open, const Wish *wish, const KeyLoading *loading, GError **error)
{
	g_autoptr(Key) key = key_generate(wish->kind, wish->bits, error);

	if (key == NULL || !key_save_private(key, open->name, error))
		return NULL;
	return g_steal_pointer(&key);
}

static gboolean file_is_there(const OpenMessage *open)
{
	return g_file_test(open->name, G_FILE_TEST_EXISTS);
}

/* --- In a token --- */

static Key *open_pkcs11(const OpenMessage *open, const KeyLoading *loading, GError **error)
{
	return key_open_private_pkcs11(open->name, loading, error);
}

static Key *make_pkcs11(
	const OpenMessage *open, const Wish *wish, const KeyLoading *loading, GError **error)
{
	return key_make_pkcs11(open->name, wish->kind, wish->bits, loading, error);
}

static Key *open_tpm2(const OpenMessage *open, const KeyLoading *loading, GError **error)
{
	return key_open_private_tpm2(open->name, error);
}

static Key *make_tpm2(
	const OpenMessage *open, const Wish *wish, const KeyLoading *loading, GError **error)
{
	return key_make_tpm2(open->name, wish->kind, wish->bits, error);
}

static gboolean tpm2_is_there(const OpenMessage *open)
{
	return key_tpm2_exists(open->name);
}

static Key *open_engine(const OpenMessage *open, const KeyLoading *loading, GError **error)
{
	return key_open_private_engine(open->engine, open->name, loading, error);
}

typedef struct {
	const char *prefix; /* of the name */
	gboolean is_silent; /* its errors do not say which key */
	Key *(*open)(const OpenMessage *open, const KeyLoading *loading, GError **error);
	Key *(*make)(const OpenMessage *open, const Wish *wish, const KeyLoading *loading,
		GError **error); /* (nullable) */
	/* (nullable): where it is, it is opened and never made over; else making says CONFLICT */
	gboolean (*is_there)(const OpenMessage *open);
} Place;

static const Place places[] = {
	{ "pkcs11:", FALSE, open_pkcs11, make_pkcs11, NULL },
	{ "tpm2:", TRUE, open_tpm2, make_tpm2, tpm2_is_there },
	{ "", FALSE, open_file, make_file, file_is_there },
};
static const Place engine_place = { "", TRUE, open_engine, NULL, NULL };

static const Place *place_of(const OpenMessage *open)
{
	const Place *place = places;

	if (open->engine != NULL)
		return &engine_place;
	while (!g_str_has_prefix(open->name, place->prefix))
		place++;
	return place;
}

/* --- What is asked for --- */

static gboolean read_wish(const OpenMessage *open, Wish *ret_wish, GError **error)
{
	static const struct {
		const char *name;
		KeyKind kind;
	} kinds[] = { { "ed25519", KEY_ED25519 }, { "p256", KEY_P256 }, { "rsa", KEY_RSA } };

	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		if (strcmp(open->make, kinds[i].name) != 0)
			continue;
		*ret_wish = (Wish){ kinds[i].kind,
			open->bits != 0 ? (guint)open->bits : RSA_BITS_DEFAULT };
		return TRUE;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"no kind of key is called %s: ed25519, p256 and rsa are", open->make);
	return FALSE;
}

static Key *make(
	const Place *place, const OpenMessage *open, const KeyLoading *loading, GError **error)
{
	Wish wish;

	if (place->make == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
			"keys are not made through an engine: make it with the token's own tools");
		return NULL;
	}
	return read_wish(open, &wish, error) ? place->make(open, &wish, loading, error) : NULL;
}

static Key *open_or_make(
	const Place *place, const OpenMessage *open, gboolean *ret_made, GError **error)
{
	KeyLoading loading = { .ask = tell_passphrase, .user_data = open->passphrase };
	gboolean is_there = place->is_there != NULL && place->is_there(open);

	if (open->make == NULL || (is_there && !open->only_new))
		return place->open(open, &loading, error);
	if (!is_there) {
		*ret_made = TRUE;
		return make(place, open, &loading, error);
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
		"%s: there is a key already, and it is not replaced", open->name);
	return NULL;
}

Key *key_open(const OpenMessage *open, gboolean *ret_made, GError **error)
{
	const Place *place = place_of(open);
	Key *key;

	*ret_made = FALSE;
	key = open_or_make(place, open, ret_made, error);
	/* Engines are told PINs in names, behind the question mark. */
	if (key == NULL && place->is_silent)
		g_prefix_error(error, "%.*s: ", (int)strcspn(open->name, "?"), open->name);
	return key;
}
