/* SPDX-License-Identifier: Apache-2.0 */
#include "http/deadline.h"

static guint64 now_ms(const HttpDeadlines *deadlines)
{
	return uv_now(deadlines->timer.loop);
}

static gboolean is_empty(const HttpDeadline *list)
{
	return list->next == list;
}

static void on_timer(uv_timer_t *timer);

static void wait_until(HttpDeadlines *deadlines, guint64 at_ms)
{
	guint64 now = now_ms(deadlines);

	deadlines->timer_at_ms = at_ms;
	uv_timer_start(&deadlines->timer, on_timer, at_ms > now ? at_ms - now : 0, 0);
}

static void wait_for_first(HttpDeadlines *deadlines)
{
	guint64 first = G_MAXUINT64;

	for (guint kind = 0; kind < HTTP_N_DEADLINES; kind++) {
		if (!is_empty(&deadlines->lists[kind]))
			first = MIN(first, deadlines->lists[kind].next->at_ms);
	}
	deadlines->timer_at_ms = 0;
	if (first != G_MAXUINT64)
		wait_until(deadlines, first);
}

static void on_timer(uv_timer_t *timer)
{
	HttpDeadlines *deadlines = timer->data;
	guint64 now = now_ms(deadlines);

	for (guint kind = 0; kind < HTTP_N_DEADLINES; kind++) {
		HttpDeadline *list = &deadlines->lists[kind];

		while (!is_empty(list) && list->next->at_ms <= now) {
			HttpDeadline *deadline = list->next;

			http_deadline_clear(deadline);
			deadlines->passed(deadline, kind);
		}
	}
	wait_for_first(deadlines);
}

void http_deadlines_init(HttpDeadlines *deadlines, uv_loop_t *loop, HttpDeadlinePassed passed)
{
	uv_timer_init(loop, &deadlines->timer);
	deadlines->timer.data = deadlines;
	deadlines->timer_at_ms = 0;
	deadlines->passed = passed;
	for (guint kind = 0; kind < HTTP_N_DEADLINES; kind++) {
		HttpDeadline *list = &deadlines->lists[kind];

		list->previous = list->next = list;
	}
}

void http_deadline_set(HttpDeadlines *deadlines, HttpDeadline *deadline, HttpDeadlineKind kind)
{
	HttpDeadline *list = &deadlines->lists[kind];

	http_deadline_clear(deadline);
	deadline->kind = kind;
	deadline->at_ms = now_ms(deadlines) + deadlines->timeouts_ms[kind];
	deadline->previous = list->previous;
	deadline->next = list;
	list->previous->next = deadline;
	list->previous = deadline;
	if (deadlines->timer_at_ms == 0 || deadlines->timer_at_ms > deadline->at_ms)
		wait_until(deadlines, deadline->at_ms);
}

void http_deadline_clear(HttpDeadline *deadline)
{
	if (deadline->next == NULL)
		return;
	deadline->previous->next = deadline->next;
	deadline->next->previous = deadline->previous;
	deadline->previous = deadline->next = NULL;
}

gboolean http_deadline_is_set(const HttpDeadline *deadline, HttpDeadlineKind kind)
{
	return deadline->next != NULL && deadline->kind == kind;
}

HttpDeadline *http_deadlines_oldest(HttpDeadlines *deadlines, HttpDeadlineKind kind)
{
	HttpDeadline *list = &deadlines->lists[kind];

	return is_empty(list) ? NULL : list->next;
}
