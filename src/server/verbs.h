/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/options.h"
#include "server/app-run.h"

/* The verbs of rota-server: one cmd-NOUN.c each. */

/* Every verb's options begin with these: which installation is meant. */
typedef struct {
	char *data, *config, *database;
} CommonOptions;

#define COMMON_OPTIONS(type)                                                                       \
	{ "data", 0, OPTION_TEXT, G_STRUCT_OFFSET(type, common.data), "DIR",                       \
		"the server's data folder", "/var/lib/rota-server" },                              \
		{ "config", 0, OPTION_TEXT, G_STRUCT_OFFSET(type, common.config), "FILE",          \
			"the settings file, if not DIR/rota-server.conf", NULL },                  \
	{                                                                                          \
		"database", 0, OPTION_TEXT, G_STRUCT_OFFSET(type, common.database), "URL",         \
			"sqlite:FILE or postgresql://..., if not the setting's", NULL              \
	}

extern const Option serve_options[], user_create_options[], tenant_create_options[],
	tenant_token_options[], tenant_limit_options[], migrate_options[], check_options[],
	routes_options[];

int cmd_serve(gconstpointer options, char **operands, gconstpointer global_options);
int cmd_user_create(gconstpointer options, char **operands, gconstpointer global_options);
int cmd_tenant_create(gconstpointer options, char **operands, gconstpointer global_options);
int cmd_tenant_token(gconstpointer options, char **operands, gconstpointer global_options);
int cmd_tenant_limit(gconstpointer options, char **operands, gconstpointer global_options);
int cmd_migrate(gconstpointer options, char **operands, gconstpointer global_options);
int cmd_check(gconstpointer options, char **operands, gconstpointer global_options);
int cmd_routes(gconstpointer options, char **operands, gconstpointer global_options);

extern const Verb *const server_verbs[];

/* Prints "rota-server: WHAT: message" to standard error. Returns: 1, so that a verb can end with
 * it. */
int verb_failed(const char *what, const GError *error);
/* Opens the store of an installation for a maintenance verb; its first tenant is there then.
 * (transfer full) */
Database *verb_open_store(const CommonOptions *common, GError **error) G_GNUC_WARN_UNUSED_RESULT;
