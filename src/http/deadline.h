/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <uv.h>

/* Deadlines of connections: at most one each, two pointers and a time, nothing else.
 *
 * All deadlines of one kind last equally long, so each kind is a list in order of expiry: setting
 * one is an append, and one timer of the loop waits for the first of all lists. */
typedef enum {
	HTTP_DEADLINE_HANDSHAKE,
	HTTP_DEADLINE_HEAD,
	HTTP_DEADLINE_REST, /* nothing to do for a moment: what is kept for speed goes, then IDLE */
	HTTP_DEADLINE_IDLE,
	HTTP_DEADLINE_BODY, /* the next look at how much of a body has come */
	HTTP_DEADLINE_WRITE,
	HTTP_DEADLINE_LINGER,
	HTTP_N_DEADLINES,
} HttpDeadlineKind;

typedef struct HttpDeadline HttpDeadline;
struct HttpDeadline {
	HttpDeadline *previous, *next; /* NULL while not set */
	guint64 at_ms;
	HttpDeadlineKind kind;
};

/* Called on the loop; the deadline is not set any more. */
typedef void (*HttpDeadlinePassed)(HttpDeadline *deadline, HttpDeadlineKind kind);

typedef struct {
	uv_timer_t timer;
	guint64 timer_at_ms; /* 0: not running */
	guint timeouts_ms[HTTP_N_DEADLINES];
	HttpDeadline lists[HTTP_N_DEADLINES]; /* list heads */
	HttpDeadlinePassed passed;
} HttpDeadlines;

void http_deadlines_init(HttpDeadlines *deadlines, uv_loop_t *loop, HttpDeadlinePassed passed);

/* Sets it, or sets it anew. */
void http_deadline_set(HttpDeadlines *deadlines, HttpDeadline *deadline, HttpDeadlineKind kind);
void http_deadline_clear(HttpDeadline *deadline);
gboolean http_deadline_is_set(const HttpDeadline *deadline, HttpDeadlineKind kind);

/* The one of @kind that has waited longest, or NULL. */
HttpDeadline *http_deadlines_oldest(HttpDeadlines *deadlines, HttpDeadlineKind kind);
