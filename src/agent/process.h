/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Programs the agent runs: modules, scripts, identity, inventory, reboot.
 *
 * Each runs in a process group of its own with a deadline; past it, or when the agent is asked to
 * stop, the whole group gets SIGTERM and, after a grace time, SIGKILL. What it says is logged line
 * by line or kept, up to a named maximum. */
typedef struct Process Process;

enum {
	PROCESS_OUTPUT_MAX = 1024 * 1024, /* of what is kept */
	PROCESS_LINE_MAX = 16 * 1024,     /* longer lines are logged in pieces */
	PROCESS_GRACE_S = 10,             /* between SIGTERM and SIGKILL */
};

typedef struct {
	const char *const *arguments; /* the first is the program, a path */
	const char *folder;           /* (nullable): working folder */
	const char *name;             /* for messages: "module single-file: ArtifactInstall" */
	gint64 timeout_s;
	gboolean keep_output; /* keep standard output instead of logging it */
	gboolean drop_errors; /* standard error is not logged */
} ProcessPlan;

typedef enum {
	PROCESS_READY, /* the descriptor that was waited for is ready */
	PROCESS_QUIET, /* nothing happened within the time */
	PROCESS_ENDED,
	PROCESS_FAILED, /* deadline or stop: it was ended, @error is set */
} ProcessEvent;

Process *process_start(const ProcessPlan *plan, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * process_wait:
 * @fd: beside the process waits for @events on it; -1 = none
 * @wait_ms: at most; -1 = until something happens
 */
ProcessEvent process_wait(Process *process, int fd, short events, int wait_ms,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Waits for its end; exit statuses other than 0 are no error here. */
gboolean process_finish(
	Process *process, int *ret_status, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): what it printed, with keep_output. */
char *process_take_output(Process *process);

/* Ends it and its group, if it still runs: SIGTERM, and SIGKILL after the grace time. */
void process_end(Process *process);

void process_free(Process *process);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Process, process_free)

/* All of the above at once: runs @plan to its end. @ret_output: (nullable) (transfer full). */
gboolean process_run(const ProcessPlan *plan, int *ret_status, char **ret_output,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
