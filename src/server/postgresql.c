/* SPDX-License-Identifier: Apache-2.0 */
#include "server/postgresql-private.h"

/* The PostgreSQL engine: libpq in pipeline mode.
 *
 * BEGIN, the lock, SAVEPOINT and RELEASE are only put into the pipeline; they travel with the next
 * statement, so a job costs one round trip a statement and a group one more for its COMMIT:
 *
 *   -> BEGIN, lock, SAVEPOINT, statement, sync     <- four results
 *   -> RELEASE, SAVEPOINT, statement, sync         <- three results
 *   -> RELEASE, COMMIT, sync                       <- two results
 *
 * The lock is an advisory one that a group of each node's writer takes first and holds to its end:
 * so all writers together keep the one serial world that SQLite's single writer has, READ COMMITTED
 * is enough, and no serialization failure is of our own making. */

static void say_notice(gpointer data, const char *message)
{
	g_autofree char *line = g_strdup(message);

	g_debug("PostgreSQL: %s", g_strstrip(line));
}

/* Statements outside the pipeline: to set up, and for schema steps. */
static gboolean run_text(
	PostgresqlConnection *self, const char *sql, const char *what, GError **error)
{
	PGresult *result = PQexec(self->pg, sql);
	gboolean good = postgresql_is_good(result) || postgresql_fail(self, result, error, what);

	PQclear(result);
	return good;
}

static void warn_if_not_durable(PostgresqlConnection *self)
{
	static const char *const needed[] = { "fsync", "full_page_writes" };

	for (guint i = 0; i < G_N_ELEMENTS(needed); i++) {
		g_autofree char *sql = g_strdup_printf("SHOW %s", needed[i]);
		PGresult *result = PQexec(self->pg, sql);

		if (postgresql_is_good(result) && g_str_equal(PQgetvalue(result, 0, 0), "off"))
			g_warning("PostgreSQL runs with %s=off: what was acknowledged may be lost "
				  "when the power fails",
				needed[i]);
		PQclear(result);
	}
}

static gboolean set_up(PostgresqlConnection *self, GError **error)
{
	gboolean writer = self->connection.kind == CONNECTION_WRITER;
	gboolean checker = self->connection.kind == CONNECTION_CHECKER;
	g_autofree char *settings = g_strdup_printf(
		"SET statement_timeout = %d; SET idle_in_transaction_session_timeout = %d;"
		"SET timezone = 'UTC'; SET client_min_messages = warning;"
		"SET default_transaction_read_only = %s;"
		"SELECT set_config('synchronous_commit', 'on', false)"
		" WHERE current_setting('synchronous_commit') = 'off'",
		checker ? 0 : DATABASE_WAITED_JOB_US / 1000, DATABASE_JOB_US / 1000,
		writer ? "off" : "on");

	if (!run_text(self, settings, "set up the connection", error))
		return FALSE;
	if (writer)
		warn_if_not_durable(self);
	if (!PQenterPipelineMode(self->pg) || PQsetnonblocking(self->pg, 1) != 0)
		return postgresql_fail_lost(self, error, "set up the connection");
	return TRUE;
}

static void postgresql_close(Connection *connection)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;

	PQfinish(self->pg);
	g_free(self);
}

/* A peer that is gone is noticed within half a minute. What the address says overrides this. */
static Connection *postgresql_open(const char *where, ConnectionKind kind, GError **error)
{
	static const char *const keywords[] = { "connect_timeout", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout",
		"fallback_application_name", "client_encoding", "dbname", NULL };
	const char *const values[] = { "5", "10", "5", "3", "20000", "rota-server", "UTF8", where,
		NULL };
	PostgresqlConnection *self = g_new0(PostgresqlConnection, 1);

	self->connection = (Connection){ .engine = &postgresql_engine, .kind = kind };
	self->pg = PQconnectdbParams(keywords, values, 1);
	PQsetNoticeProcessor(self->pg, say_notice, NULL);
	if (PQstatus(self->pg) != CONNECTION_OK)
		postgresql_fail_lost(self, error, "connect to PostgreSQL");
	else if (set_up(self, error))
		return &self->connection;
	postgresql_close(&self->connection);
	return NULL;
}

/* A schema step may take as long as it must. */
static gboolean postgresql_run_script(Connection *connection, const char *sql, GError **error)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;
	gboolean good;

	if (!postgresql_synchronise(self, error))
		return FALSE;
	if (!PQexitPipelineMode(self->pg) || PQsetnonblocking(self->pg, 0) != 0)
		return postgresql_fail_lost(self, error, "leave the pipeline");
	good = run_text(self, "SET LOCAL statement_timeout = 0", "statements", error) &&
	       run_text(self, sql, "statements", error);
	if (PQsetnonblocking(self->pg, 1) != 0 || !PQenterPipelineMode(self->pg))
		return good && postgresql_fail_lost(self, error, "enter the pipeline");
	return good;
}

static gboolean postgresql_plan(Connection *connection, QueryId query, GError **error)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;

	return postgresql_send_prepare(self, query, error) && postgresql_synchronise(self, error);
}

const DatabaseEngine postgresql_engine = {
	.name = "postgresql",
	.text = 1,
	.open = postgresql_open,
	.close = postgresql_close,
	.begin = postgresql_begin,
	.commit = postgresql_commit,
	.rollback = postgresql_rollback,
	.job_begin = postgresql_job_begin,
	.job_keep = postgresql_job_keep,
	.job_undo = postgresql_job_undo,
	.execute = postgresql_execute,
	.rows_next = postgresql_rows_next,
	.rows_is_null = postgresql_rows_is_null,
	.rows_text = postgresql_rows_text,
	.rows_int = postgresql_rows_int,
	.rows_real = postgresql_rows_real,
	.rows_blob = postgresql_rows_blob,
	.rows_free = postgresql_rows_free,
	.run_script = postgresql_run_script,
	.plan = postgresql_plan,
};
