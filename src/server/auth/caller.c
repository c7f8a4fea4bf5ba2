/* SPDX-License-Identifier: Apache-2.0 */
#include "server/auth/caller.h"

#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "crypto/token.h"
#include "server/auth/tokens.h"
#include "server/tenants/tenants.h"

/* The order is what makes a poll cheap: the digest of a token that was verified before leads
 * straight to the device in memory; only a token that is new here has its signature verified. A
 * device's token is remembered together with the certificate it came over, so that one bound to a
 * certificate is not found over another, and the binding takes no memory of its own. */

void caller_clear(Caller *caller)
{
	g_clear_pointer(&caller->session, session_unref);
}

static gboolean refuse(GError **error)
{
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, "unauthorized");
	return FALSE;
}

static const char *cookie_value(const char *cookie, const char *name, gsize *ret_size)
{
	gsize name_size = strlen(name);

	while (*cookie) {
		gsize size;

		cookie += strspn(cookie, "; \t");
		size = strcspn(cookie, ";");
		if (size > name_size + 1 && cookie[name_size] == '=' &&
			strncmp(cookie, name, name_size) == 0) {
			*ret_size = size - name_size - 1;
			return cookie + name_size + 1;
		}
		cookie += size;
	}
	return NULL;
}

const char *caller_token(const char *authorization, const char *cookie, gsize *ret_size)
{
	if (authorization && g_ascii_strncasecmp(authorization, "Bearer ", 7) == 0) {
		authorization += 7;
		authorization += strspn(authorization, " ");
		*ret_size = strlen(authorization);
		return *ret_size ? authorization : NULL;
	}
	if (authorization)
		return NULL;
	return cookie ? cookie_value(cookie, "JWT", ret_size) : NULL;
}

/* --- Devices --- */

typedef struct {
	const char *text;
	gsize size;
	const char *certificate; /* (nullable): of the connection, SHA-256 in hex */
} ShownToken;

static void digest_of(const ShownToken *token, guint8 ret_digest[SHA256_SIZE])
{
	g_autoptr(Sha256) sum = sha256_new();

	sha256_update(sum, token->text, token->size);
	/* No token holds a NUL: the two cannot be taken for a longer token. */
	if (token->certificate) {
		sha256_update(sum, "", 1);
		sha256_update(sum, token->certificate, strlen(token->certificate));
	}
	sha256_finish(sum, ret_digest);
}

static gboolean verify_device(
	App *app, const ShownToken *token, const guint8 *digest, HotDevice *ret_device)
{
	g_auto(TokenFacts) facts = { 0 };
	Uuid device, auth_set;

	if (!tokens_verify(app_tokens(app), token->text, token->size, &facts, NULL) ||
		!facts.is_device || !token_facts_fit(&facts, token->certificate) ||
		!uuid_parse(facts.subject, &device) || !uuid_parse(facts.id, &auth_set))
		return FALSE;
	if (!hot_find(app_hot(app), &device, ret_device) || ret_device->status != DEVICE_ACCEPTED ||
		ret_device->epoch != facts.epoch ||
		memcmp(&ret_device->auth_set, &auth_set, sizeof auth_set) != 0)
		return FALSE;
	hot_token_remember(app_hot(app), digest, ret_device->row, facts.epoch, facts.expires_s);
	return TRUE;
}

static gboolean find_device(App *app, const ShownToken *token, Caller *caller)
{
	gint64 now_s = clock_now_us() / G_USEC_PER_SEC;
	guint8 digest[SHA256_SIZE];

	digest_of(token, digest);
	if (!hot_token_find(app_hot(app), digest, now_s, &caller->device) &&
		!verify_device(app, token, digest, &caller->device))
		return FALSE;
	caller->tenant = hot_tenant_id(app_hot(app), caller->device.tenant);
	if (!tenant_is_active(app, caller->tenant))
		return FALSE;
	uuid_format(&caller->device.id, caller->device_id);
	hot_touch(app_hot(app), caller->device.row, now_s);
	return TRUE;
}

/* --- Users --- */

static Session *verify_user(App *app, const char *token, gsize size, const guint8 *digest)
{
	g_auto(TokenFacts) facts = { 0 };
	g_autoptr(Session) session = NULL;

	if (!tokens_verify(app_tokens(app), token, size, &facts, NULL) || !facts.is_user)
		return NULL;
	session = sessions_find_id(app_sessions(app), facts.id);
	if (!session || !g_str_equal(session->user_id, facts.subject))
		return NULL;
	sessions_remember(app_sessions(app), facts.id, digest);
	return g_steal_pointer(&session);
}

static gboolean find_user(App *app, const char *token, gsize size, Caller *caller)
{
	gint64 now_s = clock_now_us() / G_USEC_PER_SEC;
	g_autoptr(Session) session = NULL;
	guint8 digest[SHA256_SIZE];

	sha256_of(token, size, digest);
	session = sessions_find(app_sessions(app), digest);
	if (!session)
		session = verify_user(app, token, size, digest);
	if (!session || (session->expires_s && session->expires_s <= now_s) ||
		!tenant_is_active(app, session->tenant))
		return FALSE;
	__atomic_store_n(&session->last_used_s, now_s, __ATOMIC_RELAXED);
	caller->tenant = session->tenant;
	caller->session = g_steal_pointer(&session);
	return TRUE;
}

gboolean caller_renew(App *app, Caller *caller, GError **error)
{
	gint64 now_s = clock_now_us() / G_USEC_PER_SEC;
	g_autoptr(Session) session = NULL;

	if (caller->session == NULL)
		return TRUE;
	session = sessions_find_id(app_sessions(app), caller->session->id);
	if (!session || (session->expires_s && session->expires_s <= now_s) ||
		!tenant_is_active(app, session->tenant))
		return refuse(error);
	caller_clear(caller);
	caller->tenant = session->tenant;
	caller->session = g_steal_pointer(&session);
	return TRUE;
}

gboolean caller_find(
	App *app, HttpRequest *request, CallerKind wanted, Caller *ret_caller, GError **error)
{
	gsize size = 0;
	const char *token = caller_token(http_request_header(request, "Authorization"),
		http_request_header(request, "Cookie"), &size);
	ShownToken shown;
	gboolean found;

	if (!token || size > TOKEN_SIZE_MAX)
		return refuse(error);
	shown = (ShownToken){ token, size, http_request_client_certificate(request) };
	found = wanted == CALLER_DEVICE ? find_device(app, &shown, ret_caller)
					: find_user(app, token, size, ret_caller);
	if (!found)
		return refuse(error);
	ret_caller->kind = wanted;
	return TRUE;
}
