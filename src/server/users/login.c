/* SPDX-License-Identifier: Apache-2.0 */
#include "server/users/login.h"

#include <string.h>
#include "base/clock.h"
#include "base/encode.h"
#include "base/error.h"
#include "crypto/password.h"
#include "server/auth/tokens.h"
#include "server/rows.h"
#include "server/tenants/tenants.h"
#include "server/auth/sessions.h"

/* A log-in takes three steps: a reader finds the user, a worker compares the hash (slow on purpose;
 * a few at a time), the writer stores the token. An unknown address costs the same time as a wrong
 * password. */

typedef struct {
	gboolean no_expiry;
} LoginOptions;

static const JsonField login_option_fields[] = {
	JSON_FIELD(LoginOptions, no_expiry, JSON_BOOL, OPTIONAL),
	{ 0 },
};
static const JsonRecord login_option_record = { sizeof(LoginOptions), login_option_fields };

typedef struct {
	char *email, *password;
	gboolean no_expiry;
	User *user; /* NULL: there is none */
} Login;

static void login_free(gpointer data)
{
	Login *attempt = data;

	g_free(attempt->email);
	if (attempt->password)
		explicit_bzero(attempt->password, strlen(attempt->password));
	g_free(attempt->password);
	user_free(attempt->user);
	g_free(attempt);
}

static gboolean refuse(GError **error)
{
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, "unauthorized");
	return FALSE;
}

/* "Basic base64(email:password)" */
static gboolean read_basic(const char *header, Login *attempt)
{
	g_autoptr(GBytes) bytes = NULL;
	const char *text, *colon;
	gsize size;

	if (!header || g_ascii_strncasecmp(header, "Basic ", 6) != 0)
		return FALSE;
	bytes = base64_decode_strict(header + 6, strlen(header + 6), NULL);
	if (!bytes)
		return FALSE;
	text = g_bytes_get_data(bytes, &size);
	colon = text ? memchr(text, ':', size) : NULL;
	if (!colon || memchr(text, '\0', size) || size > USER_EMAIL_MAX + 1 + USER_PASSWORD_MAX)
		return FALSE;
	attempt->email = g_ascii_strdown(text, colon - text);
	attempt->password = g_strndup(colon + 1, size - (gsize)(colon + 1 - text));
	return g_utf8_validate(attempt->email, -1, NULL);
}

static gboolean read_options(Call *call, Login *attempt, GError **error)
{
	gsize size;
	const char *data = g_bytes_get_data(call_body_bytes(call), &size);
	LoginOptions *options;

	if (size == 0)
		return TRUE;
	options = json_record_parse(&login_option_record, data, size, error);
	if (!options)
		return FALSE;
	attempt->no_expiry = options->no_expiry;
	json_record_free(&login_option_record, options);
	return TRUE;
}

static gboolean store_login(Call *call, GError **error);

static gboolean check_password(Call *call, GError **error)
{
	const Login *attempt = call_data(call);

	if (!attempt->user) {
		password_waste_time(attempt->password);
		return refuse(error);
	}
	if (!password_matches(attempt->user->password_hash, attempt->password))
		return refuse(error);
	return call_continue(call, RUN_WRITE, store_login);
}

gboolean login(Call *call, GError **error)
{
	Login *attempt = g_new0(Login, 1);

	call_set_data(call, attempt, login_free);
	if (!read_basic(call_header(call, "Authorization"), attempt))
		return refuse(error);
	if (!read_options(call, attempt, error) ||
		!user_find_email(call_transaction(call), attempt->email, &attempt->user, error))
		return FALSE;
	return call_continue(call, RUN_WORKER, check_password);
}

/* --- The token --- */

static gboolean read_live(Transaction *transaction, const User *user, const char *kind,
	GPtrArray *ids, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_USER_TOKENS_OF, DB_TEXT,
		user->tenant, DB_TEXT, user->id, DB_TEXT, kind, DB_END);
	GError *failure = NULL;

	if (!rows)
		return FALSE;
	while (rows_next(rows, &failure))
		g_ptr_array_add(ids, g_strdup(rows_text(rows, 0)));
	return rows_ended(failure, error);
}

/* Log-ins beyond the maximum push the oldest ones out. */
static gboolean make_room(Call *call, const User *user, GError **error)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	Transaction *transaction = call_transaction(call);

	if (!transaction_run(transaction, NULL, error, QUERY_USER_TOKENS_EXPIRED, DB_TEXT,
		    user->tenant, DB_TEXT, user->id, DB_INT, clock_now_us(), DB_END) ||
		!read_live(transaction, user, USER_TOKEN_SESSION, ids, error))
		return FALSE;
	for (guint i = 0; i + USER_SESSIONS_MAX <= ids->len; i++) {
		if (!transaction_run(transaction, NULL, error, QUERY_USER_TOKEN_DELETE, DB_TEXT,
			    user->tenant, DB_TEXT, user->id, DB_TEXT, ids->pdata[i], DB_END))
			return FALSE;
		sessions_remove_on_commit(app_sessions(call_app(call)), transaction, ids->pdata[i]);
	}
	return TRUE;
}

gboolean user_token_issue(Call *call, const User *user, const char *kind, const char *name,
	gint64 expires_s, GError **error)
{
	g_autofree char *id = g_uuid_string_random();
	g_autofree char *text = NULL;
	gint64 now_us = clock_now_us();
	Session *session;
	UserToken token = {
		.id = id,
		.user = user->id,
		.tenant = user->tenant,
		.now_s = now_us / G_USEC_PER_SEC,
		.expires_s = expires_s,
	};

	if (!transaction_run(call_transaction(call), NULL, error, QUERY_USER_TOKEN_ADD, DB_TEXT,
		    user->tenant, DB_TEXT, id, DB_TEXT, user->id, DB_TEXT, kind, DB_TEXT, name,
		    DB_INT, now_us, DB_INT, expires_s * G_USEC_PER_SEC, DB_END))
		return FALSE;
	text = tokens_make_user(app_tokens(call_app(call)), &token, error);
	if (!text)
		return FALSE;
	session = session_new(id, user->id, user->email, user->tenant);
	session->permissions = roles_permissions(user->roles);
	session->expires_s = expires_s;
	session->is_access_token = g_str_equal(kind, USER_TOKEN_ACCESS);
	sessions_add_on_commit(app_sessions(call_app(call)), call_transaction(call), session);
	call_set_text(call, "application/jwt", text);
	return TRUE;
}

static gboolean store_login(Call *call, GError **error)
{
	const Login *attempt = call_data(call);
	gint64 now_us = clock_now_us();
	g_autoptr(User) user =
		user_find(call_transaction(call), attempt->user->tenant, attempt->user->id, NULL);

	/* The world may have changed while the hash was taken. */
	if (!user || !g_str_equal(user->password_hash, attempt->user->password_hash) ||
		!tenant_is_active_now(call_app(call), call_transaction(call), user->tenant))
		return refuse(error);
	if (!make_room(call, user, error) ||
		!transaction_run(call_transaction(call), NULL, error, QUERY_USER_LOGGED_IN, DB_TEXT,
			user->tenant, DB_TEXT, user->id, DB_INT, now_us, DB_END))
		return FALSE;
	return user_token_issue(call, user, USER_TOKEN_SESSION, "",
		attempt->no_expiry ? 0 : now_us / G_USEC_PER_SEC + TOKEN_LIFE_S, error);
}

gboolean logout(Call *call, GError **error)
{
	const char *id = call_session_id(call);

	if (!transaction_run(call_transaction(call), NULL, error, QUERY_USER_TOKEN_DELETE, DB_TEXT,
		    call_tenant(call), DB_TEXT, call_user_id(call), DB_TEXT, id, DB_END))
		return FALSE;
	sessions_remove_on_commit(app_sessions(call_app(call)), call_transaction(call), id);
	call_set_status(call, 202);
	return TRUE;
}
