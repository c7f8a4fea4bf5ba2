/* SPDX-License-Identifier: Apache-2.0 */
#include "server/auth/permissions.h"

#include <string.h>
#include "base/error.h"
#include "base/json.h"

/* Mender's built-in roles (server-api: RBAC) against our permissions. A row is a permission, a
 * letter the role that holds it; the admin holds all of them. */

enum {
	ROLE_ADMIN = 1 << 0,
	ROLE_OBSERVER = 1 << 1,    /* reads devices and releases */
	ROLE_RELEASES = 1 << 2,    /* brings releases in, deploys nothing */
	ROLE_DEPLOYMENTS = 1 << 3, /* deploys what is there; may not take the binaries away */
	ROLE_TERMINAL = 1 << 4,
	ROLE_ANY = ROLE_ADMIN | ROLE_OBSERVER | ROLE_RELEASES | ROLE_DEPLOYMENTS | ROLE_TERMINAL,
};

static const struct {
	const char *name;
	guint mask;
} role_rows[] = {
	{ "RBAC_ROLE_PERMIT_ALL", ROLE_ADMIN },
	{ "RBAC_ROLE_OBSERVER", ROLE_OBSERVER },
	{ "RBAC_ROLE_CI", ROLE_RELEASES },
	{ "RBAC_ROLE_DEPLOYMENTS_MANAGER", ROLE_DEPLOYMENTS },
	{ "RBAC_ROLE_REMOTE_TERMINAL", ROLE_TERMINAL },
};

enum { READS_DEVICES = ROLE_ADMIN | ROLE_OBSERVER | ROLE_DEPLOYMENTS };

static const struct {
	const char *name;
	guint roles;
} permissions[] = {
	{ "self", ROLE_ANY }, /* one's own account, settings, sessions */
	{ "self.tokens", ROLE_ADMIN | ROLE_RELEASES | ROLE_DEPLOYMENTS },
	{ "settings.read", ROLE_ANY },
	{ "settings.write", ROLE_ADMIN },
	{ "users.read", ROLE_ADMIN },
	{ "users.write", ROLE_ADMIN },
	{ "tenants.read", ROLE_ANY },
	{ "audit.read", ROLE_ADMIN },
	{ "devices.read", READS_DEVICES | ROLE_TERMINAL },
	{ "devices.write", ROLE_ADMIN },
	{ "inventory.read", READS_DEVICES | ROLE_TERMINAL },
	{ "inventory.write", ROLE_ADMIN },
	{ "artifacts.read", ROLE_ADMIN | ROLE_OBSERVER | ROLE_RELEASES | ROLE_DEPLOYMENTS },
	{ "artifacts.download", ROLE_ADMIN | ROLE_OBSERVER | ROLE_RELEASES },
	{ "artifacts.upload", ROLE_ADMIN | ROLE_RELEASES },
	{ "artifacts.write", ROLE_ADMIN | ROLE_RELEASES },
	{ "deployments.read", READS_DEVICES },
	{ "deployments.write", ROLE_ADMIN | ROLE_DEPLOYMENTS },
};

G_STATIC_ASSERT(G_N_ELEMENTS(permissions) <= 64);

PermissionSet permission_bit(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(permissions); i++)
		if (g_str_equal(permissions[i].name, name))
			return (PermissionSet)1 << i;
	return 0;
}

const char *permission_name(guint index)
{
	return index < G_N_ELEMENTS(permissions) ? permissions[index].name : NULL;
}

static PermissionSet permissions_of(guint role_mask)
{
	PermissionSet set = 0;

	for (guint i = 0; i < G_N_ELEMENTS(permissions); i++)
		if (permissions[i].roles & role_mask)
			set |= (PermissionSet)1 << i;
	return set;
}

gboolean role_permissions(const char *role, PermissionSet *ret_permissions)
{
	for (guint i = 0; i < G_N_ELEMENTS(role_rows); i++) {
		if (!g_str_equal(role_rows[i].name, role))
			continue;
		*ret_permissions = permissions_of(role_rows[i].mask);
		return TRUE;
	}
	return FALSE;
}

const char *role_name(guint index)
{
	return index < G_N_ELEMENTS(role_rows) ? role_rows[index].name : NULL;
}

/* --- What a user holds: names of roles --- */

gboolean roles_check(char **roles, GError **error)
{
	PermissionSet set;

	if (g_strv_length(roles) > ROLES_MAX) {
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE, "roles: more than %d", ROLES_MAX);
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
