/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "crypto/password.h"
#include "server/rows.h"
#include "server/users/login.h"
#include "server/auth/sessions.h"

/* The account of a user: /api/management/v1/useradm (server-api.md 2.2). Creating and changing hash
 * a password on a worker before the writer is asked. */

typedef struct {
	char *email, *password, *current_password;
	char **roles;
} UserBody;

static const JsonField new_user_fields[] = {
	JSON_FIELD(UserBody, email, JSON_TEXT, REQUIRED, USER_EMAIL_MAX),
	JSON_FIELD(UserBody, password, JSON_TEXT, REQUIRED),
	JSON_FIELD(UserBody, roles, JSON_TEXTS, OPTIONAL, ROLES_MAX),
	{ 0 },
};
static const JsonRecord new_user_record = { sizeof(UserBody), new_user_fields };

static const JsonField changed_user_fields[] = {
	JSON_FIELD(UserBody, email, JSON_TEXT, OPTIONAL, USER_EMAIL_MAX),
	JSON_FIELD(UserBody, password, JSON_TEXT, OPTIONAL),
	JSON_FIELD(UserBody, current_password, JSON_TEXT, OPTIONAL),
	JSON_FIELD(UserBody, roles, JSON_TEXTS, OPTIONAL, ROLES_MAX),
	{ 0 },
};
static const JsonRecord changed_user_record = { sizeof(UserBody), changed_user_fields };

#define ADMIN_ROLE "RBAC_ROLE_PERMIT_ALL"

/* --- Reading --- */

static void set_time(json_t *object, const char *name, gint64 time_us)
{
	g_autofree char *text = clock_format_rfc3339(time_us);

	json_object_set_new(object, name, json_string(text));
}

static json_t *roles_json(char **roles)
{
	json_t *list = json_array();

	for (; *roles; roles++)
		json_array_append_new(list, json_string(*roles));
	return list;
}

static json_t *user_json(const User *user)
{
	json_t *object = json_pack("{s:s, s:s}", "id", user->id, "email", user->email);

	json_object_set_new(object, "roles", roles_json(user->roles));
	set_time(object, "created_ts", user->created_us);
	set_time(object, "updated_ts", user->updated_us);
	if (user->login_us)
		set_time(object, "login_ts", user->login_us);
	return object;
}

static gboolean show_user(Call *call, const char *id, GError **error)
{
	g_autoptr(User) user = user_find(call_transaction(call), call_tenant(call), id, error);

	if (!user)
		return FALSE;
	call_set_header(call, "ETag", user->etag);
	call_set_json(call, user_json(user));
	return TRUE;
}

static gboolean get_user(Call *call, GError **error)
{
	return show_user(call, call_parameter(call, "id"), error);
}

static gboolean get_me(Call *call, GError **error)
{
	return show_user(call, call_user_id(call), error);
}

static gboolean read_seconds(
	Call *call, const char *name, gint64 fallback_us, gint64 *ret_us, GError **error)
{
	const char *text = call_query(call, name);
	gint64 seconds;

	*ret_us = fallback_us;
	if (!text)
		return TRUE;
	if (!g_ascii_string_to_signed(text, 10, 0, G_MAXINT32 * (gint64)1000, &seconds, NULL)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "invalid %s query: \"%.64s\"",
			name, text);
		return FALSE;
	}
	*ret_us = seconds * G_USEC_PER_SEC;
	return TRUE;
}

static gboolean is_wanted(Call *call, const char *name, const char *value)
{
	g_auto(GStrv) wanted = call_query_all(call, name);

	return !*wanted || g_strv_contains((const char *const *)wanted, value);
}

static gboolean append_user(Call *call, json_t *list, Rows *rows, GError **error)
{
	g_auto(GStrv) roles = NULL;
	User user = { .created_us = rows_int(rows, 3),
		.updated_us = rows_int(rows, 4),
		.login_us = rows_int(rows, 5) };

	if (!is_wanted(call, "id", rows_text(rows, 0)) ||
		!is_wanted(call, "email", rows_text(rows, 1)))
		return TRUE;
	roles = roles_from_text(rows_text(rows, 2), error);
	if (!roles)
		return FALSE;
	user.id = call_strdup(call, rows_text(rows, 0));
	user.email = call_strdup(call, rows_text(rows, 1));
	user.roles = roles;
	json_array_append_new(list, user_json(&user));
	return TRUE;
}

static gboolean list_users(Call *call, GError **error)
{
	gint64 created_after, created_before, updated_after, updated_before;
	g_autoptr(json_t) list = json_array();
	g_autoptr(Rows) rows = NULL;
	GError *failure = NULL;

	if (!read_seconds(call, "created_after", 0, &created_after, error) ||
		!read_seconds(call, "created_before", G_MAXINT64, &created_before, error) ||
		!read_seconds(call, "updated_after", 0, &updated_after, error) ||
		!read_seconds(call, "updated_before", G_MAXINT64, &updated_before, error))
		return FALSE;
	rows = transaction_query(call_transaction(call), error, QUERY_USERS_LIST, DB_TEXT,
		call_tenant(call), DB_INT, created_after, DB_INT, created_before, DB_INT,
		updated_after, DB_INT, updated_before, DB_END);
	if (!rows)
		return FALSE;
	while (rows_next(rows, &failure))
		if (!append_user(call, list, rows, error))
			return FALSE;
	call_set_json(call, g_steal_pointer(&list));
	return rows_ended(failure, error);
}

/* --- Creating --- */

static gboolean store_new_user(Call *call, GError **error)
{
	User *user = call_data(call);

	if (!user_insert(call_transaction(call), user, error))
		return FALSE;
	call_set_status(call, 201);
	call_set_header(
		call, "Location", call_strdup_printf(call, "%s/%s", call_path(call), user->id));
	call_audit(call, "user", user->id,
		json_pack("{s:s, s:o}", "email", user->email, "roles", roles_json(user->roles)));
	return TRUE;
}

static gboolean hash_new_user(Call *call, GError **error)
{
	char *admin[] = { (char[]){ ADMIN_ROLE }, NULL };
	const UserBody *body = call_body(call);
	User *user = g_new0(User, 1);

	call_set_data(call, user, (GDestroyNotify)user_free);
	user->tenant = g_strdup(call_tenant(call));
	user->email = user_normal_email(body->email, error);
	user->roles = g_strdupv(body->roles && *body->roles ? body->roles : admin);
	if (!user->email || !user_check_password(body->password, user->email, error) ||
		!roles_check(user->roles, error))
		return FALSE;
	user->password_hash = password_hash(body->password, error);
	return user->password_hash && call_continue(call, RUN_WRITE, store_new_user);
}

/* --- Changing --- */

typedef struct {
	User *user; /* as it is, then as it shall be */
	char *etag; /* it was read with */
	gboolean is_own;
	char *before_email, *before_roles;
} Update;

static void update_free(gpointer data)
{
	Update *update = data;

	user_free(update->user);
	g_free(update->etag);
	g_free(update->before_email);
	g_free(update->before_roles);
	g_free(update);
}

/* There must stay somebody who can change rights. */
static gboolean check_admin_left(Call *call, const char *without_id, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(call_transaction(call), error,
		QUERY_USERS_WITH_ROLES, DB_TEXT, call_tenant(call), DB_END);
	GError *failure = NULL;
	gboolean left = FALSE;

	if (!rows)
		return FALSE;
	while (rows_next(rows, &failure))
		left |= !g_str_equal(rows_text(rows, 0), without_id) &&
			strstr(rows_text(rows, 1), "\"" ADMIN_ROLE "\"");
	if (!rows_ended(failure, error))
		return FALSE;
	if (!left)
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"the last administrator cannot go");
	return left;
}

static gboolean is_admin(char **roles)
{
	return g_strv_contains((const char *const *)roles, ADMIN_ROLE);
}

static json_t *update_details(const Update *update)
{
	g_autofree char *roles = roles_to_text(update->user->roles);
	json_t *details = json_pack("{s:s}", "email", update->user->email);

	if (!g_str_equal(update->before_email, update->user->email))
		json_object_set_new(details, "email_before", json_string(update->before_email));
	if (!g_str_equal(update->before_roles, roles)) {
		json_object_set_new(
			details, "roles_before", json_loads(update->before_roles, 0, NULL));
		json_object_set_new(details, "roles", roles_json(update->user->roles));
	}
	return details;
}

/* Whoever changed an e-mail or a password ends all other log-ins; changed rights act on those that
 * are. */
static gboolean update_tokens(Call *call, const Update *update, GError **error)
{
	const UserBody *body = call_body(call);
	const User *user = update->user;
	Sessions *sessions = app_sessions(call_app(call));
	const char *keep = update->is_own ? call_session_id(call) : "";

	if (body->password || body->email) {
		if (!transaction_run(call_transaction(call), NULL, error,
			    QUERY_USER_TOKENS_DELETE_BUT, DB_TEXT, user->tenant, DB_TEXT, user->id,
			    DB_TEXT, keep, DB_END))
			return FALSE;
		sessions_remove_user_on_commit(sessions, call_transaction(call), user->id, keep);
	}
	sessions_change_user_on_commit(sessions, call_transaction(call), user->id, user->email,
		roles_permissions(user->roles));
	return TRUE;
}

static gboolean store_update(Call *call, GError **error)
{
	const Update *update = call_data(call);
	const User *user = update->user;
	g_autoptr(User) now = user_find(call_transaction(call), user->tenant, user->id, error);

	if (!now)
		return FALSE;
	if (!g_str_equal(now->etag, update->etag)) {
		g_set_error_literal(
			error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "the user was changed meanwhile");
		return FALSE;
	}
	if (is_admin(now->roles) && !is_admin(user->roles) &&
		!check_admin_left(call, user->id, error))
		return FALSE;
	if (!user_update(call_transaction(call), user, error) ||
		!update_tokens(call, update, error))
		return FALSE;
	call_audit(call, "user", user->id, update_details(update));
	return TRUE;
}

static gboolean hash_update(Call *call, GError **error)
{
	const UserBody *body = call_body(call);
	Update *update = call_data(call);

	if (!body->current_password ||
		!password_matches(update->user->password_hash, body->current_password)) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"current_password: does not match");
		return FALSE;
	}
	if (body->password) {
		g_free(update->user->password_hash);
		update->user->password_hash = password_hash(body->password, error);
	}
	return update->user->password_hash && call_continue(call, RUN_WRITE, store_update);
}

static gboolean take_email(User *user, const char *email, GError **error)
{
	char *normal = user_normal_email(email, error);

	if (!normal)
		return FALSE;
	g_free(user->email);
	user->email = normal;
	return TRUE;
}

static gboolean take_roles(Call *call, User *user, char **roles, GError **error)
{
	if (!call_user_may(call, "users.write")) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_FORBIDDEN,
			"permission users.write is needed");
		return FALSE;
	}
	if (!roles_check(roles, error))
		return FALSE;
	g_strfreev(user->roles);
	user->roles = g_strdupv(roles);
	return TRUE;
}

static gboolean update_user(Call *call, const char *id, GError **error)
{
	const UserBody *body = call_body(call);
	Update *update = g_new0(Update, 1);
	User *user;

	call_set_data(call, update, update_free);
	user = update->user = user_find(call_transaction(call), call_tenant(call), id, error);
	if (!user)
		return FALSE;
	update->is_own = g_str_equal(id, call_user_id(call));
	update->etag = g_strdup(user->etag);
	update->before_email = g_strdup(user->email);
	update->before_roles = roles_to_text(user->roles);
	if (body->password && !update->is_own) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"password: only the user itself may change it");
		return FALSE;
	}
	if ((body->email && !take_email(user, body->email, error)) ||
		(body->roles && !take_roles(call, user, body->roles, error)) ||
		(body->password && !user_check_password(body->password, user->email, error)))
		return FALSE;
	if (update->is_own && (body->email || body->password))
		return call_continue(call, RUN_WORKER, hash_update);
	return call_continue(call, RUN_WRITE, store_update);
}

static gboolean put_user(Call *call, GError **error)
{
	return update_user(call, call_parameter(call, "id"), error);
}

static gboolean put_me(Call *call, GError **error)
{
	return update_user(call, call_user_id(call), error);
}

/* --- Deleting --- */

static gboolean delete_rows(Call *call, const User *user, GError **error)
{
	Transaction *transaction = call_transaction(call);

	return transaction_run(transaction, NULL, error, QUERY_USER_TOKENS_DELETE_BUT, DB_TEXT,
		       user->tenant, DB_TEXT, user->id, DB_TEXT, "", DB_END) &&
	       transaction_run(transaction, NULL, error, QUERY_USER_SETTING_DELETE, DB_TEXT,
		       user->tenant, DB_TEXT, user->id, DB_END) &&
	       transaction_run(transaction, NULL, error, QUERY_USER_DELETE, DB_TEXT, user->tenant,
		       DB_TEXT, user->id, DB_END);
}

static gboolean delete_user(Call *call, GError **error)
{
	const char *id = call_parameter(call, "id");
	g_autoptr(GError) missing = NULL;
	g_autoptr(User) user = user_find(call_transaction(call), call_tenant(call), id, &missing);

	if (!user && g_error_matches(missing, ROTA_ERROR, ROTA_ERROR_NOT_FOUND))
		return TRUE;
	if (!user) {
		g_propagate_error(error, g_steal_pointer(&missing));
		return FALSE;
	}
	if (is_admin(user->roles) && !check_admin_left(call, id, error))
		return FALSE;
	if (!delete_rows(call, user, error))
		return FALSE;
	sessions_remove_user_on_commit(
		app_sessions(call_app(call)), call_transaction(call), id, NULL);
	call_audit(call, "user", id, json_pack("{s:s}", "email", user->email));
	return TRUE;
}

#define USERADM "/api/management/v1/useradm"
enum { BODY_MAX = 64 * 1024 };

const Route user_routes[] = {
	{ HTTP_POST, USERADM "/auth/login", CALLER_ANYONE, NULL, RUN_READ, NULL, BODY_MAX, NULL,
		login },
	{ HTTP_POST, USERADM "/auth/logout", CALLER_USER, "self", RUN_WRITE, NULL, 0, NULL,
		logout },
	{ HTTP_GET, USERADM "/users", CALLER_USER, "users.read", RUN_READ, NULL, 0, NULL,
		list_users },
	{ HTTP_POST, USERADM "/users", CALLER_USER, "users.write", RUN_WORKER, "create", BODY_MAX,
		&new_user_record, hash_new_user },
	{ HTTP_GET, USERADM "/users/me", CALLER_USER, "self", RUN_READ, NULL, 0, NULL, get_me },
	{ HTTP_PUT, USERADM "/users/me", CALLER_USER, "self", RUN_READ, "update", BODY_MAX,
		&changed_user_record, put_me },
	{ HTTP_PUT, "/api/management/v2/useradm/users/me", CALLER_USER, "self", RUN_READ, "update",
		BODY_MAX, &changed_user_record, put_me },
	{ HTTP_GET, USERADM "/users/{id}", CALLER_USER, "users.read", RUN_READ, NULL, 0, NULL,
		get_user },
	{ HTTP_PUT, USERADM "/users/{id}", CALLER_USER, "users.write", RUN_READ, "update", BODY_MAX,
		&changed_user_record, put_user },
	{ HTTP_DELETE, USERADM "/users/{id}", CALLER_USER, "users.write", RUN_WRITE, "delete", 0,
		NULL, delete_user },
	{ 0 },
};
