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

gboolean roles_check(char **roles, GError **error)
{
	PermissionSet set;

	if (g_strv_length(roles) > USER_ROLES_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE, "roles: more than %d",
			USER_ROLES_MAX);
		return FALSE;
	}
	for (; *roles; roles++) {
		if (role_permissions(*roles, &set))
			continue;
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"roles: no role is named \"%.64s\"", *roles);
		return FALSE;
	}
	return TRUE;
}

PermissionSet roles_permissions(char **roles)
{
	PermissionSet all = 0;
	PermissionSet set;

	for (; *roles; roles++)
		if (role_permissions(*roles, &set))
			all |= set;
	return all;
}

char *roles_to_text(char **roles)
{
	g_autoptr(json_t) list = json_array();

	for (; *roles; roles++)
		json_array_append_new(list, json_string(*roles));
	return json_to_text(list);
}

char **roles_from_text(const char *text, GError **error)
{
	g_autoptr(json_t) list = json_parse_strict(text, strlen(text), error);
	GPtrArray *roles = g_ptr_array_new();
	json_t *role;
	size_t i;

	json_array_foreach (list, i, role)
		g_ptr_array_add(roles, g_strdup(json_string_value(role)));
	g_ptr_array_add(roles, NULL);
	if (list)
		return (char **)g_ptr_array_free(roles, FALSE);
	g_ptr_array_unref(roles);
	return NULL;
}
