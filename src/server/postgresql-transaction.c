/* SPDX-License-Identifier: Apache-2.0 */
#include "server/postgresql-private.h"

gboolean postgresql_begin(Connection *connection, GError **error)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;

	connection->failure = FAILURE_NONE;
	if (connection->kind != CONNECTION_WRITER)
		return postgresql_send_control(self, POSTGRESQL_BEGIN_READ, error);
	return postgresql_send_control(self, POSTGRESQL_BEGIN_WRITE, error) &&
	       postgresql_send_control(self, POSTGRESQL_LOCK, error);
}

void postgresql_rollback(Connection *connection)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;
	g_autoptr(GError) error = NULL;

	/* Of its own: what failed before it in the pipeline would have it skipped. */
	if (connection->failure != FAILURE_LOST && !postgresql_synchronise(self, &error))
		g_debug("before a roll back: %s", error->message);
	g_clear_error(&error);
	if (connection->failure != FAILURE_LOST &&
		(!postgresql_send_control(self, POSTGRESQL_ROLLBACK, &error) ||
			!postgresql_synchronise(self, &error)))
		g_warning("roll back: %s", error->message);
}

/* A reader's commit decides nothing: its answer is read with the next job's statement, or here once
 * jobs without one have left many behind. */
static gboolean commit(PostgresqlConnection *self, GError **error)
{
	if (!postgresql_send_control(self, POSTGRESQL_COMMIT, error))
		return FALSE;
	if (self->connection.kind == CONNECTION_WRITER)
		return postgresql_synchronise(self, error);
	if (!postgresql_send_sync(self, error))
		return FALSE;
	postgresql_add_pending(self, POSTGRESQL_PENDING_SYNC, 0);
	return self->n_pending < POSTGRESQL_PENDING_MAX / 2 ||
	       postgresql_read_all_pending(self, error);
}

/* What failed before it in the pipeline has COMMIT skipped: the transaction is still there then. */
gboolean postgresql_commit(Connection *connection, GError **error)
{
	if (commit((PostgresqlConnection *)connection, error))
		return TRUE;
	postgresql_rollback(connection);
	return FALSE;
}

gboolean postgresql_job_begin(Connection *connection, GError **error)
{
	return postgresql_send_control(
		(PostgresqlConnection *)connection, POSTGRESQL_JOB_BEGIN, error);
}

gboolean postgresql_job_keep(Connection *connection, GError **error)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;

	if (!postgresql_send_control(self, POSTGRESQL_JOB_KEEP, error))
		return FALSE;
	/* Jobs without a statement leave their controls behind. */
	return self->n_pending < POSTGRESQL_PENDING_MAX / 2 || postgresql_synchronise(self, error);
}

gboolean postgresql_job_undo(Connection *connection, GError **error)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;

	return postgresql_send_control(self, POSTGRESQL_JOB_UNDO, error) &&
	       postgresql_job_keep(connection, error);
}
