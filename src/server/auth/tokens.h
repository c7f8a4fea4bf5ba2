/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>
#include "crypto/key.h"
#include "server/app.h"

/* What the server signs: tokens of devices and of users (server-api.md 1.3 and 2.1), with one
 * Ed25519 key. The claims say whose a token is; a device's is never taken for a user's. */

enum { TOKEN_LIFE_S = 7 * 24 * 3600 };

/* Reads FOLDER/token.key, or makes it (0600). */
Tokens *tokens_open(const char *folder, GError **error) G_GNUC_WARN_UNUSED_RESULT;
Tokens *tokens_new(Key *key); /* takes a reference */
void tokens_free(Tokens *tokens);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tokens, tokens_free)

typedef struct {
	const char *device;   /* id */
	const char *auth_set; /* id */
	const char *tenant;   /* id */
	guint32 epoch;
	gint64 now_s;
	/* (nullable): SHA-256 (hex) of the client certificate that the token is bound to */
	const char *certificate;
} DeviceToken;

typedef struct {
	const char *id;     /* jti */
	const char *user;   /* id */
	const char *tenant; /* id */
	gint64 now_s;
	gint64 expires_s; /* 0 = never */
} UserToken;

/* (transfer full): the token's text. */
char *tokens_make_device(
	Tokens *tokens, const DeviceToken *token, GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *tokens_make_user(
	Tokens *tokens, const UserToken *token, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What new devices of a tenant show (server-api.md 1.5). */
char *tokens_make_tenant(
	Tokens *tokens, const char *tenant, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What a good token says; the texts are borrowed from .claims. */
typedef struct {
	json_t *claims; /* owned */
	gboolean is_device, is_user, is_tenant;
	const char *id;      /* jti: the auth set of a device, the session of a user */
	const char *subject; /* the device, the user, the tenant */
	const char *tenant;
	guint32 epoch;
	gint64 expires_s; /* 0 = never */
} TokenFacts;

/* ROTA_ERROR_UNAUTHORIZED for anything that is not ours, whole and in time. */
gboolean tokens_verify(Tokens *tokens, const char *text, gsize size, TokenFacts *ret_facts,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether the token may be used over a connection whose client showed @certificate (SHA-256 in hex,
 * or NULL for none): one bound to a certificate (RFC 8705, "cnf") is good over that one alone. */
gboolean token_facts_fit(const TokenFacts *facts, const char *certificate);
void token_facts_clear(TokenFacts *facts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TokenFacts, token_facts_clear)
