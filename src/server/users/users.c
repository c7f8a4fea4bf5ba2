/* SPDX-License-Identifier: Apache-2.0 */
#include "server/users/users.h"

#include <string.h>
#include "base/error.h"

void user_free(User *user)
{
	if (!user)
		return;
	g_free(user->id);
	g_free(user->tenant);
	g_free(user->email);
	g_free(user->password_hash);
	g_free(user->etag);
	g_strfreev(user->roles);
	g_free(user);
}

static gboolean is_plain_text(const char *text)
{
	for (; *text; text++)
		if (!g_ascii_isgraph(*text))
			return FALSE;
	return TRUE;
}

char *user_normal_email(const char *email, GError **error)
{
	const char *at = strrchr(email, '@');

	if (strlen(email) > USER_EMAIL_MAX || !is_plain_text(email) || !at || at == email ||
		!at[1]) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID, "email: not an address");
		return NULL;
	}
	return g_ascii_strdown(email, -1);
}

gboolean user_check_password(const char *password, const char *email, GError **error)
{
	g_autofree char *lower = g_ascii_strdown(password, -1);
	g_autofree char *name = g_strndup(email, strcspn(email, "@"));
	gsize length = strlen(password);

	if (length < USER_PASSWORD_MIN || length > USER_PASSWORD_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"password: must have %d to %d characters", USER_PASSWORD_MIN,
			USER_PASSWORD_MAX);
		return FALSE;
	}
	if (g_str_equal(lower, email) ||
		(strlen(name) >= USER_PASSWORD_MIN && strstr(lower, name))) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"password: too similar to the email");
		return FALSE;
	}
	return TRUE;
}
