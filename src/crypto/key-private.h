/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <openssl/evp.h>
#include "crypto/key.h"

enum { KEY_FILE_SIZE_MAX = 64 * 1024 };

struct Key {
	EVP_PKEY *pkey;
	KeyKind kind;
	gboolean is_private;
	gatomicrefcount references;
};

/* Takes @pkey, also on failure; NULL where no use is made of such keys. */
Key *key_new(EVP_PKEY *pkey, gboolean is_private, gboolean allow_weak,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets @error to "WHAT: the newest reason of OpenSSL" and empties its queue. */
void crypto_set_error(GError **error, int code, const char *what);
