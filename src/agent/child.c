/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/child.h"
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <errno.h>
#include "base/error.h"

enum {
	END_LIMIT_US = 2 * G_USEC_PER_SEC, /* to end by itself */
	KILL_LIMIT_US =
		5 * G_USEC_PER_SEC, /* to end once killed; a kernel that hangs may take longer */
	END_STEP_US = 5000,
};

/* Programs that belong together stand in one folder. */
static char *program_path(const char *name)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = g_path_get_dirname(self != NULL ? self : "/usr/bin/rota-agent");

	return g_build_filename(folder, name, NULL);
}

gboolean child_start(Child *child, const ChildStart *start, GError **error)
{
	g_autofree char *beside = program_path(child->name);
	const char *arguments[] = { start->path != NULL ? start->path : beside, NULL };
	const int targets[] = { CHILD_CHANNEL_FD, CHILD_MORE_FD };
	int pair[2];
	gboolean started;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		rota_set_errno_error(error, errno, "make a socket pair");
		return FALSE;
	}
	const int sources[] = { pair[1], start->more_fd };
	started = g_spawn_async_with_pipes_and_fds("/", arguments, start->environment,
		G_SPAWN_DO_NOT_REAP_CHILD, start->become, start->data, -1, -1, -1, sources, targets,
		start->more_fd >= 0 ? 2 : 1, &child->pid, NULL, NULL, NULL, error);
	close(pair[1]);
	if (started)
		child->channel = pair[0];
	else
		close(pair[0]);
	return started;
}

/* Nobody waits for its answer any more, but a crash is a fault that has to be heard of. */
static void tell_of_crash(const char *name, int status)
{
	if (WIFSIGNALED(status))
		g_warning("%s was ended by signal %d", name, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		g_warning("%s ended with status %d", name, WEXITSTATUS(status));
}

/* FALSE: it is still there when the time is up. */
static gboolean wait_for_end(GPid pid, gint64 limit_us, int *ret_status)
{
	gint64 until_us = g_get_monotonic_time() + limit_us;

	while (waitpid(pid, ret_status, WNOHANG) == 0) {
		if (g_get_monotonic_time() > until_us)
			return FALSE;
		g_usleep(END_STEP_US);
	}
	return TRUE;
}

static void kill_process(const Child *child, int *ret_status)
{
	g_warning("%s does not end: killed", child->name);
	kill(child->pid, SIGKILL);
	if (!wait_for_end(child->pid, KILL_LIMIT_US, ret_status))
		g_warning("%s is killed and yet does not end: left behind", child->name);
}

/* Closing the socket is how it learns that it is not needed any more. */
void child_end(Child *child)
{
	int status = 0;

	if (child->channel >= 0)
		close(child->channel);
	child->channel = -1;
	if (child->pid == 0)
		return;
	if (!wait_for_end(child->pid, END_LIMIT_US, &status))
		kill_process(child, &status);
	tell_of_crash(child->name, status);
	child->pid = 0;
}
