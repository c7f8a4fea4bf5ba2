/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/scripts.h"
#include "agent/process.h"
#include "agent/signals.h"
#include "agent/tree-file.h"
#include "base/error.h"
#include "base/file.h"
#include <string.h>
#include <unistd.h>

enum { VERSION_SIZE_MAX = 64 };

static const char version_text[] = "3";

static const char *moment_name(ScriptMoment moment)
{
	return moment == SCRIPTS_ENTER ? "Enter" : moment == SCRIPTS_LEAVE ? "Leave" : "Error";
}

static gboolean is_of_system(const char *state)
{
	return g_str_equal(state, "Idle") || g_str_equal(state, "Sync") ||
	       g_str_equal(state, "Download");
}

/* STATE_MOMENT_NN or STATE_MOMENT_NN_text without blanks. */
static gboolean is_script_name(const char *name, const char *prefix)
{
	gsize length = strlen(prefix);

	if (!g_str_has_prefix(name, prefix) || !g_ascii_isdigit(name[length]) ||
		!g_ascii_isdigit(name[length + 1]))
		return FALSE;
	name += length + 2;
	return *name == '\0' || (*name == '_' && name[1] != '\0' && strpbrk(name, " \t\n") == NULL);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean add_script(GPtrArray *list, const char *folder, const char *name, GError **error)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);

	if (access(path, X_OK) != 0) {
		g_warning("state script %s is not executable and is skipped", path);
		return TRUE;
	}
	if (list->len == SCRIPTS_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"%s: more than %d state scripts of one kind", folder, SCRIPTS_MAX);
		return FALSE;
	}
	g_ptr_array_add(list, g_steal_pointer(&path));
	return TRUE;
}

/* (transfer full): paths in byte order of their names; a missing folder has none. A script may be
 * there to forbid the update, so a folder that cannot be listed is no empty one. */
static GPtrArray *list_scripts(const char *folder, const char *prefix, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) failure = NULL;
	g_autoptr(GDir) directory = g_dir_open(folder, 0, &failure);
	const char *name = NULL;

	if (directory == NULL && !g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_IO, "state scripts: %s", failure->message);
		return NULL;
	}
	while (directory != NULL && (name = g_dir_read_name(directory)) != NULL)
		if (is_script_name(name, prefix) && !add_script(list, folder, name, error))
			return NULL;
	g_ptr_array_sort(list, compare_names);
	return g_steal_pointer(&list);
}

static gboolean pause_before_retry(const AgentSettings *settings, const char *name, GError **error)
{
	gint64 until_us =
		g_get_monotonic_time() + settings->script_retry_interval_s * G_USEC_PER_SEC;

	if (signals_sleep(until_us))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "state script %s: stopped", name);
	return FALSE;
}

/* One script, again and again while it answers 21 and its window lasts. */
static gboolean run_script(const AgentSettings *settings, const char *path, GError **error)
{
	g_autofree char *name = g_path_get_basename(path);
	const char *arguments[] = { path, NULL };
	ProcessPlan plan = {
		.arguments = arguments,
		.name = name,
		.timeout_s = settings->script_timeout_s,
	};
	gint64 first_retry_us = 0;
	int status = SCRIPT_RETRY_STATUS;

	while (status == SCRIPT_RETRY_STATUS) {
		gint64 now_us = g_get_monotonic_time();

		if (first_retry_us != 0 &&
			now_us - first_retry_us >=
				settings->script_retry_timeout_s * G_USEC_PER_SEC) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT,
				"state script %s asked to be tried again for too long", name);
			return FALSE;
		}
		if (!process_run(&plan, &status, NULL, error))
			return FALSE;
		if (status == SCRIPT_RETRY_STATUS) {
			first_retry_us =
				first_retry_us != 0 ? first_retry_us : g_get_monotonic_time();
			if (!pause_before_retry(settings, name, error))
				return FALSE;
		}
	}
	if (status != 0)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"state script %s exited with %d", name, status);
	return status == 0;
}

/* TRUE: the failure is said and does not count. */
static gboolean passes_over(GError *failure, gboolean ignore, GError **error)
{
	if (!ignore || signals_stop_asked()) {
		g_propagate_error(error, failure);
		return FALSE;
	}
	g_warning("%s", failure->message);
	g_error_free(failure);
	return TRUE;
}

gboolean scripts_run(const Paths *paths, const AgentSettings *settings, const char *state,
	ScriptMoment moment, GError **error)
{
	g_autofree char *prefix = g_strdup_printf("%s_%s_", state, moment_name(moment));
	gboolean ignore = moment == SCRIPTS_ERROR || g_str_equal(state, "Idle");
	GError *failure = NULL;
	g_autoptr(GPtrArray) list =
		list_scripts(is_of_system(state) ? paths->system_scripts : paths->artifact_scripts,
			prefix, &failure);

	if (list == NULL)
		return passes_over(failure, ignore, error);
	for (guint i = 0; i < list->len; i++)
		if (!run_script(settings, list->pdata[i], &failure) &&
			!passes_over(g_steal_pointer(&failure), ignore, error))
			return FALSE;
	return TRUE;
}

gboolean scripts_unpack(const Paths *paths, const ArtifactHeader *header, GError **error)
{
	const char *folder = paths->artifact_scripts;

	if (!file_remove_tree(folder, error) || !file_make_folders(folder, 0700, error))
		return FALSE;
	for (guint i = 0; i < header->scripts->len; i++) {
		const ArtifactScript *script = header->scripts->pdata[i];

		/* The reader let only Artifact* names through; a path must not get here in any
		 * case. */
		if (strchr(script->name, '/') != NULL ||
			!g_str_has_prefix(script->name, "Artifact")) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
				"state script %s: not a name for a script of an artifact",
				script->name);
			return FALSE;
		}
		if (!tree_file_write(folder, script->name, g_bytes_get_data(script->bytes, NULL),
			    g_bytes_get_size(script->bytes), 0755, error))
			return FALSE;
	}
	return tree_file_write(folder, "version", version_text, strlen(version_text), 0644, error);
}

static gboolean check_version(const char *folder, GError **error)
{
	g_autofree char *path = g_build_filename(folder, "version", NULL);
	g_autoptr(GError) failure = NULL;
	g_autofree char *text = file_read_text(path, VERSION_SIZE_MAX, &failure);

	if (text == NULL && g_error_matches(failure, ROTA_ERROR, ROTA_ERROR_NOT_FOUND))
		return TRUE;
	if (text == NULL) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	if (g_str_equal(g_strstrip(text), version_text))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
		"%s: state scripts of another version than %s", path, version_text);
	return FALSE;
}

gboolean scripts_check_versions(const Paths *paths, GError **error)
{
	return check_version(paths->system_scripts, error) &&
	       check_version(paths->artifact_scripts, error);
}
