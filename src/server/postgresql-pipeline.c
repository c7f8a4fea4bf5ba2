/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include "base/error.h"
#include "server/postgresql-private.h"

#define WRITER_LOCK "8245930165173338689" /* "rotastor" as a number: any that nobody else takes */
#define CANCEL_GRACE_US 5000000           /* for the server to answer a cancelled statement */

static const char *const control_texts[POSTGRESQL_CONTROLS] = {
	[POSTGRESQL_JOB_BEGIN] = "SAVEPOINT job",
	[POSTGRESQL_JOB_KEEP] = "RELEASE job",
	[POSTGRESQL_JOB_UNDO] = "ROLLBACK TO job",
	[POSTGRESQL_BEGIN_WRITE] = "BEGIN ISOLATION LEVEL READ COMMITTED",
	[POSTGRESQL_LOCK] = "SELECT pg_advisory_xact_lock(" WRITER_LOCK ")",
	[POSTGRESQL_BEGIN_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
	[POSTGRESQL_COMMIT] = "COMMIT",
	[POSTGRESQL_ROLLBACK] = "ROLLBACK",
};

void postgresql_add_pending(PostgresqlConnection *self, PostgresqlPendingKind kind, guint which)
{
	g_assert(self->n_pending < POSTGRESQL_PENDING_MAX);
	self->pending[self->n_pending++] = (PostgresqlPending){ kind, which };
}

gboolean postgresql_send_control(
	PostgresqlConnection *self, PostgresqlControl control, GError **error)
{
	if (!PQsendQueryParams(self->pg, control_texts[control], 0, NULL, NULL, NULL, NULL, 0))
		return postgresql_fail_lost(self, error, control_texts[control]);
	postgresql_add_pending(self, POSTGRESQL_PENDING_CONTROL, control);
	return TRUE;
}

gboolean postgresql_send_prepare(PostgresqlConnection *self, QueryId query, GError **error)
{
	const QueryRow *row = &query_rows[query];

	if (!PQsendPrepare(self->pg, row->name, row->text[postgresql_engine.text], 0, NULL))
		return postgresql_fail_lost(self, error, row->name);
	postgresql_add_pending(self, POSTGRESQL_PENDING_PREPARE, query);
	return TRUE;
}

static void cancel(PostgresqlConnection *self)
{
	PGcancel *handle = PQgetCancel(self->pg);
	char said[256];

	if (handle && !PQcancel(handle, said, sizeof(said)))
		g_info("cancel a statement: %s", said);
	PQfreeCancel(handle);
}

static gboolean wait_for_socket(PostgresqlConnection *self, gint64 until_us)
{
	gint64 left_us = MAX(until_us - g_get_monotonic_time(), 0);
	struct pollfd waited = { .fd = PQsocket(self->pg), .events = POLLIN };
	int flushed = PQflush(self->pg);

	if (flushed > 0)
		waited.events |= POLLOUT;
	return flushed >= 0 && poll(&waited, 1, (int)(left_us / 1000) + 1) >= 0;
}

/* Waits for the next result, at most to the connection's deadline: then the statement is cancelled,
 * and a server that does not even answer that is given up. */
static gboolean wait_for_result(PostgresqlConnection *self)
{
	gint64 until_us = self->connection.deadline_us;
	gboolean cancelled = FALSE;

	if (!until_us)
		until_us = g_get_monotonic_time() + DATABASE_JOB_US + CANCEL_GRACE_US;
	while (PQisBusy(self->pg)) {
		if (g_get_monotonic_time() >= until_us) {
			if (cancelled)
				return FALSE;
			cancel(self);
			cancelled = TRUE;
			until_us = g_get_monotonic_time() + CANCEL_GRACE_US;
		}
		if (!wait_for_socket(self, until_us) || !PQconsumeInput(self->pg))
			return FALSE;
	}
	return TRUE;
}

PGresult *postgresql_next_result(PostgresqlConnection *self)
{
	return wait_for_result(self) ? PQgetResult(self->pg) : NULL;
}

gboolean postgresql_is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result); /* fatal for NULL */

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	       status == PGRES_PIPELINE_SYNC;
}

static const char *name_of(const PostgresqlPending *pending)
{
	if (pending->kind == POSTGRESQL_PENDING_PREPARE)
		return query_rows[pending->which].name;
	return pending->kind == POSTGRESQL_PENDING_CONTROL ? control_texts[pending->which]
							   : "synchronise";
}

/* A transaction that cannot be committed is rolled back, without an error. */
static gboolean was_not_committed(const PostgresqlPending *pending, PGresult *result)
{
	return pending->kind == POSTGRESQL_PENDING_CONTROL && pending->which == POSTGRESQL_COMMIT &&
	       !g_str_equal(PQcmdStatus(result), "COMMIT");
}

/* Without its BEGIN, its lock or a savepoint the transaction is of no use to any job. */
static void fail_pending(PostgresqlConnection *self, const PostgresqlPending *pending,
	const PGresult *result, GError **error)
{
	postgresql_fail(self, result, error, name_of(pending));
	if (pending->kind == POSTGRESQL_PENDING_CONTROL && self->connection.failure != FAILURE_LOST)
		self->connection.failure = FAILURE_GROUP;
}

gboolean postgresql_read_pending(
	PostgresqlConnection *self, const PostgresqlPending *pending, GError **error)
{
	PGresult *result = postgresql_next_result(self);
	gboolean good = postgresql_is_good(result);

	if (!result)
		return postgresql_fail_lost(self, error, name_of(pending));
	if (good && was_not_committed(pending, result)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL,
			"COMMIT: the transaction was undone");
		good = FALSE;
	} else if (good && pending->kind == POSTGRESQL_PENDING_PREPARE) {
		self->prepared[pending->which] = TRUE;
	} else if (!good && error) {
		fail_pending(self, pending, result, error);
	}
	PQclear(result);
	if (pending->kind != POSTGRESQL_PENDING_SYNC)
		PQclear(postgresql_next_result(self)); /* the end of the command */
	return good;
}

gboolean postgresql_read_all_pending(PostgresqlConnection *self, GError **error)
{
	gboolean good = TRUE;

	for (guint i = 0; i < self->n_pending && self->connection.failure != FAILURE_LOST; i++)
		good = postgresql_read_pending(self, &self->pending[i], good ? error : NULL) &&
		       good;
	self->n_pending = 0;
	return good;
}

gboolean postgresql_send_sync(PostgresqlConnection *self, GError **error)
{
	if (!PQpipelineSync(self->pg) || PQflush(self->pg) < 0)
		return postgresql_fail_lost(self, error, "send");
	return TRUE;
}

gboolean postgresql_synchronise(PostgresqlConnection *self, GError **error)
{
	if (!postgresql_send_sync(self, error))
		return FALSE;
	postgresql_add_pending(self, POSTGRESQL_PENDING_SYNC, 0);
	return postgresql_read_all_pending(self, error);
}
