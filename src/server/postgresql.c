/* SPDX-License-Identifier: Apache-2.0 */
#include <libpq-fe.h>
#include <poll.h>
#include <string.h>
#include "base/error.h"
#include "server/database-engine.h"

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

#define WRITER_LOCK "8245930165173338689" /* "rotastor" as a number: any that nobody else takes */
#define CANCEL_GRACE_US 5000000           /* for the server to answer a cancelled statement */
#define PENDING_MAX 16                    /* commands in the pipeline whose results are not read */

typedef enum {
	JOB_BEGIN,
	JOB_KEEP,
	JOB_UNDO,
	BEGIN_WRITE,
	LOCK,
	BEGIN_READ,
	COMMIT,
	ROLLBACK,
	N_CONTROLS
} Control;

static const char *const control_texts[N_CONTROLS] = {
	[JOB_BEGIN] = "SAVEPOINT job",
	[JOB_KEEP] = "RELEASE job",
	[JOB_UNDO] = "ROLLBACK TO job",
	[BEGIN_WRITE] = "BEGIN ISOLATION LEVEL READ COMMITTED",
	[LOCK] = "SELECT pg_advisory_xact_lock(" WRITER_LOCK ")",
	[BEGIN_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
};

typedef enum { PENDING_CONTROL, PENDING_PREPARE, PENDING_SYNC } PendingKind;

typedef struct {
	PendingKind kind;
	guint which; /* Control or QueryId */
} Pending;

typedef struct {
	Connection connection;
	PGconn *pg;
	gboolean prepared[N_QUERIES];
	Pending pending[PENDING_MAX];
	guint n_pending;
} PostgresqlConnection;

typedef struct {
	Rows rows;
	PGresult *result;
	int row; /* -1 before the first */
} PostgresqlRows;

/* --- Errors --- */

/* What an SQLSTATE means to a caller; the first row it begins with counts. A state that is not here
 * is a fault of ours. */
static const struct {
	const char *state;
	RotaError error;
	const char *text; /* NULL: what PostgreSQL says */
	Failure failure;
} meanings[] = {
	{ "23505", ROTA_ERROR_CONFLICT, "exists already", FAILURE_NONE },
	{ "23503", ROTA_ERROR_CONFLICT, "refers to what does not exist, or is still referred to",
		FAILURE_NONE },
	{ "23", ROTA_ERROR_INVALID, "a value breaks a rule of its table", FAILURE_NONE },
	{ "22", ROTA_ERROR_INVALID, "a value that the store cannot hold", FAILURE_NONE },
	{ "54000", ROTA_ERROR_TOO_LARGE, "a value is too large for the store", FAILURE_NONE },
	{ "57014", ROTA_ERROR_TIMED_OUT, "took too long", FAILURE_NONE },
	{ "40", ROTA_ERROR_UNAVAILABLE, NULL, FAILURE_RETRY },
	{ "55P03", ROTA_ERROR_UNAVAILABLE, NULL, FAILURE_RETRY },
	{ "57P", ROTA_ERROR_UNAVAILABLE, NULL, FAILURE_LOST },
	{ "08", ROTA_ERROR_UNAVAILABLE, NULL, FAILURE_LOST },
	{ "25P03", ROTA_ERROR_TIMED_OUT, NULL, FAILURE_LOST },
	{ "53", ROTA_ERROR_UNAVAILABLE, NULL, FAILURE_NONE },
	{ "XX001", ROTA_ERROR_CORRUPT, NULL, FAILURE_NONE },
	{ "XX002", ROTA_ERROR_CORRUPT, NULL, FAILURE_NONE },
};

static gboolean fail_lost(PostgresqlConnection *self, GError **error, const char *what)
{
	g_autofree char *said = g_strdup(PQerrorMessage(self->pg));

	self->connection.failure = FAILURE_LOST;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "%s: %s", what, g_strstrip(said));
	return FALSE;
}

static gboolean fail(
	PostgresqlConnection *self, const PGresult *result, GError **error, const char *what)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *said = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	if (!state || PQstatus(self->pg) == CONNECTION_BAD)
		return fail_lost(self, error, what);
	for (guint i = 0; i < G_N_ELEMENTS(meanings); i++) {
		if (!g_str_has_prefix(state, meanings[i].state))
			continue;
		self->connection.failure = meanings[i].failure;
		g_set_error(error, ROTA_ERROR, meanings[i].error, "%s: %s", what,
			meanings[i].text ? meanings[i].text : said);
		return FALSE;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL, "%s: %s (%s)", what, said, state);
	return FALSE;
}

/* --- The pipeline --- */

static void add_pending(PostgresqlConnection *self, PendingKind kind, guint which)
{
	g_assert(self->n_pending < PENDING_MAX);
	self->pending[self->n_pending++] = (Pending){ kind, which };
}

static gboolean send_control(PostgresqlConnection *self, Control control, GError **error)
{
	if (!PQsendQueryParams(self->pg, control_texts[control], 0, NULL, NULL, NULL, NULL, 0))
		return fail_lost(self, error, control_texts[control]);
	add_pending(self, PENDING_CONTROL, control);
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

/* NULL: the end of a command, or the connection is lost. */
static PGresult *next_result(PostgresqlConnection *self)
{
	return wait_for_result(self) ? PQgetResult(self->pg) : NULL;
}

static gboolean is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result); /* fatal for NULL */

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	       status == PGRES_PIPELINE_SYNC;
}

static const char *name_of(const Pending *pending)
{
	if (pending->kind == PENDING_PREPARE)
		return query_rows[pending->which].name;
	return pending->kind == PENDING_CONTROL ? control_texts[pending->which] : "synchronise";
}

/* A transaction that cannot be committed is rolled back, without an error. */
static gboolean was_not_committed(const Pending *pending, PGresult *result)
{
	return pending->kind == PENDING_CONTROL && pending->which == COMMIT &&
	       !g_str_equal(PQcmdStatus(result), "COMMIT");
}

/* Reads what one command answered. @error: NULL when an earlier failure is to be told: after one,
 * the server skips all to the next sync. */
static gboolean read_pending(PostgresqlConnection *self, const Pending *pending, GError **error)
{
	PGresult *result = next_result(self);
	gboolean good = is_good(result);

	if (!result)
		return fail_lost(self, error, name_of(pending));
	if (good && was_not_committed(pending, result)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL,
			"COMMIT: the transaction was undone");
		good = FALSE;
	} else if (good && pending->kind == PENDING_PREPARE) {
		self->prepared[pending->which] = TRUE;
	} else if (!good && error) {
		fail(self, result, error, name_of(pending));
	}
	PQclear(result);
	if (pending->kind != PENDING_SYNC)
		PQclear(next_result(self)); /* the end of the command */
	return good;
}

/* Reads the answers to all that was sent, up to the last command of execute. */
static gboolean read_all_pending(PostgresqlConnection *self, GError **error)
{
	gboolean good = TRUE;

	for (guint i = 0; i < self->n_pending && self->connection.failure != FAILURE_LOST; i++)
		good = read_pending(self, &self->pending[i], good ? error : NULL) && good;
	self->n_pending = 0;
	return good;
}

static gboolean send_sync(PostgresqlConnection *self, GError **error)
{
	if (!PQpipelineSync(self->pg) || PQflush(self->pg) < 0)
		return fail_lost(self, error, "send");
	return TRUE;
}

/* Sends what is in the pipeline and reads all answers. */
static gboolean synchronise(PostgresqlConnection *self, GError **error)
{
	if (!send_sync(self, error))
		return FALSE;
	add_pending(self, PENDING_SYNC, 0);
	return read_all_pending(self, error);
}

/* --- Opening --- */

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
	gboolean good = is_good(result) || fail(self, result, error, what);

	PQclear(result);
	return good;
}

static void warn_if_not_durable(PostgresqlConnection *self)
{
	static const char *const needed[] = { "fsync", "full_page_writes" };

	for (guint i = 0; i < G_N_ELEMENTS(needed); i++) {
		g_autofree char *sql = g_strdup_printf("SHOW %s", needed[i]);
		PGresult *result = PQexec(self->pg, sql);

		if (is_good(result) && g_str_equal(PQgetvalue(result, 0, 0), "off"))
			g_warning("PostgreSQL runs with %s=off: what was acknowledged may be lost "
				  "when "
				  "the power fails",
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
		return fail_lost(self, error, "set up the connection");
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
		fail_lost(self, error, "connect to PostgreSQL");
	else if (set_up(self, error))
		return &self->connection;
	postgresql_close(&self->connection);
	return NULL;
}

/* --- Transactions --- */

static gboolean postgresql_begin(Connection *connection, GError **error)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;

	connection->failure = FAILURE_NONE;
	if (connection->kind != CONNECTION_WRITER)
		return send_control(self, BEGIN_READ, error);
	return send_control(self, BEGIN_WRITE, error) && send_control(self, LOCK, error);
}

/* A reader's commit decides nothing: its answer is read with the next job's. */
static gboolean postgresql_commit(Connection *connection, GError **error)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;

	if (!send_control(self, COMMIT, error))
		return FALSE;
	if (connection->kind == CONNECTION_WRITER)
		return synchronise(self, error);
	if (!send_sync(self, error))
		return FALSE;
	add_pending(self, PENDING_SYNC, 0);
	return TRUE;
}

static void postgresql_rollback(Connection *connection)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;
	g_autoptr(GError) error = NULL;

	/* Of its own: what failed before it in the pipeline would have it skipped. */
	if (connection->failure != FAILURE_LOST && !synchronise(self, &error))
		g_debug("before a roll back: %s", error->message);
	g_clear_error(&error);
	if (connection->failure != FAILURE_LOST &&
		(!send_control(self, ROLLBACK, &error) || !synchronise(self, &error)))
		g_warning("roll back: %s", error->message);
}

static gboolean postgresql_job_begin(Connection *connection, GError **error)
{
	return send_control((PostgresqlConnection *)connection, JOB_BEGIN, error);
}

static gboolean postgresql_job_keep(Connection *connection, GError **error)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;

	if (!send_control(self, JOB_KEEP, error))
		return FALSE;
	/* Jobs without a statement leave their controls behind. */
	return self->n_pending < PENDING_MAX / 2 || synchronise(self, error);
}

static gboolean postgresql_job_undo(Connection *connection, GError **error)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;

	return send_control(self, JOB_UNDO, error) && postgresql_job_keep(connection, error);
}

/* --- Statements --- */

typedef struct {
	const char *values[DATABASE_PARAMETERS];
	int lengths[DATABASE_PARAMETERS];
	int formats[DATABASE_PARAMETERS];
	char texts[DATABASE_PARAMETERS][G_ASCII_DTOSTR_BUF_SIZE];
} Parameters;

/* Numbers travel as text: their type is what the statement makes of them. */
static void set_parameter(Parameters *parameters, guint i, const DbValue *value)
{
	gsize size;

	switch (value->kind) {
	case DB_TEXT:
		parameters->values[i] = value->text;
		return;
	case DB_INT:
		g_snprintf(parameters->texts[i], sizeof(parameters->texts[i]), "%" G_GINT64_FORMAT,
			value->number);
		parameters->values[i] = parameters->texts[i];
		return;
	case DB_REAL:
		parameters->values[i] = g_ascii_dtostr(
			parameters->texts[i], sizeof(parameters->texts[i]), value->real);
		return;
	case DB_BLOB:
		parameters->values[i] = g_bytes_get_data(value->blob, &size);
		if (!parameters->values[i])
			parameters->values[i] = "";
		parameters->lengths[i] = (int)size;
		parameters->formats[i] = 1;
		return;
	case DB_NULL:
	case DB_END:
		parameters->values[i] = NULL;
	}
}

static gboolean send_prepare(PostgresqlConnection *self, QueryId query, GError **error)
{
	const QueryRow *row = &query_rows[query];

	if (!PQsendPrepare(self->pg, row->name, row->text[postgresql_engine.text], 0, NULL))
		return fail_lost(self, error, row->name);
	add_pending(self, PENDING_PREPARE, query);
	return TRUE;
}

static gboolean send_query(
	PostgresqlConnection *self, QueryId query, const DbValue *values, GError **error)
{
	const QueryRow *row = &query_rows[query];
	Parameters parameters;

	for (guint i = 0; i < row->n_parameters; i++) {
		parameters.lengths[i] = parameters.formats[i] = 0;
		set_parameter(&parameters, i, &values[i]);
	}
	if (!self->prepared[query] && !send_prepare(self, query, error))
		return FALSE;
	if (!PQsendQueryPrepared(self->pg, row->name, (int)row->n_parameters, parameters.values,
		    parameters.lengths, parameters.formats, 0))
		return fail_lost(self, error, row->name);
	return send_sync(self, error);
}

/* (transfer full): the statement's own result, or NULL. Reads up to the sync in any case. */
static PGresult *read_query(PostgresqlConnection *self, QueryId query, GError **error)
{
	gboolean good = read_all_pending(self, error);
	PGresult *result = NULL;

	if (self->connection.failure == FAILURE_LOST)
		return NULL;
	result = next_result(self);
	if (!result)
		fail_lost(self, good ? error : NULL, query_rows[query].name);
	else if (good && !is_good(result))
		good = fail(self, result, error, query_rows[query].name);
	if (result)
		PQclear(next_result(self)); /* the end of the command */
	good = good && result;
	if (self->connection.failure != FAILURE_LOST)
		good = read_pending(self, &(Pending){ PENDING_SYNC, 0 }, good ? error : NULL) &&
		       good;
	if (good)
		return result;
	PQclear(result);
	return NULL;
}

static gint64 count_changed(PGresult *result)
{
	if (g_str_has_prefix(PQcmdStatus(result), "SELECT"))
		return 0;
	return g_ascii_strtoll(PQcmdTuples(result), NULL, 10);
}

static gboolean postgresql_execute(Connection *connection, QueryId query, const DbValue *values,
	Rows **ret_rows, gint64 *ret_changed, GError **error)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;
	PGresult *result;
	PostgresqlRows *rows;

	if (!send_query(self, query, values, error))
		return FALSE;
	result = read_query(self, query, error);
	if (!result)
		return FALSE;
	if (ret_changed)
		*ret_changed = count_changed(result);
	if (!ret_rows) {
		PQclear(result);
		return TRUE;
	}
	rows = g_new0(PostgresqlRows, 1);
	rows->rows =
		(Rows){ .engine = &postgresql_engine, .connection = connection, .query = query };
	rows->result = result;
	rows->row = -1;
	*ret_rows = &rows->rows;
	return TRUE;
}

static gboolean postgresql_rows_next(Rows *rows, GError **error)
{
	PostgresqlRows *self = (PostgresqlRows *)rows;
	int n = PQntuples(self->result);

	if (self->row < n)
		self->row++;
	return self->row < n;
}

static gboolean postgresql_rows_is_null(Rows *rows, guint column)
{
	PostgresqlRows *self = (PostgresqlRows *)rows;

	return PQgetisnull(self->result, self->row, (int)column);
}

static const char *postgresql_rows_text(Rows *rows, guint column)
{
	PostgresqlRows *self = (PostgresqlRows *)rows;

	if (postgresql_rows_is_null(rows, column))
		return NULL;
	return PQgetvalue(self->result, self->row, (int)column);
}

static gint64 postgresql_rows_int(Rows *rows, guint column)
{
	PostgresqlRows *self = (PostgresqlRows *)rows;

	return g_ascii_strtoll(PQgetvalue(self->result, self->row, (int)column), NULL, 10);
}

static double postgresql_rows_real(Rows *rows, guint column)
{
	PostgresqlRows *self = (PostgresqlRows *)rows;

	return g_ascii_strtod(PQgetvalue(self->result, self->row, (int)column), NULL);
}

static GBytes *postgresql_rows_blob(Rows *rows, guint column)
{
	PostgresqlRows *self = (PostgresqlRows *)rows;
	const char *text = PQgetvalue(self->result, self->row, (int)column);
	guint8 *data;
	GBytes *bytes;
	gsize size;

	if (postgresql_rows_is_null(rows, column))
		return NULL;
	data = PQunescapeBytea((const guint8 *)text, &size);
	bytes = g_bytes_new(data, size);
	PQfreemem(data);
	return bytes;
}

static void postgresql_rows_free(Rows *rows)
{
	PostgresqlRows *self = (PostgresqlRows *)rows;

	PQclear(self->result);
	g_free(self);
}

/* --- The whole --- */

/* A schema step may take as long as it must. */
static gboolean postgresql_run_script(Connection *connection, const char *sql, GError **error)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;
	gboolean good;

	if (!synchronise(self, error))
		return FALSE;
	if (!PQexitPipelineMode(self->pg) || PQsetnonblocking(self->pg, 0) != 0)
		return fail_lost(self, error, "leave the pipeline");
	good = run_text(self, "SET LOCAL statement_timeout = 0", "statements", error) &&
	       run_text(self, sql, "statements", error);
	if (PQsetnonblocking(self->pg, 1) != 0 || !PQenterPipelineMode(self->pg))
		return good && fail_lost(self, error, "enter the pipeline");
	return good;
}

static gboolean postgresql_plan(Connection *connection, QueryId query, GError **error)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;

	return send_prepare(self, query, error) && synchronise(self, error);
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
