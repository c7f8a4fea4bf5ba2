/* SPDX-License-Identifier: Apache-2.0 */
#include "server/verbs.h"

#include <stdio.h>
#include "base/log.h"
#include "server/verb-options.h"

const Verb *const server_verbs[] = {
	&(const Verb){ .name = "serve",
		.help = "serve the API",
		.options = serve_options,
		.options_size = sizeof(ServeOptions),
		.run = cmd_serve },
	&(const Verb){ .name = "user create",
		.help = "make a user who may log in",
		.options = user_create_options,
		.options_size = sizeof(UserCreateOptions),
		.run = cmd_user_create },
	&(const Verb){ .name = "tenant create",
		.help = "make a tenant; its token is printed",
		.options = tenant_create_options,
		.options_size = sizeof(TenantOptions),
		.run = cmd_tenant_create },
	&(const Verb){ .name = "tenant token",
		.help = "print the token that devices show to join a tenant",
		.options = tenant_token_options,
		.options_size = sizeof(TenantOptions),
		.run = cmd_tenant_token },
	&(const Verb){ .name = "tenant limit",
		.help = "set how many devices of a tenant may be accepted",
		.options = tenant_limit_options,
		.options_size = sizeof(TenantOptions),
		.run = cmd_tenant_limit },
	&(const Verb){ .name = "migrate",
		.help = "bring the store to this program's schema",
		.options = migrate_options,
		.options_size = sizeof(StoreOptions),
		.run = cmd_migrate },
	&(const Verb){ .name = "check",
		.help = "check the store's integrity",
		.options = check_options,
		.options_size = sizeof(StoreOptions),
		.run = cmd_check },
	&(const Verb){ .name = "routes",
		.help = "print what is served, as JSON",
		.options = routes_options,
		.options_size = sizeof(StoreOptions),
		.run = cmd_routes },
	NULL,
};

int verb_failed(const char *what, const GError *error)
{
	fprintf(stderr, "rota-server: %s: %s\n", what, error->message);
	return 1;
}

Database *verb_open_store(const CommonOptions *common, GError **error)
{
	AppPlaces places = {
		.folder = common->data, .config = common->config, .database = common->database
	};
	Settings settings = { 0 };
	Database *database;

	log_setup(LOG_FORMAT_TEXT, G_LOG_LEVEL_WARNING);
	if (!server_settings_load(common->config, common->data, &settings, error))
		return NULL;
	database = app_open_store(&places, &settings, error);
	server_settings_clear(&settings);
	return database;
}
