/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/password.h"
#include <sodium.h>
#include <string.h>
#include "base/error.h"

/* libsodium's interactive strength: 64 MiB and two passes, about 50 ms of one core. */
static int hash_into(char hash[crypto_pwhash_STRBYTES], const char *password)
{
	return crypto_pwhash_str(hash, password, strlen(password),
		crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE);
}

char *password_hash(const char *password, GError **error)
{
	char hash[crypto_pwhash_STRBYTES];

	if (sodium_init() < 0 || hash_into(hash, password) != 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE,
			"not enough memory to hash a password");
		return NULL;
	}
	return g_strdup(hash);
}

gboolean password_matches(const char *hash, const char *password)
{
	return sodium_init() >= 0 &&
	       crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}

void password_waste_time(const char *password)
{
	char hash[crypto_pwhash_STRBYTES];

	/* Whether it worked is of no interest: only the time it took is. */
	if (sodium_init() >= 0 && hash_into(hash, password) != 0)
		g_warning("not enough memory to hash a password");
	sodium_memzero(hash, sizeof hash);
}
