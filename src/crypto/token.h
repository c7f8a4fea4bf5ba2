/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>
#include "crypto/key.h"

/* JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037): the form of device and user tokens. */
enum { TOKEN_SIZE_MAX = 8192 };

/* (transfer full): "header.claims.signature". */
char *token_sign(const Key *key, const json_t *claims, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * token_verify:
 * Checks form, algorithm (EdDSA only), signature, and exp and nbf against the wall clock.
 * Returns: (transfer full): the claims, or NULL with ROTA_ERROR_UNAUTHORIZED.
 */
json_t *token_verify(
	const Key *key, const char *token, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
