/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/token.h"
#include <string.h>
#include "base/clock.h"
#include "base/encode.h"
#include "base/error.h"
#include "base/json.h"

/* One algorithm, so the header is a constant; a token that asks for another is refused unread. */
static const char header_text[] = "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}";

static json_t *refuse(GError **error, const char *why)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, "%s", why);
	return NULL;
}

char *token_sign(const Key *key, const json_t *claims, GError **error)
{
	g_autofree char *claims_text = json_to_text(claims);
	g_autofree char *header =
		base64url_encode((const guint8 *)header_text, strlen(header_text));
	g_autofree char *body = base64url_encode((const guint8 *)claims_text, strlen(claims_text));
	g_autofree char *signed_part = g_strdup_printf("%s.%s", header, body);
	g_autoptr(GBytes) signature = NULL;
	g_autofree char *signature_text = NULL;

	if (key_kind(key) != KEY_ED25519) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
			"tokens are signed with Ed25519 keys");
		return NULL;
	}
	signature = key_sign_message(key, signed_part, strlen(signed_part), error);
	if (signature == NULL)
		return NULL;
	signature_text =
		base64url_encode(g_bytes_get_data(signature, NULL), g_bytes_get_size(signature));
	return g_strdup_printf("%s.%s", signed_part, signature_text);
}

static json_t *decode_part(const char *text, gsize size)
{
	g_autoptr(GBytes) bytes = base64url_decode(text, size, NULL);
	gsize decoded_size;
	const char *decoded;

	if (bytes == NULL)
		return NULL;
	decoded = g_bytes_get_data(bytes, &decoded_size);
	return decoded != NULL ? json_parse_strict(decoded, decoded_size, NULL) : NULL;
}

static gboolean header_is_ours(const char *text, gsize size)
{
	g_autoptr(json_t) header = decode_part(text, size);
	const char *algorithm = json_string_value(json_object_get(header, "alg"));

	return algorithm != NULL && strcmp(algorithm, "EdDSA") == 0 &&
	       json_object_get(header, "crit") == NULL;
}

/* exp and nbf are seconds; a token without exp does not expire. */
static gboolean in_time(const json_t *claims)
{
	gint64 now_s = clock_now_us() / G_USEC_PER_SEC;
	const json_t *expires = json_object_get(claims, "exp");
	const json_t *not_before = json_object_get(claims, "nbf");

	if (expires != NULL && (!json_is_integer(expires) || json_integer_value(expires) <= now_s))
		return FALSE;
	return not_before == NULL ||
	       (json_is_integer(not_before) && json_integer_value(not_before) <= now_s);
}

json_t *token_verify(const Key *key, const char *token, gsize size, GError **error)
{
	const char *first = memchr(token, '.', MIN(size, TOKEN_SIZE_MAX));
	const char *second =
		first != NULL ? memchr(first + 1, '.', size - (gsize)(first + 1 - token)) : NULL;
	g_autoptr(GBytes) signature = NULL;
	g_autoptr(json_t) claims = NULL;

	if (size > TOKEN_SIZE_MAX || second == NULL ||
		!header_is_ours(token, (gsize)(first - token)))
		return refuse(error, "not a token of ours");
	signature = base64url_decode(second + 1, size - (gsize)(second + 1 - token), NULL);
	if (signature == NULL || key_kind(key) != KEY_ED25519 ||
		!key_verify_message(key, token, (gsize)(second - token), signature, NULL))
		return refuse(error, "the token's signature is wrong");
	claims = decode_part(first + 1, (gsize)(second - first - 1));
	if (!json_is_object(claims))
		return refuse(error, "the token has no claims");
	if (!in_time(claims))
		return refuse(error, "the token has expired");
	return g_steal_pointer(&claims);
}
