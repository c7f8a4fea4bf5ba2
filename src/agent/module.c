/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/module-private.h"
#include "agent/tree-file.h"
#include "base/error.h"
#include "base/file.h"
#include <string.h>
#include <unistd.h>

Module *module_new(const Paths *paths, const AgentSettings *settings, const char *type, guint index)
{
	Module *module = g_new0(Module, 1);
	g_autofree char *folder = g_strdup_printf("%04u", index);

	module->paths = paths;
	module->settings = settings;
	module->type = g_strdup(type);
	module->index = index;
	module->tree = g_build_filename(paths->payloads, folder, "tree", NULL);
	return module;
}

char *module_call_name(const Module *module, const char *state)
{
	return g_strdup_printf("module %s: %s", module->type, state);
}

char *module_find_program(const Module *module, GError **error)
{
	if (*module->type == '\0' || *module->type == '.' || strchr(module->type, '/') != NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"payload type %s: not the name of a module", module->type);
		return NULL;
	}
	for (char *const *folder = module->paths->module_folders; *folder != NULL; folder++) {
		g_autofree char *path = g_build_filename(*folder, module->type, NULL);

		if (g_file_test(path, G_FILE_TEST_IS_REGULAR) && access(path, X_OK) == 0)
			return g_steal_pointer(&path);
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "update module not found: %s",
		module->type);
	return NULL;
}

gboolean module_is_there(const Module *module, GError **error)
{
	g_autofree char *program = module_find_program(module, error);

	return program != NULL;
}

/* --- The tree --- */

static gboolean write_bytes(const Module *module, const char *name, GBytes *bytes, GError **error)
{
	gsize size = 0;
	gconstpointer data = bytes != NULL ? g_bytes_get_data(bytes, &size) : NULL;

	return tree_file_write(module->tree, name, data, size, 0600, error);
}

static gboolean make_folder(const Module *module, const char *name, GError **error)
{
	g_autofree char *path = g_build_filename(module->tree, name, NULL);

	return file_make_folders(path, 0700, error);
}

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

gboolean module_prepare(
	Module *module, const ArtifactHeader *header, const ModuleDevice *device, GError **error)
{
	const ArtifactPayload *payload = header->payloads->pdata[module->index];
	const struct {
		const char *name;
		const char *text;
	} texts[] = {
		{ "version", "3" },
		{ "current_artifact_name", or_empty(device->artifact_name) },
		{ "current_artifact_group", or_empty(device->artifact_group) },
		{ "current_device_type", or_empty(device->device_type) },
		{ "header/artifact_name", header->name },
		{ "header/artifact_group", or_empty(header->group) },
		{ "header/payload_type", module->type },
	};

	if (!module_remove_tree(module, error) || !make_folder(module, "header", error) ||
		!make_folder(module, "tmp", error) || !make_folder(module, "files", error))
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		if (!tree_file_write(module->tree, texts[i].name, texts[i].text,
			    strlen(texts[i].text), 0600, error))
			return FALSE;
	}
	return write_bytes(module, "header/header-info", header->header_info_bytes, error) &&
	       write_bytes(module, "header/type-info", payload->type_info_bytes, error) &&
	       write_bytes(module, "header/meta-data", payload->meta_data_bytes, error);
}

gboolean module_remove_tree(Module *module, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(module->tree);

	if (!g_file_test(folder, G_FILE_TEST_EXISTS))
		return TRUE;
	/* The journal will say that nothing is left: it must be so after a cut as well. */
	return file_remove_tree(folder, error) && file_sync_folder(module->paths->payloads, error);
}

/* --- Calls --- */

/* @ret_output: (nullable)(transfer full) */
static gboolean run_state(const Module *module, const char *state, const char *folder,
	char **ret_output, GError **error)
{
	g_autofree char *program = module_find_program(module, error);
	g_autofree char *name = module_call_name(module, state);
	const char *arguments[] = { program, state, module->tree, NULL };
	ProcessPlan plan = {
		.arguments = arguments,
		.folder = folder,
		.name = name,
		.timeout_s = module->settings->module_timeout_s,
		.keep_output = ret_output != NULL,
	};
	int status = 0;

	if (program == NULL || !process_run(&plan, &status, ret_output, error))
		return FALSE;
	if (status == 0)
		return TRUE;
	g_set_error(
		error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE, "%s: exited with %d", name, status);
	return FALSE;
}

gboolean module_call(Module *module, const char *state, GError **error)
{
	if (!g_file_test(module->tree, G_FILE_TEST_IS_DIR)) {
		if (g_str_equal(state, "Cleanup"))
			return TRUE;
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
			"module %s: %s: its folder %s is gone", module->type, state, module->tree);
		return FALSE;
	}
	return run_state(module, state, module->tree, NULL, error);
}

static gboolean parse_answer(const char *text, ModuleAnswer *ret_answer)
{
	static const char *const words[] = {
		[MODULE_NO] = "No",
		[MODULE_YES] = "Yes",
		[MODULE_AUTOMATIC] = "Automatic",
	};

	if (*text == '\0') {
		*ret_answer = MODULE_NO;
		return TRUE;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
		if (g_str_equal(text, words[i])) {
			*ret_answer = (ModuleAnswer)i;
			return TRUE;
		}
	}
	return FALSE;
}

gboolean module_ask(Module *module, const char *query, ModuleAnswer *ret_answer, GError **error)
{
	gboolean has_tree = g_file_test(module->tree, G_FILE_TEST_IS_DIR);
	g_autofree char *output = NULL;
	gsize length;

	if (!run_state(module, query, has_tree ? module->tree : NULL, &output, error))
		return FALSE;
	length = strlen(output);
	if (length > 0 && output[length - 1] == '\n')
		output[length - 1] = '\0';
	if (parse_answer(output, ret_answer) &&
		(*ret_answer != MODULE_AUTOMATIC || g_str_equal(query, "NeedsArtifactReboot")))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"module %s: %s: an answer that is none of the protocol's", module->type, query);
	return FALSE;
}

void module_free(Module *module)
{
	if (module == NULL)
		return;
	g_free(module->type);
	g_free(module->tree);
	g_free(module);
}
