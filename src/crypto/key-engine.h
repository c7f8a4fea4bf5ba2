/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "crypto/key.h"

/**
 * key_open_private_engine:
 * @engine: OpenSSL's id of an engine, such as "pkcs11" (Mender's SSLEngine)
 * @name: what that engine calls the key
 *
 * NOT_FOUND: there is no such engine, or it has no such key.
 */
Key *key_open_private_engine(const char *engine, const char *name, const KeyLoading *loading,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
