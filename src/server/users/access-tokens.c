/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "server/rows.h"
#include "server/users/login.h"
#include "server/auth/sessions.h"

/* Personal access tokens: log-ins for programs, with a name and an end, shown once
 * (server-api.md 2.3). */

typedef struct {
	char *name;
	gint64 expires_in;
} NewToken;

enum { NAME_MAX_BYTES = 256 };

static const JsonField new_token_fields[] = {
	JSON_FIELD(NewToken, name, JSON_TEXT, REQUIRED, NAME_MAX_BYTES),
	JSON_FIELD(NewToken, expires_in, JSON_NUMBER, OPTIONAL),
	{ 0 },
};
static const JsonRecord new_token_record = { sizeof(NewToken), new_token_fields };

static Rows *query_tokens(Call *call, GError **error)
{
	return transaction_query(call_transaction(call), error, QUERY_USER_TOKENS_OF, DB_TEXT,
		call_tenant(call), DB_TEXT, call_user_id(call), DB_TEXT, USER_TOKEN_ACCESS, DB_END);
}

static void set_time(json_t *object, const char *name, gint64 time_us)
{
	g_autofree char *text = NULL;

	if (!time_us)
		return;
	text = clock_format_rfc3339(time_us);
	json_object_set_new(object, name, json_string(text));
}

static json_t *token_json(Call *call, Rows *rows)
{
	json_t *token =
		json_pack("{s:s, s:s}", "id", rows_text(rows, 0), "name", rows_text(rows, 1));
	g_autoptr(Session) session =
		sessions_find_id(app_sessions(call_app(call)), rows_text(rows, 0));
	gint64 last_used_s = session ? __atomic_load_n(&session->last_used_s, __ATOMIC_RELAXED) : 0;

	set_time(token, "created_ts", rows_int(rows, 2));
	set_time(token, "expiration_date", rows_int(rows, 3));
	set_time(token, "last_used", last_used_s * G_USEC_PER_SEC);
	return token;
}

static gboolean list_tokens(Call *call, GError **error)
{
	g_autoptr(Rows) rows = query_tokens(call, error);
	g_autoptr(json_t) list = json_array();
	GError *failure = NULL;

	if (!rows)
		return FALSE;
	while (rows_next(rows, &failure))
		json_array_append_new(list, token_json(call, rows));
	call_set_json(call, g_steal_pointer(&list));
	return rows_ended(failure, error);
}

static gboolean check_room(Call *call, const char *name, GError **error)
{
	g_autoptr(Rows) rows = query_tokens(call, error);
	GError *failure = NULL;
	gboolean taken = FALSE;
	guint n = 0;

	if (!rows)
		return FALSE;
	for (; rows_next(rows, &failure); n++)
		taken |= g_str_equal(rows_text(rows, 1), name);
	if (!rows_ended(failure, error))
		return FALSE;
	if (taken) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
			"name: there is a token with this name");
		return FALSE;
	}
	if (n >= USER_ACCESS_TOKENS_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"a user has at most %d access tokens", USER_ACCESS_TOKENS_MAX);
		return FALSE;
	}
	return TRUE;
}

static gboolean create_token(Call *call, GError **error)
{
	const NewToken *body = call_body(call);
	g_autoptr(User) user =
		user_find(call_transaction(call), call_tenant(call), call_user_id(call), error);
	gint64 expires_s = 0;

	if (!user)
		return FALSE;
	if (body->expires_in < 0 || body->expires_in > USER_TOKEN_LIFE_MAX_S) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"expires_in: not within 0 and %d", USER_TOKEN_LIFE_MAX_S);
		return FALSE;
	}
	if (body->expires_in)
		expires_s = clock_now_us() / G_USEC_PER_SEC + body->expires_in;
	if (!check_room(call, body->name, error) ||
		!user_token_issue(call, user, USER_TOKEN_ACCESS, body->name, expires_s, error))
		return FALSE;
	call_audit(call, "user_access_token", NULL, json_pack("{s:s}", "name", body->name));
	return TRUE;
}

static gboolean delete_token(Call *call, GError **error)
{
	const char *id = call_parameter(call, "id");
	gint64 changed = 0;

	if (!transaction_run(call_transaction(call), &changed, error, QUERY_USER_TOKEN_DELETE,
		    DB_TEXT, call_tenant(call), DB_TEXT, call_user_id(call), DB_TEXT, id, DB_END))
		return FALSE;
	if (changed == 0) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such token");
		return FALSE;
	}
	sessions_remove_on_commit(app_sessions(call_app(call)), call_transaction(call), id);
	call_audit(call, "user_access_token", id, NULL);
	return TRUE;
}

#define TOKENS "/api/management/v1/useradm/settings/tokens"
enum { BODY_MAX = 16 * 1024 };

const Route user_token_routes[] = {
	{ HTTP_GET, TOKENS, CALLER_USER, "self", RUN_READ, NULL, 0, NULL, list_tokens },
	{ HTTP_POST, TOKENS, CALLER_USER, "self.tokens", RUN_WRITE, "create", BODY_MAX,
		&new_token_record, create_token },
	{ HTTP_DELETE, TOKENS "/{id}", CALLER_USER, "self", RUN_WRITE, "delete", 0, NULL,
		delete_token },
	{ 0 },
};
