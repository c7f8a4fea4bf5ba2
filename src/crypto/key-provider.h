/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <openssl/evp.h>
#include "crypto/key.h"

/**
 * key_make_pkey:
 *
 * @key as OpenSSL knows keys, for TLS and certificate requests: whatever signs for a key that stays
 * elsewhere is called behind OpenSSL's back, by the thread that makes the handshake.
 *
 * Returns: (transfer full): to be freed with EVP_PKEY_free(); it holds a reference to @key.
 */
EVP_PKEY *key_make_pkey(Key *key, GError **error) G_GNUC_WARN_UNUSED_RESULT;
