/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/call.h"
#include "server/auth/permissions.h"

/* Users: who may log in, what they may do, their tokens and their settings (server-api.md section
 * 2). */

extern const Route user_routes[];
extern const Route user_settings_routes[];
extern const Route user_token_routes[];

enum {
	USER_EMAIL_MAX = 256,
	USER_PASSWORD_MIN = 8,
	USER_PASSWORD_MAX = 256,
	USER_SESSIONS_MAX = 10, /* log-ins at a time; the oldest goes */
	USER_ACCESS_TOKENS_MAX = 10,
	USER_TOKEN_LIFE_MAX_S = 365 * 24 * 3600,
	USER_SETTINGS_MAX = 1024, /* keys */
	USER_SETTING_NAME_MAX = 128,
	USER_SETTING_TEXT_MAX = 4096,
};

typedef struct {
	char *id, *tenant, *email, *password_hash, *etag;
	char **roles;
	gint64 created_us, updated_us;
	gint64 login_us; /* 0 = never */
} User;

void user_free(User *user);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(User, user_free)

/* --- Rules (users.c) --- */
/* (transfer full): lower case; ROTA_ERROR_INVALID for what is no address. */
char *user_normal_email(const char *email, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* ROTA_ERROR_UNPROCESSABLE where it is too short, too long or too much like the e-mail. */
gboolean user_check_password(
	const char *password, const char *email, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- Store (store.c) --- */
/* (transfer full): FALSE with @error when it failed; *@ret_user NULL: there is none. */
gboolean user_find_email(Transaction *transaction, const char *email, User **ret_user,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* NULL: ROTA_ERROR_NOT_FOUND, or it failed. */
User *user_find(Transaction *transaction, const char *tenant, const char *id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Gives it an id. ROTA_ERROR_UNPROCESSABLE where the e-mail is taken. */
gboolean user_insert(
	Transaction *transaction, User *user, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean user_update(
	Transaction *transaction, const User *user, GError **error) G_GNUC_WARN_UNUSED_RESULT;
