/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <openssl/evp.h>
#include "crypto/key.h"

enum { KEY_FILE_SIZE_MAX = 64 * 1024 };

struct Key {
	EVP_PKEY *pkey; /* with a signer: the public half alone */
	KeyKind kind;
	gboolean is_private;
	const KeySigner *signer; /* or NULL */
	gpointer signer_state;   /* of it; freed with the key */
	gatomicrefcount references;
};

/* Takes @pkey, also on failure; NULL where no use is made of such keys. */
Key *key_new(EVP_PKEY *pkey, gboolean is_private, gboolean allow_weak,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same with the public half of a key whose signer's state is added by the caller. */
Key *key_new_with_signer(EVP_PKEY *public_half, gboolean allow_weak, const KeySigner *signer,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets @error to "WHAT: the newest reason of OpenSSL" and empties its queue. */
void crypto_set_error(GError **error, int code, const char *what);
