/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* A process of the agent's own programs with a socket to it: rota-agent-net, rota-agent-key. It
 * ends when its socket is closed, and is killed where it does not. */
typedef struct {
	const char *name; /* of the program; static */
	GPid pid;         /* 0 = none is running */
	int channel;      /* -1 = none */
} Child;

#define CHILD_INIT(program_name)                                                                   \
	{                                                                                          \
		.name = (program_name), .channel = -1                                              \
	}

/* The descriptor that the process finds its end of the socket at. */
enum { CHILD_CHANNEL_FD = 3, CHILD_MORE_FD = 4 };

typedef struct {
	const char *path;               /* (nullable): beside the running program */
	const char *const *environment; /* (nullable): the caller's */
	int more_fd;                    /* goes to CHILD_MORE_FD; -1 = none */
	void (*become)(gpointer data);  /* (nullable): runs between fork and exec */
	gpointer data;
} ChildStart;

gboolean child_start(
	Child *child, const ChildStart *start, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Closes the socket, waits 2 s at most, and kills it then. A crash is said in the log. Nothing
 * happens to one that is not running. */
void child_end(Child *child);
