/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"
#include "agent/device-key.h"
#include "base/error.h"
#include "base/file.h"
#include <string.h>

enum { DEVICE_TYPE_SIZE_MAX = 4096 };

#define DEVICE_TYPE_PREFIX "device_type="

/* One line that counts; another that is not empty means that the file is something else. */
static gboolean parse_device_type(const char *file, char *text, char **ret_type, GError **error)
{
	g_auto(GStrv) lines = g_strsplit(g_strstrip(text), "\n", -1);

	if (g_strv_length(lines) == 1 && g_str_has_prefix(lines[0], DEVICE_TYPE_PREFIX) &&
		lines[0][strlen(DEVICE_TYPE_PREFIX)] != '\0') {
		*ret_type = g_strdup(lines[0] + strlen(DEVICE_TYPE_PREFIX));
		return TRUE;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"%s: not one line " DEVICE_TYPE_PREFIX "VALUE", file);
	return FALSE;
}

static gboolean load_device_type(Agent *agent, GError **error)
{
	const char *file = agent->settings->device_type_file;
	g_autoptr(GError) failure = NULL;
	g_autofree char *text = file_read_text(file, DEVICE_TYPE_SIZE_MAX, &failure);

	if (text == NULL && g_error_matches(failure, ROTA_ERROR, ROTA_ERROR_NOT_FOUND))
		return TRUE;
	if (text == NULL) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	return parse_device_type(file, text, &agent->device_type, error);
}

/* A key that cannot be read is left out and said; where none is left nothing may be installed. */
static gboolean load_verify_keys(Agent *agent, GError **error)
{
	if (agent->settings->artifact_verify_keys == NULL)
		return TRUE;
	agent->verify_keys = g_ptr_array_new_with_free_func((GDestroyNotify)key_unref);
	for (char **file = agent->settings->artifact_verify_keys; *file != NULL; file++) {
		g_autoptr(GError) failure = NULL;
		Key *key = key_load_public(*file, NULL, &failure);

		if (key == NULL)
			g_warning("artifact verification key %s: %s", *file, failure->message);
		else
			g_ptr_array_add(agent->verify_keys, key);
	}
	if (agent->verify_keys->len > 0)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"none of the artifact verification keys can be read");
	return FALSE;
}

/* It is said until somebody has looked at it and removed the file. */
static void look_for_kept_store(Agent *agent)
{
	g_autofree char *path = g_strdup_printf("%s-broken", agent->paths->store);

	if (g_file_test(path, G_FILE_TEST_EXISTS))
		agent->store_kept_aside = g_steal_pointer(&path);
}

static gboolean open_data(Agent *agent, GError **error)
{
	if (!file_make_folders(agent->paths->data, 0700, error))
		return FALSE;
	agent->store = store_open(agent->paths->store, &agent->store_kept_aside, error);
	if (agent->store == NULL)
		return FALSE;
	if (agent->store_kept_aside != NULL)
		g_critical("the store could not be read and is kept as %s; what is installed is "
			   "not known until the next update",
			agent->store_kept_aside);
	else
		look_for_kept_store(agent);
	return TRUE;
}

Agent *agent_open(const AgentOptions *options, GError **error)
{
	g_autoptr(Agent) agent = g_new0(Agent, 1);

	agent->paths = paths_new(options->root, options->data);
	agent->settings = agent_settings_load(agent->paths, &options->files, error);
	if (agent->settings == NULL)
		return NULL;
	if (options->trusted_certificates != NULL) {
		g_free(agent->settings->server_certificate);
		agent->settings->server_certificate = g_strdup(options->trusted_certificates);
	}
	agent->force_bootstrap = options->force_bootstrap;
	if (!device_key_take_passphrase(agent, options->passphrase_file, error) ||
		!load_verify_keys(agent, error) || !load_device_type(agent, error) ||
		!open_data(agent, error))
		return NULL;
	return g_steal_pointer(&agent);
}

void agent_close(Agent *agent)
{
	if (agent == NULL)
		return;
	contact_close(agent->contact);
	activity_free(agent->activity);
	store_close(agent->store);
	agent_settings_free(agent->settings);
	paths_free(agent->paths);
	g_clear_pointer(&agent->verify_keys, g_ptr_array_unref);
	key_secret_free(agent->passphrase);
	g_free(agent->passphrase_file);
	g_free(agent->store_kept_aside);
	g_free(agent->device_type);
	g_free(agent->token);
	g_free(agent->server);
	g_free(agent->inventory_sent);
	g_free(agent);
}
