/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/process.h"
#include "agent/signals.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
	int fd;
	gboolean keep;
	gboolean drop;
	Buffer bytes; /* all of it when kept, else the line that is being read */
} Stream;

struct Process {
	char *name;
	pid_t pid;
	int pid_fd;
	gint64 deadline_us;
	gint64 timeout_s;
	gboolean ended;
	int status; /* exit status; 128 + signal where one ended it, as shells say it */
	Stream streams[2];
};

enum {
	PIPE_SIZE = 64 * 1024,
	KILL_LIMIT_MS =
		10 * 1000, /* to end once killed: one that waits for a dead device does not */
};

static void set_nonblocking(int fd)
{
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static gboolean open_stream(
	Stream *stream, gboolean keep, gboolean drop, int *ret_far_end, GError **error)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		rota_set_errno_error(error, errno, "make a pipe");
		return FALSE;
	}
	set_nonblocking(ends[0]);
	stream->fd = ends[0];
	stream->keep = keep;
	stream->drop = drop;
	buffer_init(&stream->bytes, "what the program printed",
		keep ? PROCESS_OUTPUT_MAX : PROCESS_LINE_MAX);
	*ret_far_end = ends[1];
	return TRUE;
}

/* Own group, no blocked or ignored signals, given folder and outputs. */
static int spawn(const ProcessPlan *plan, int output, int errors, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	g_auto(GStrv) arguments = g_strdupv((char **)(gsize)plan->arguments);
	int failure;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, 1);
	posix_spawn_file_actions_adddup2(&actions, errors, 2);
	if (plan->folder != NULL)
		posix_spawn_file_actions_addchdir_np(&actions, plan->folder);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes,
		POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	failure =
		posix_spawn(ret_pid, plan->arguments[0], &actions, &attributes, arguments, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return failure;
}

static gboolean start(Process *process, const ProcessPlan *plan, GError **error)
{
	autofd int output = -1;
	autofd int errors = -1;
	int failure;

	if (!open_stream(&process->streams[0], plan->keep_output, FALSE, &output, error) ||
		!open_stream(&process->streams[1], FALSE, plan->drop_errors, &errors, error))
		return FALSE;
	failure = spawn(plan, output, errors, &process->pid);
	if (failure != 0) {
		process->pid = 0;
		rota_set_errno_error(error, failure, "run %s", plan->arguments[0]);
		return FALSE;
	}
	process->pid_fd = pidfd_open(process->pid, 0);
	if (process->pid_fd < 0) {
		rota_set_errno_error(error, errno, "watch %s", plan->arguments[0]);
		return FALSE;
	}
	return TRUE;
}

Process *process_start(const ProcessPlan *plan, GError **error)
{
	g_autoptr(Process) process = g_new0(Process, 1);

	process->name = g_strdup(plan->name);
	process->pid_fd = process->streams[0].fd = process->streams[1].fd = -1;
	process->timeout_s = plan->timeout_s;
	process->deadline_us = g_get_monotonic_time() + plan->timeout_s * G_USEC_PER_SEC;
	if (!start(process, plan, error)) {
		g_prefix_error(error, "%s: ", plan->name);
		return NULL;
	}
	return g_steal_pointer(&process);
}

static void log_line(const Process *process, const char *line, gsize size)
{
	g_autofree char *text = g_utf8_make_valid(line, (gssize)size);

	g_message("%s: %s", process->name, text);
}

static void log_lines(Process *process, Stream *stream, gboolean at_end)
{
	const char *end = NULL;

	while (stream->bytes.size > 0 &&
		(end = memchr(stream->bytes.data, '\n', stream->bytes.size)) != NULL) {
		gsize size = (gsize)(end - (const char *)stream->bytes.data);

		log_line(process, (const char *)stream->bytes.data, size);
		buffer_consume(&stream->bytes, size + 1);
	}
	/* A line that fills the buffer, and one without an end, are said as they are. */
	if (stream->bytes.size > 0 && (at_end || stream->bytes.size == PROCESS_LINE_MAX)) {
		log_line(process, (const char *)stream->bytes.data, stream->bytes.size);
		buffer_reset(&stream->bytes);
	}
}

static void take_bytes(Process *process, Stream *stream, const char *data, gsize size)
{
	if (stream->drop)
		return;
	while (size > 0) {
		gsize room = stream->bytes.size_max - stream->bytes.size;
		gsize part = MIN(size, room);

		if (part == 0) /* kept output is full: the rest is dropped, its reader sees that it
				  is cut */
			return;
		if (!buffer_append(&stream->bytes, data, part, NULL))
			return;
		if (!stream->keep)
			log_lines(process, stream, FALSE);
		data += part;
		size -= part;
	}
}

/* Reads what is there, at most what a pipe holds: one who prints without end would keep us from
 * every limit. Closes the stream at its end. */
static void drain(Process *process, Stream *stream)
{
	char data[PROCESS_LINE_MAX];

	for (gsize i = 0; i < PIPE_SIZE / sizeof(data) && stream->fd >= 0; i++) {
		gssize size = read(stream->fd, data, sizeof(data));

		if (size < 0)
			return;
		if (size == 0)
			file_close_fd(&stream->fd);
		take_bytes(process, stream, data, (gsize)size);
	}
}

static gboolean wait_for_end(const Process *process, int wait_ms)
{
	struct pollfd waited = { .fd = process->pid_fd, .events = POLLIN };

	return poll(&waited, 1, wait_ms) > 0;
}

/* Takes its status where it has ended, and else leaves it behind as killed. */
static void collect_end(Process *process)
{
	int status = SIGKILL;

	(void)wait_for_end(process, KILL_LIMIT_MS);
	if (waitpid(process->pid, &status, WNOHANG) == 0)
		g_warning("%s: is killed and yet does not end: left behind", process->name);
	process->ended = TRUE;
	process->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	/* Children it left behind may hold the pipes open: what is there now is all. */
	for (gsize i = 0; i < G_N_ELEMENTS(process->streams); i++) {
		Stream *stream = &process->streams[i];

		drain(process, stream);
		if (!stream->keep && !stream->drop)
			log_lines(process, stream, TRUE);
		file_close_fd(&stream->fd);
	}
}

void process_end(Process *process)
{
	if (process->ended || process->pid <= 0)
		return;
	kill(-process->pid, SIGTERM);
	if (!wait_for_end(process, PROCESS_GRACE_S * 1000))
		g_warning("%s: did not end on SIGTERM", process->name);
	kill(-process->pid, SIGKILL);
	collect_end(process);
}

static gboolean past_limits(Process *process, GError **error)
{
	gboolean stopped = signals_stop_asked();

	if (!stopped && g_get_monotonic_time() < process->deadline_us)
		return FALSE;
	process_end(process);
	if (stopped)
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "%s: stopped", process->name);
	else
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT,
			"%s: took longer than %" G_GINT64_FORMAT " s", process->name,
			process->timeout_s);
	return TRUE;
}

static int time_to_wait_ms(const Process *process, gint64 until_us)
{
	gint64 until = MIN(process->deadline_us, until_us);

	return (int)CLAMP((until - g_get_monotonic_time()) / 1000 + 1, 0, 3600 * 1000);
}

ProcessEvent process_wait(Process *process, int fd, short events, int wait_ms, GError **error)
{
	gint64 until_us =
		wait_ms < 0 ? G_MAXINT64 : g_get_monotonic_time() + (gint64)wait_ms * 1000;

	while (!process->ended) {
		struct pollfd waited[] = {
			{ .fd = process->pid_fd, .events = POLLIN },
			{ .fd = process->streams[0].fd, .events = POLLIN },
			{ .fd = process->streams[1].fd, .events = POLLIN },
			{ .fd = signals_fd(), .events = POLLIN },
			{ .fd = fd, .events = events },
		};

		(void)poll(waited, G_N_ELEMENTS(waited), time_to_wait_ms(process, until_us));
		if (past_limits(process, error))
			return PROCESS_FAILED;
		drain(process, &process->streams[0]);
		drain(process, &process->streams[1]);
		if (fd >= 0 && waited[4].revents != 0)
			return PROCESS_READY;
		if (waited[0].revents != 0)
			collect_end(process);
		else if (g_get_monotonic_time() >= until_us)
			return PROCESS_QUIET;
	}
	return PROCESS_ENDED;
}

gboolean process_finish(Process *process, int *ret_status, GError **error)
{
	ProcessEvent event = PROCESS_QUIET;

	while (event != PROCESS_ENDED) {
		event = process_wait(process, -1, 0, -1, error);
		if (event == PROCESS_FAILED)
			return FALSE;
	}
	*ret_status = process->status;
	return TRUE;
}

char *process_take_output(Process *process)
{
	const Buffer *bytes = &process->streams[0].bytes;

	return g_strndup(bytes->data != NULL ? (const char *)bytes->data : "", bytes->size);
}

void process_free(Process *process)
{
	if (process == NULL)
		return;
	process_end(process);
	for (gsize i = 0; i < G_N_ELEMENTS(process->streams); i++) {
		file_close_fd(&process->streams[i].fd);
		buffer_clear(&process->streams[i].bytes);
	}
	file_close_fd(&process->pid_fd);
	g_free(process->name);
	g_free(process);
}

gboolean process_run(const ProcessPlan *plan, int *ret_status, char **ret_output, GError **error)
{
	g_autoptr(Process) process = process_start(plan, error);

	if (process == NULL || !process_finish(process, ret_status, error))
		return FALSE;
	if (ret_output != NULL)
		*ret_output = process_take_output(process);
	return TRUE;
}
