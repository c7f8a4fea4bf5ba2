/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL 3 calls engines deprecated, and fleets have them in their configuration: on Debian 12 the
 * engine of libp11 is the way to PKCS#11 that Mender's clients know. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/key-engine.h"
#include <string.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include "base/error.h"
#include "crypto/key-private.h"

static ENGINE *load_engine(const char *name, GError **error)
{
	ENGINE *engine = ENGINE_by_id(name);
	g_autofree char *what = NULL;

	if (engine != NULL && ENGINE_init(engine) == 1)
		return engine;
	ENGINE_free(engine);
	what = g_strdup_printf("OpenSSL's engine %s", name);
	crypto_set_error(error, ROTA_ERROR_NOT_FOUND, what);
	return NULL;
}

/* Engines ask for a PIN on a terminal that a daemon does not have. */
static EVP_PKEY *load_key(ENGINE *engine, const char *name, GError **error)
{
	EVP_PKEY *pkey =
		ENGINE_load_private_key(engine, name, (UI_METHOD *)(guintptr)UI_null(), NULL);

	if (pkey == NULL)
		crypto_set_error(error, ROTA_ERROR_NOT_FOUND, "the engine gives no such key");
	return pkey;
}

Key *key_open_private_engine(
	const char *engine_name, const char *name, const KeyLoading *loading, GError **error)
{
	ENGINE *engine = load_engine(engine_name, error);
	EVP_PKEY *pkey;

	if (engine == NULL)
		return NULL;
	pkey = load_key(engine, name, error);
	ENGINE_finish(engine); /* the key holds on to it */
	ENGINE_free(engine);
	return pkey != NULL ? key_new(pkey, TRUE, loading != NULL && loading->allow_weak, error)
			    : NULL;
}
