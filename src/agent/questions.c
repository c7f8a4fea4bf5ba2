/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/questions.h"
#include "agent/process.h"
#include <string.h>
#include <unistd.h>

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* As run-parts does: what editors and packagers leave behind is none of them. */
static gboolean is_plain_name(const char *name)
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
	while (directory != NULL && names->len < QUESTIONS_MAX &&
		(name = g_dir_read_name(directory)) != NULL)
		if (is_plain_name(name))
			g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare_names);
	return names;
}

/* (transfer full): "NAME: the first line it printed". */
static char *reason_of(const char *name, int status, const char *output)
{
	g_autofree char *cut = g_strndup(output, QUESTION_REASON_MAX);
	g_autofree char *valid = g_utf8_make_valid(cut, -1);

	valid[strcspn(valid, "\r\n")] = '\0';
	if (status != QUESTION_STATUS_NO)
		return g_strdup_printf("%s: exited with %d, which says nothing", name, status);
	return g_strdup_printf("%s: %s", name, *valid != '\0' ? valid : "not now");
}

static char *ask_program(
	const Update *update, const char *folder, const char *name, const char *question)
{
	const UpdateRecord *record = update->record;
	g_autofree char *path = g_build_filename(folder, name, NULL);
	const char *arguments[] = { path, question, record->id != NULL ? record->id : "",
		record->artifact.name != NULL ? record->artifact.name : "", NULL };
	ProcessPlan plan = {
		.arguments = arguments,
		.name = name,
		.timeout_s = QUESTION_TIMEOUT_S,
		.keep_output = TRUE,
	};
	g_autofree char *output = NULL;
	g_autoptr(GError) failure = NULL;
	int status = 0;

	if (!process_run(&plan, &status, &output, &failure))
		return g_strdup(failure->message);
	return status == 0 ? NULL : reason_of(name, status, output);
}

char *questions_ask(const Update *update, const char *folder, const char *question)
{
	g_autoptr(GPtrArray) names = list_programs(folder);

	if (names == NULL)
		return g_strdup_printf("%s cannot be listed", folder);
	for (guint i = 0; i < names->len; i++) {
		char *reason = ask_program(update, folder, names->pdata[i], question);

		if (reason != NULL)
			return reason;
	}
	return NULL;
}
