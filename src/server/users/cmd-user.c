/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "crypto/password.h"
#include "server/audit/audit.h"
#include "server/tenants/tenants.h"
#include "server/users/users.h"
#include "server/verb-options.h"

/* user create: the way the first user comes about; there is none over HTTP. */

const Option user_create_options[] = {
	COMMON_OPTIONS(UserCreateOptions),
	{ "email", 0, OPTION_TEXT, G_STRUCT_OFFSET(UserCreateOptions, email), "ADDRESS",
		"the user's e-mail address", NULL },
	{ "password-file", 0, OPTION_TEXT, G_STRUCT_OFFSET(UserCreateOptions, password_file),
		"FILE", "a file whose first line is the password", NULL },
	{ "role", 0, OPTION_TEXT, G_STRUCT_OFFSET(UserCreateOptions, role), "NAME",
		"what the user may do", "RBAC_ROLE_PERMIT_ALL" },
	{ "tenant", 0, OPTION_TEXT, G_STRUCT_OFFSET(UserCreateOptions, tenant), "NAME",
		"the tenant", TENANT_DEFAULT_NAME },
	{ 0 },
};

enum { PASSWORD_FILE_MAX = 4096 };

static char *read_password(const char *path, GError **error)
{
	g_autoptr(GBytes) bytes = file_read(path, PASSWORD_FILE_MAX, error);
	gsize size;
	const char *text;
	char *password;

	if (!bytes)
		return NULL;
	text = g_bytes_get_data(bytes, &size);
	password = g_strndup(text, size);
	password[strcspn(password, "\r\n")] = '\0';
	return password;
}

typedef struct {
	User user;
	const char *tenant_name;
} NewUser;

static gboolean record(Transaction *transaction, const User *user, GError **error)
{
	g_autoptr(json_t) details = json_pack("{s:s}", "email", user->email);
	AuditEntry entry = {
		.tenant = user->tenant,
		.actor_type = "system",
		.actor_id = "command line",
		.action = "create",
		.object_type = "user",
		.object_id = user->id,
		.details = details,
		.time_us = clock_now_us(),
	};

	return audit_write(transaction, &entry, error);
}

static gboolean store_user(Transaction *transaction, gpointer data, GError **error)
{
	NewUser *new_user = data;

	g_free(new_user->user.tenant);
	new_user->user.tenant = tenant_find(transaction, new_user->tenant_name, error);
	return new_user->user.tenant && user_insert(transaction, &new_user->user, error) &&
	       record(transaction, &new_user->user, error);
}

/* Every check before the slow hash. */
static gboolean fill(User *user, const UserCreateOptions *options, GError **error)
{
	g_autofree char *password = NULL;

	if (!options->email || !options->password_file) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"--email and --password-file are needed");
		return FALSE;
	}
	user->email = user_normal_email(options->email, error);
	password = user->email ? read_password(options->password_file, error) : NULL;
	if (!password || !user_check_password(password, user->email, error))
		return FALSE;
	user->roles = g_new0(char *, 2);
	user->roles[0] = g_strdup(options->role);
	if (!roles_check(user->roles, error))
		return FALSE;
	user->password_hash = password_hash(password, error);
	explicit_bzero(password, strlen(password));
	return user->password_hash != NULL;
}

static gboolean create(const UserCreateOptions *options, User *user, GError **error)
{
	g_autoptr(Database) database = NULL;
	NewUser new_user = { .tenant_name = options->tenant };
	gboolean ok;

	if (!fill(user, options, error))
		return FALSE;
	database = verb_open_store(&options->common, error);
	if (!database)
		return FALSE;
	new_user.user = *user;
	ok = database_write_wait(database, store_user, &new_user, error);
	*user = new_user.user;
	return ok;
}

int cmd_user_create(gconstpointer options_data, char **operands, gconstpointer global_options)
{
	const UserCreateOptions *options = options_data;
	g_autoptr(User) user = g_new0(User, 1);
	g_autoptr(GError) error = NULL;

	if (!create(options, user, &error))
		return verb_failed("user create", error);
	printf("%s\n", user->id);
	return 0;
}
