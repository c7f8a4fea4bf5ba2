/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <openssl/evp.h>
#include "crypto/key.h"

struct Key {
	EVP_PKEY *pkey;
	KeyKind kind;
	gboolean is_private;
	gatomicrefcount references;
};

/* Sets @error to "WHAT: the newest reason of OpenSSL" and empties its queue. */
void crypto_set_error(GError **error, int code, const char *what);
