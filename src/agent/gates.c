/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gates.h"
#include "agent/process.h"
#include <string.h>
#include <unistd.h>

typedef struct {
	const char *name;
	char *(*ask)(const Update *update, const char *step); /* as gates_ask() */
} Gate;

/* --- Programs --- */

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* As run-parts does: what editors and packagers leave behind is no gate. */
static gboolean is_gate_name(const char *name)
{
	for (const char *at = name; *at != '\0'; at++)
		if (!g_ascii_isalnum(*at) && *at != '-' && *at != '_')
			return FALSE;
	return *name != '\0';
}

/* (transfer full)(nullable): NULL where there is a folder that cannot be listed. */
static GPtrArray *list_programs(const char *folder)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(GDir) directory = g_dir_open(folder, 0, &failure);
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	if (directory == NULL && !g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
		g_ptr_array_unref(names);
		return NULL;
	}
	while (directory != NULL && names->len < GATES_MAX &&
		(name = g_dir_read_name(directory)) != NULL)
		if (is_gate_name(name))
			g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare_names);
	return names;
}

/* (transfer full): "NAME: the first line it printed". */
static char *reason_of(const char *name, int status, const char *output)
{
	g_autofree char *cut = g_strndup(output, GATE_REASON_MAX);
	g_autofree char *valid = g_utf8_make_valid(cut, -1);

	valid[strcspn(valid, "\r\n")] = '\0';
	if (status != GATE_STATUS_CLOSED)
		return g_strdup_printf("%s: exited with %d, which says nothing", name, status);
	return g_strdup_printf("%s: %s", name, *valid != '\0' ? valid : "not now");
}

static char *ask_program(const Update *update, const char *name, const char *step)
{
	const UpdateRecord *record = update->record;
	g_autofree char *path = g_build_filename(update->agent->paths->gates, name, NULL);
	const char *arguments[] = { path, step, record->id != NULL ? record->id : "",
		record->artifact.name != NULL ? record->artifact.name : "", NULL };
	ProcessPlan plan = {
		.arguments = arguments,
		.name = name,
		.timeout_s = GATE_PROGRAM_TIMEOUT_S,
		.keep_output = TRUE,
	};
	g_autofree char *output = NULL;
	g_autoptr(GError) failure = NULL;
	int status = 0;

	if (!process_run(&plan, &status, &output, &failure))
		return g_strdup(failure->message);
	return status == 0 ? NULL : reason_of(name, status, output);
}

static char *ask_programs(const Update *update, const char *step)
{
	g_autoptr(GPtrArray) names = list_programs(update->agent->paths->gates);

	if (names == NULL)
		return g_strdup_printf("%s cannot be listed", update->agent->paths->gates);
	for (guint i = 0; i < names->len; i++) {
		char *reason = ask_program(update, names->pdata[i], step);

		if (reason != NULL)
			return reason;
	}
	return NULL;
}

/* --- All of them --- */

static const Gate gates[] = {
	{ "programs", ask_programs },
};

char *gates_ask(const Update *update, const char *step)
{
	for (gsize i = 0; i < G_N_ELEMENTS(gates); i++) {
		char *reason = gates[i].ask(update, step);

		if (reason != NULL)
			return reason;
	}
	return NULL;
}
