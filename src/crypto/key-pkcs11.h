/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "crypto/key.h"

/* Keys in a token (HSM, smart card, TPM, SoftHSM), named by a URI of RFC 7512:
 *
 *     pkcs11:token=build;object=release?pin-source=file:/etc/rota/pin
 *
 * The private key never leaves the token; what is opened here signs like any other Key. The module
 * is the one of module-path=, or all that p11-kit's configuration names. Every call of a module is
 * waited for with a deadline (ROTA_ERROR_TIMED_OUT): a token that hangs costs its caller time, not
 * more.
 *
 * The PIN is taken from pin-value=, from pin-source= (a file, its first line), or asked for. No
 * message holds it. A token is told a PIN once in the life of a key: a wrong one is not tried
 * again.
 *
 * ROTA_ERROR_INVALID: not such a URI, or more than one token or key matches it. NOT_FOUND: no
 * module, token or key does. UNAUTHORIZED: a wrong PIN, or none. UNAVAILABLE: the token was removed
 * or refuses to work. */

gboolean key_name_is_pkcs11(const char *name);

Key *key_open_private_pkcs11(
	const char *uri, const KeyLoading *loading, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes a pair in the token by the names of the URI (object=, id=) and opens it. The private half
 * is sensitive and cannot be extracted. @bits: for KEY_RSA only. ROTA_ERROR_CONFLICT: there is such
 * a key already. */
Key *key_make_pkcs11(const char *uri, KeyKind kind, guint bits, const KeyLoading *loading,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The public half, from a public key or a certificate in the token. No PIN is needed, unless the
 * token hides even those; then the URI must say where it is. */
Key *key_open_public_pkcs11(
	const char *uri, const KeyLoading *loading, GError **error) G_GNUC_WARN_UNUSED_RESULT;
