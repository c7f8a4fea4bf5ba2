/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/run-program.h"
#include <gio/gio.h>
#include "base/error.h"

typedef struct {
	const char *name;
	GSubprocess *process;
	GMainLoop *loop;
	gboolean timed_out;
	char *output;
	GError *failure;
} Run;

static gboolean on_deadline(gpointer data)
{
	Run *run = data;

	run->timed_out = TRUE;
	g_subprocess_force_exit(run->process);
	return G_SOURCE_REMOVE;
}

static void on_end(GObject *source, GAsyncResult *result, gpointer data)
{
	Run *run = data;

	g_subprocess_communicate_utf8_finish(
		run->process, result, &run->output, NULL, &run->failure);
	g_main_loop_quit(run->loop);
}

static gboolean judge(Run *run, guint deadline_s, GError **error)
{
	if (run->timed_out)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT,
			"%s: not done after %u seconds", run->name, deadline_s);
	else if (run->failure)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "%s: %s", run->name,
			run->failure->message);
	else if (!g_subprocess_get_successful(run->process))
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "%s failed", run->name);
	else
		return TRUE;
	return FALSE;
}

gboolean run_program(const char *const *words, guint deadline_s, char **ret_output, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(GSubprocess) process =
		g_subprocess_newv(words, G_SUBPROCESS_FLAGS_STDOUT_PIPE, &failure);

	if (!process) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "%s", failure->message);
		return FALSE;
	}
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
	g_autofree char *name = g_strjoinv(" ", (char **)(guintptr)words);
	Run run = { name, process, loop, FALSE, NULL, NULL };
	guint timer = g_timeout_add_seconds(deadline_s, on_deadline, &run);
	g_subprocess_communicate_utf8_async(process, NULL, NULL, on_end, &run);
	g_main_loop_run(loop);
	if (!run.timed_out)
		g_source_remove(timer);
	gboolean good = judge(&run, deadline_s, error);
	g_clear_error(&run.failure);
	if (good && ret_output)
		*ret_output = g_strchomp(g_steal_pointer(&run.output));
	g_free(run.output);
	return good;
}
