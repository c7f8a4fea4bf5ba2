/* SPDX-License-Identifier: Apache-2.0 */
#include "server/auth/tokens.h"

#include <string.h>
#include "base/encode.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "crypto/token.h"

struct Tokens {
	Key *key;
};

Tokens *tokens_new(Key *key)
{
	Tokens *tokens = g_new0(Tokens, 1);

	tokens->key = key_ref(key);
	return tokens;
}

Tokens *tokens_open(const char *folder, GError **error)
{
	g_autofree char *path = g_build_filename(folder, "token.key", NULL);
	g_autoptr(Key) key = NULL;
	g_autoptr(GError) missing = NULL;

	if (!file_make_folders(folder, 0700, error))
		return NULL;
	key = key_load_private(path, NULL, &missing);
	if (!key && !g_error_matches(missing, ROTA_ERROR, ROTA_ERROR_NOT_FOUND)) {
		g_propagate_prefixed_error(error, g_steal_pointer(&missing), "token key: ");
		return NULL;
	}
	if (!key) {
		key = key_generate(KEY_ED25519, 0, error);
		if (!key || !key_save_private(key, path, error))
			return NULL;
		g_message("made the key that tokens are signed with: %s", path);
	}
	if (key_kind(key) != KEY_ED25519) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"token key %s: not an Ed25519 key", path);
		return NULL;
	}
	return tokens_new(key);
}

void tokens_free(Tokens *tokens)
{
	if (!tokens)
		return;
	key_unref(tokens->key);
	g_free(tokens);
}

/* RFC 8705 section 3.1: SHA-256 of the DER in base64url. */
static char *thumbprint(const char *certificate, GError **error)
{
	guint8 digest[SHA256_SIZE];

	if (!hex_decode(certificate, strlen(certificate), digest, sizeof digest)) {
		g_set_error_literal(
			error, ROTA_ERROR, ROTA_ERROR_INVALID, "not the digest of a certificate");
		return NULL;
	}
	return base64url_encode(digest, sizeof digest);
}

static gboolean bind_to(json_t *claims, const char *certificate, GError **error)
{
	g_autofree char *text = thumbprint(certificate, error);

	if (!text)
		return FALSE;
	json_object_set_new(claims, "cnf", json_pack("{s:s}", "x5t#S256", text));
	return TRUE;
}

char *tokens_make_device(Tokens *tokens, const DeviceToken *token, GError **error)
{
	g_autoptr(json_t) claims = json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:b, s:s, s:s, s:b, s:[], s:I}", "jti", token->auth_set,
		"sub", token->device, "iss", "Mender", "iat", (json_int_t)token->now_s, "exp",
		(json_int_t)(token->now_s + TOKEN_LIFE_S), "mender.device", 1, "mender.tenant",
		token->tenant, "mender.plan", "enterprise", "mender.trial", 0, "mender.addons",
		"rota.epoch", (json_int_t)token->epoch);

	if (token->certificate && !bind_to(claims, token->certificate, error))
		return NULL;
	return token_sign(tokens->key, claims, error);
}

char *tokens_make_user(Tokens *tokens, const UserToken *token, GError **error)
{
	g_autoptr(json_t) claims = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:b, s:s, s:s, s:b}",
		"jti", token->id, "sub", token->user, "iss", "mender.useradm", "scp", "mender.*",
		"iat", (json_int_t)token->now_s, "nbf", (json_int_t)token->now_s, "mender.user", 1,
		"mender.tenant", token->tenant, "mender.plan", "enterprise", "mender.trial", 0);

	if (token->expires_s)
		json_object_set_new(claims, "exp", json_integer(token->expires_s));
	return token_sign(tokens->key, claims, error);
}

char *tokens_make_tenant(Tokens *tokens, const char *tenant, GError **error)
{
	g_autoptr(json_t) claims = json_pack(
		"{s:s, s:s, s:s}", "sub", tenant, "iss", "Mender", "mender.tenant", tenant);

	return token_sign(tokens->key, claims, error);
}

static gboolean claim_is_true(const json_t *claims, const char *name)
{
	return json_is_true(json_object_get(claims, name));
}

static const char *claim_text(const json_t *claims, const char *name)
{
	return json_string_value(json_object_get(claims, name));
}

gboolean tokens_verify(
	Tokens *tokens, const char *text, gsize size, TokenFacts *ret_facts, GError **error)
{
	g_auto(TokenFacts) facts = { 0 };

	facts.claims = token_verify(tokens->key, text, size, error);
	if (!facts.claims)
		return FALSE;
	facts.is_device = claim_is_true(facts.claims, "mender.device");
	facts.is_user = claim_is_true(facts.claims, "mender.user");
	facts.is_tenant = !facts.is_device && !facts.is_user;
	facts.id = claim_text(facts.claims, "jti");
	facts.subject = claim_text(facts.claims, "sub");
	facts.tenant = claim_text(facts.claims, "mender.tenant");
	facts.epoch = (guint32)json_integer_value(json_object_get(facts.claims, "rota.epoch"));
	facts.expires_s = json_integer_value(json_object_get(facts.claims, "exp"));
	if (!facts.subject || !facts.tenant || (!facts.id && !facts.is_tenant)) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED,
			"a claim of the token is missing");
		return FALSE;
	}
	*ret_facts = facts;
	memset(&facts, 0, sizeof facts);
	return TRUE;
}

gboolean token_facts_fit(const TokenFacts *facts, const char *certificate)
{
	const json_t *bound = json_object_get(facts->claims, "cnf");
	g_autofree char *shown = NULL;

	if (!bound)
		return TRUE;
	shown = certificate ? thumbprint(certificate, NULL) : NULL;
	return shown && g_strcmp0(claim_text(bound, "x5t#S256"), shown) == 0;
}

void token_facts_clear(TokenFacts *facts)
{
	g_clear_pointer(&facts->claims, json_decref);
	memset(facts, 0, sizeof *facts);
}
