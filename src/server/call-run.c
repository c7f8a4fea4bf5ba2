/* SPDX-License-Identifier: Apache-2.0 */
#include "server/call-private.h"
#include "server/layer-private.h"

/* Handlers, each where its mode says, and what follows one. Whoever takes the call to another
 * thread sets .away and holds the request; the posted come_back() returns it. */

/* Runs the handler that is due; what it wants next is in .next_handler. */
static gboolean run_handler(Call *call, GError **error)
{
	call->next_handler = NULL;
	return call->handler(call, error);
}

static void step(Call *call);

static void come_back(HttpRequest *request, gboolean gone, gpointer data)
{
	Call *call = data;

	call->away = FALSE;
	if (call->mode == RUN_STREAM)
		__atomic_sub_fetch(&call->layer->n_streams, 1, __ATOMIC_RELAXED);
	if (call->gone) {
		call_free(call);
		return;
	}
	step(call);
}

static void send_away(Call *call)
{
	call->away = TRUE;
	http_request_hold(call->request);
}

static gboolean write_audit(Call *call, GError **error)
{
	const char *action = call->audit.action ? call->audit.action : call->match.route->audit;

	if (!action || !call->audit.object_type || !call->layer->audit)
		return TRUE;
	return call->layer->audit(call, action, call->audit.object_type, call->audit.object_id,
		call->audit.details, error);
}

static gboolean store_job(Transaction *transaction, gpointer data, GError **error)
{
	Call *call = data;
	gboolean ok;

	/* The store may run a job again after undoing it: what the first try noted is void. */
	audit_note_clear(&call->audit);
	if (call->n_runs++ > 0)
		answer_rewind(call);
	call->transaction = transaction;
	ok = run_handler(call, error) && (call->mode != RUN_WRITE || write_audit(call, error));
	call->transaction = NULL;
	return ok;
}

static void store_done(gpointer data, const GError *error)
{
	Call *call = data;

	if (error)
		call->error = g_error_copy(error);
	http_request_post(call->request, come_back, call);
}

static void run_on_loop(Call *call)
{
	run_handler(call, &call->error);
	step(call);
}

static void run_on_reader(Call *call)
{
	send_away(call);
	database_read(app_database(call->app), store_job, store_done, call);
}

static void run_on_writer(Call *call)
{
	send_away(call);
	database_write(app_database(call->app), store_job, store_done, call);
}

static void work(gpointer data)
{
	Call *call = data;

	run_handler(call, &call->error);
	if (call->mode == RUN_STREAM)
		body_stream_close(call->stream);
	http_request_post(call->request, come_back, call);
}

static void run_on_worker(Call *call)
{
	send_away(call);
	if (!workers_push(call->layer->workers, work, call, &call->error))
		http_request_post(call->request, come_back, call);
}

static void run_as_stream(Call *call)
{
	__atomic_add_fetch(&call->layer->n_streams, 1, __ATOMIC_RELAXED);
	send_away(call);
	if (!call->stream)
		call->stream = body_stream_new(call->request, call->match.route->body_max);
	if (workers_push(call->layer->streams, work, call, &call->error))
		return;
	body_stream_close(call->stream);
	http_request_post(call->request, come_back, call);
}

void call_run(Call *call, RunMode mode, CallHandler handler)
{
	static void (*const runners[])(Call * call) = {
		[RUN_LOOP] = run_on_loop,
		[RUN_READ] = run_on_reader,
		[RUN_WRITE] = run_on_writer,
		[RUN_WORKER] = run_on_worker,
		[RUN_STREAM] = run_as_stream,
	};

	call->mode = mode;
	call->handler = handler;
	call->n_runs = 0;
	if (mode == RUN_READ || mode == RUN_WRITE)
		answer_mark(call);
	call->next_handler = NULL;
	runners[mode](call);
}

/* A body may take hours to come: who was let in at its head must still be let in at its end. */
static void go_on(Call *call)
{
	g_autoptr(GError) error = NULL;

	if (call->mode == RUN_STREAM && (!caller_renew(call->app, &call->caller, &error) ||
						!call_check_permission(call, &error)))
		call_answer_error(call, error);
	else
		call_run(call, call->next_mode, call->next_handler);
}

/* A handler has run: on to the next one, or to the answer. */
static void step(Call *call)
{
	if (call->error) {
		g_autoptr(GError) error = g_steal_pointer(&call->error);

		call_answer_error(call, error);
		return;
	}
	if (call->next_handler) {
		go_on(call);
		return;
	}
	if (call->refusal) {
		g_autoptr(GError) refusal = g_steal_pointer(&call->refusal);

		call_answer_error(call, refusal);
		return;
	}
	call_answer(call);
}

gboolean call_continue(Call *call, RunMode mode, CallHandler handler)
{
	call->next_mode = mode;
	call->next_handler = handler;
	return TRUE;
}
