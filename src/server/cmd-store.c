/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "base/json.h"
#include "server/verb-options.h"

/* migrate, check, routes. */

const Option migrate_options[] = { COMMON_OPTIONS(StoreOptions), { 0 } };
const Option check_options[] = { COMMON_OPTIONS(StoreOptions), { 0 } };
const Option routes_options[] = {
	{ "json", 0, OPTION_FLAG, G_STRUCT_OFFSET(StoreOptions, json), NULL,
		"as JSON (the only form)", NULL },
	{ 0 },
};

int cmd_migrate(gconstpointer options_data, char **operands, gconstpointer global_options)
{
	const StoreOptions *options = options_data;
	g_autoptr(GError) error = NULL;
	g_autoptr(Database) database = verb_open_store(&options->common, &error);

	if (!database)
		return verb_failed("migrate", error);
	printf("the %s store has this program's schema\n", database_engine(database));
	return 0;
}

int cmd_check(gconstpointer options_data, char **operands, gconstpointer global_options)
{
	const StoreOptions *options = options_data;
	g_autoptr(GError) error = NULL;
	g_autoptr(Database) database = verb_open_store(&options->common, &error);

	if (!database || !database_check(database, &error))
		return verb_failed("check", error);
	printf("the %s store is sound\n", database_engine(database));
	return 0;
}

static json_t *route_json(const Route *route)
{
	static const char *const callers[] = { "anyone", "device", "user" };
	static const char *const modes[] = { "loop", "read", "write", "worker", "stream" };

	return json_pack("{s:s, s:s, s:s, s:s?, s:s, s:s?, s:I}", "method",
		http_method_text(route->method), "path", route->path, "caller",
		callers[route->caller], "permission", route->permission, "mode", modes[route->mode],
		"audit", route->audit, "body_max", (json_int_t)route->body_max);
}

int cmd_routes(gconstpointer options, char **operands, gconstpointer global_options)
{
	g_autoptr(json_t) list = json_array();
	g_autofree char *text = NULL;

	for (const Route *const *table = app_route_tables; *table; table++)
		for (const Route *route = *table; route->path; route++)
			json_array_append_new(list, route_json(route));
	text = json_to_text(list);
	puts(text);
	return 0;
}
