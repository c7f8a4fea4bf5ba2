/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "server/rows.h"
#include "server/users/users.h"

gboolean user_find_email(
	Transaction *transaction, const char *email, User **ret_user, GError **error)
{
	g_autoptr(Rows) rows =
		transaction_query(transaction, error, QUERY_USER_BY_EMAIL, DB_TEXT, email, DB_END);
	g_autoptr(User) user = g_new0(User, 1);
	gboolean found;

	*ret_user = NULL;
	if (!rows_first(rows, &found, error))
		return FALSE;
	if (!found)
		return TRUE;
	user->tenant = g_strdup(rows_text(rows, 0));
	user->id = g_strdup(rows_text(rows, 1));
	user->email = g_strdup(rows_text(rows, 2));
	user->password_hash = g_strdup(rows_text(rows, 3));
	user->roles = roles_from_text(rows_text(rows, 4), error);
	if (!user->roles)
		return FALSE;
	*ret_user = g_steal_pointer(&user);
	return TRUE;
}

User *user_find(Transaction *transaction, const char *tenant, const char *id, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(
		transaction, error, QUERY_USER_BY_ID, DB_TEXT, tenant, DB_TEXT, id, DB_END);
	g_autoptr(User) user = g_new0(User, 1);
	gboolean found;

	if (!rows_first(rows, &found, error))
		return NULL;
	if (!found) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such user");
		return NULL;
	}
	user->tenant = g_strdup(tenant);
	user->id = g_strdup(rows_text(rows, 0));
	user->email = g_strdup(rows_text(rows, 1));
	user->roles = roles_from_text(rows_text(rows, 2), error);
	user->created_us = rows_int(rows, 3);
	user->updated_us = rows_int(rows, 4);
	user->login_us = rows_int(rows, 5);
	user->password_hash = g_strdup(rows_text(rows, 6));
	user->etag = g_strdup(rows_text(rows, 7));
	return user->roles ? g_steal_pointer(&user) : NULL;
}

static gboolean refuse_taken(GError **error)
{
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
		"email: there is a user with this address");
	return FALSE;
}

gboolean user_insert(Transaction *transaction, User *user, GError **error)
{
	g_autofree char *roles = roles_to_text(user->roles);
	gint64 changed = 0;

	g_free(user->id);
	user->id = g_uuid_string_random();
	g_free(user->etag);
	user->etag = g_uuid_string_random();
	user->created_us = user->updated_us = clock_now_us();
	if (!transaction_run(transaction, &changed, error, QUERY_USER_ADD, DB_TEXT, user->tenant,
		    DB_TEXT, user->id, DB_TEXT, user->email, DB_TEXT, user->password_hash, DB_TEXT,
		    roles, DB_TEXT, user->etag, DB_INT, user->created_us, DB_END))
		return FALSE;
	return changed > 0 || refuse_taken(error);
}

gboolean user_update(Transaction *transaction, const User *user, GError **error)
{
	g_autofree char *roles = roles_to_text(user->roles);
	g_autofree char *etag = g_uuid_string_random();
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_USER_EMAIL_TAKEN,
		DB_TEXT, user->email, DB_TEXT, user->id, DB_END);
	gboolean taken;

	if (!rows_first(rows, &taken, error))
		return FALSE;
	if (taken)
		return refuse_taken(error);
	g_clear_pointer(&rows, rows_free);
	return transaction_run(transaction, NULL, error, QUERY_USER_UPDATE, DB_TEXT, user->tenant,
		DB_TEXT, user->id, DB_TEXT, user->email, DB_TEXT, user->password_hash, DB_TEXT,
		roles, DB_TEXT, etag, DB_INT, clock_now_us(), DB_END);
}
