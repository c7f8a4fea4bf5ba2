/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* What a user may do: permissions stand in the rows of the route tables, roles are sets of them.
 * Deny by default: a permission no role of the user holds is refused. */

typedef guint64 PermissionSet; /* one bit a permission */

/* The permission's bit; 0 for a name that is not in the table. */
PermissionSet permission_bit(const char *name) G_GNUC_WARN_UNUSED_RESULT;
/* NULL past the last one. */
const char *permission_name(guint index);

/* FALSE for a role that does not exist. */
gboolean role_permissions(
	const char *role, PermissionSet *ret_permissions) G_GNUC_WARN_UNUSED_RESULT;
/* NULL past the last one. */
const char *role_name(guint index);

/* --- What a user holds: NULL-terminated names of roles --- */
enum { ROLES_MAX = 16 };

/* ROTA_ERROR_UNPROCESSABLE for a role that does not exist. */
gboolean roles_check(char **roles, GError **error) G_GNUC_WARN_UNUSED_RESULT;
PermissionSet roles_permissions(char **roles);
char *roles_to_text(char **roles); /* (transfer full): as the store keeps them */
char **roles_from_text(
	const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT; /* (transfer full) */
