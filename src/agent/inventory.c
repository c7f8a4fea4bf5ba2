/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/inventory.h"
#include "agent/activity.h"
#include "agent/identity.h"
#include "agent/last-update.h"
#include "agent/process.h"
#include "agent/software.h"
#include "base/error.h"
#include "base/json.h"
#include <string.h>
#include <unistd.h>

#define PROGRAM_PREFIX "mender-inventory-"

enum { PROGRAMS_MAX = 1000, PROGRAM_TIMEOUT_S = 300 };

static int compare_texts(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *list_programs(const char *folder)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) directory = g_dir_open(folder, 0, NULL);
	const char *name = NULL;

	while (directory != NULL && list->len < PROGRAMS_MAX &&
		(name = g_dir_read_name(directory)) != NULL) {
		g_autofree char *path = g_build_filename(folder, name, NULL);

		if (g_str_has_prefix(name, PROGRAM_PREFIX) &&
			g_file_test(path, G_FILE_TEST_IS_REGULAR) && access(path, X_OK) == 0)
			g_ptr_array_add(list, g_steal_pointer(&path));
		else
			g_warning("inventory: %s is no executable %s*", path, PROGRAM_PREFIX);
	}
	g_ptr_array_sort(list, compare_texts);
	return list;
}

static gboolean run_program(const char *path, json_t *values, GError **error)
{
	g_autofree char *name = g_path_get_basename(path);
	const char *arguments[] = { path, NULL };
	ProcessPlan plan = {
		.arguments = arguments,
		.name = name,
		.timeout_s = PROGRAM_TIMEOUT_S,
		.keep_output = TRUE,
		.drop_errors = TRUE,
	};
	g_autofree char *output = NULL;
	int status = 0;

	if (!process_run(&plan, &status, &output, error))
		return FALSE;
	if (status == 0)
		return identity_add_lines(values, name, output, error);
	g_set_error(
		error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE, "%s: exited with %d", name, status);
	return FALSE;
}

/* What a program said of the same goes before what the agent knows. */
static void add_own(json_t *values, const char *name, const char *value)
{
	if (value != NULL && json_object_get(values, name) == NULL)
		json_object_set_new(values, name, json_string(value));
}

/* The agent's own group: what it runs, how the last update ended, and why one that is under way
 * waits. */
static void add_agent(const Agent *agent, json_t *values)
{
	g_autoptr(json_t) last = last_update_load(agent->store);
	static const char *const members[][2] = {
		{ "rota_agent_last_deployment", "deployment" },
		{ "rota_agent_last_artifact", "artifact" },
		{ "rota_agent_last_result", "result" },
		{ "rota_agent_last_reason", "reason" },
		{ "rota_agent_last_update_at", "at" },
	};

	add_own(values, "rota_agent_version", ROTA_VERSION);
	add_own(values, "rota_agent_waits_for", activity_waits_for(agent->activity));
	for (gsize i = 0; i < G_N_ELEMENTS(members); i++)
		add_own(values, members[i][0],
			json_string_value(json_object_get(last, members[i][1])));
}

static gboolean add_known(const Agent *agent, json_t *values, GError **error)
{
	g_auto(Software) software = { 0 };
	g_autoptr(GHashTable) provides = NULL;
	GHashTableIter iterator;
	gpointer key, value;

	if (!software_load(agent->store, &software, error))
		return FALSE;
	provides = software_all_provides(agent, &software);
	g_hash_table_iter_init(&iterator, provides);
	while (g_hash_table_iter_next(&iterator, &key, &value))
		add_own(values, key, value);
	add_own(values, "mender_client_version", ROTA_VERSION);
	add_own(values, "mender_client_version_provider", "internal");
	add_own(values, "rota_store_kept_aside", agent->store_kept_aside);
	add_agent(agent, values);
	return TRUE;
}

static json_t *to_list(json_t *values)
{
	json_t *list = json_array();
	g_autofree const char **names = g_new0(const char *, json_object_size(values) + 1);
	const char *name = NULL;
	json_t *value = NULL;
	gsize count = 0;

	json_object_foreach (values, name, value)
		names[count++] = name;
	qsort(names, count, sizeof(*names), compare_texts);
	for (gsize i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:O}", "name", names[i], "value",
						    json_object_get(values, names[i])));
	return list;
}

char *inventory_read(const Agent *agent, GError **error)
{
	g_autoptr(GPtrArray) programs = list_programs(agent->paths->inventory);
	g_autoptr(json_t) values = json_object();
	g_autoptr(json_t) list = NULL;
	guint failed = 0;

	for (guint i = 0; i < programs->len; i++) {
		g_autoptr(GError) failure = NULL;

		if (run_program(programs->pdata[i], values, &failure))
			continue;
		g_warning("inventory: %s", failure->message);
		failed++;
	}
	if (failed > 0 && failed == programs->len) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"all %u inventory programs failed", failed);
		return NULL;
	}
	if (!add_known(agent, values, error))
		return NULL;
	list = to_list(values);
	return json_to_text(list);
}
