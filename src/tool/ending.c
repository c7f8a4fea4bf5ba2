/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/ending.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "tool/artifact-tool.h"

/* Fixed places, because a signal handler may not look into memory that is being freed. */
typedef struct {
	volatile sig_atomic_t used;
	char path[PATH_MAX];
} DoomedPath;

static DoomedPath doomed[ENDING_PATHS_MAX];
static volatile sig_atomic_t pipe_broke;
static struct termios terminal_before;
static volatile sig_atomic_t terminal_changed;

void ending_remove(const char *path)
{
	if (strlen(path) >= PATH_MAX)
		return;
	for (guint i = 0; i < G_N_ELEMENTS(doomed); i++) {
		if (doomed[i].used)
			continue;
		g_strlcpy(doomed[i].path, path, sizeof doomed[i].path);
		doomed[i].used = 1;
		return;
	}
}

void ending_keep(const char *path)
{
	for (guint i = 0; i < G_N_ELEMENTS(doomed); i++)
		if (doomed[i].used && g_str_equal(doomed[i].path, path))
			doomed[i].used = 0;
}

void ending_restore_terminal(const struct termios *before)
{
	terminal_changed = 0;
	if (!before)
		return;
	terminal_before = *before;
	terminal_changed = 1;
}

/* In the background it is another program's: to touch it would stop this one. */
static void restore_terminal(void)
{
	pid_t foreground = tcgetpgrp(STDIN_FILENO);

	if (!terminal_changed || (foreground >= 0 && foreground != getpgrp()))
		return;
	tcflush(STDIN_FILENO, TCIFLUSH);
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
}

/* Only what a signal handler may call. */
static void end_interrupted(int number)
{
	static const char message[] =
		"rota-artifact: interrupted; what was being written was given up\n";

	for (guint i = 0; i < G_N_ELEMENTS(doomed); i++)
		if (doomed[i].used)
			unlink(doomed[i].path);
	restore_terminal();
	if (write(STDERR_FILENO, message, sizeof message - 1) < 0)
		_exit(128 + number);
	raise(number); /* the handler is off by now */
}

static void note_broken_pipe(int number)
{
	pipe_broke = 1;
}

static void stay(int number)
{
}

static void handle(int number, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags }, before;

	/* Whoever started us with a signal ignored, as nohup does, wants it ignored. */
	if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

/* Handlers, not SIG_IGN: what is ignored would be so in every program started from here. */
void ending_catch_signals(void)
{
	handle(SIGINT, end_interrupted, (int)SA_RESETHAND | SA_NODEFER);
	handle(SIGTERM, end_interrupted, (int)SA_RESETHAND | SA_NODEFER);
	handle(SIGHUP, end_interrupted, (int)SA_RESETHAND | SA_NODEFER);
	handle(SIGPIPE, note_broken_pipe, SA_RESTART);
	handle(SIGXFSZ, stay, SA_RESTART);
}

void ending_of_broken_pipe(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	sigaction(SIGPIPE, &action, NULL);
	raise(SIGPIPE);
	_exit(128 + SIGPIPE);
}

int ending_flush_output(int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	/* The reason may have been that of an earlier write. */
	int reason = pipe_broke ? EPIPE : errno ? errno : EIO;
	g_autofree char *message =
		g_strdup_printf("write the standard output: %s", g_strerror(reason));
	complain(STATUS_USAGE, message);
	if (reason == EPIPE)
		ending_of_broken_pipe();
	return STATUS_USAGE;
}
