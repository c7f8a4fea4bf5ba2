/* SPDX-License-Identifier: Apache-2.0 */
#include <sqlite3.h>
#include <string.h>
#include "base/error.h"
#include "server/database-engine.h"

/* The SQLite engine: a file with a write-ahead log.
 *
 * synchronous=FULL makes every commit one write and one sync of the log: what was committed
 * survives a power cut. BEGIN IMMEDIATE takes the only write lock there is, so that another program
 * on the same file (a maintenance verb beside a running server) keeps the same serial world. */

#define BUSY_WAIT_MS 5000 /* for another program's transaction */
#define WRITER_CACHE_KIB 65536
#define READER_CACHE_KIB 16384
#define CHECKPOINT_PAGES 4000 /* the log is copied into the file once it has this many */
#define DEADLINE_STEPS                                                                             \
	20000             /* how often a statement looks at the clock, in virtual machine steps */
#define CHECK_FINDINGS 20 /* said at most */

typedef enum { JOB_BEGIN, JOB_KEEP, JOB_UNDO, BEGIN_WRITE, BEGIN_READ, COMMIT, N_CONTROLS } Control;

static const char *const control_texts[N_CONTROLS] = {
	[JOB_BEGIN] = "SAVEPOINT job",
	[JOB_KEEP] = "RELEASE job",
	[JOB_UNDO] = "ROLLBACK TO job",
	[BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[BEGIN_READ] = "BEGIN",
	[COMMIT] = "COMMIT",
};

typedef struct {
	sqlite3_stmt *statement;
	gboolean in_use; /* its rows are being read: a second use needs a second statement */
	guint8 places[DATABASE_PARAMETERS]; /* of $1, $2 ...: SQLite numbers by first appearance */
} Cached;

typedef struct {
	Connection connection;
	sqlite3 *sqlite;
	sqlite3_stmt *controls[N_CONTROLS];
	Cached cache[N_QUERIES];
} SqliteConnection;

typedef struct {
	Rows rows;
	sqlite3_stmt *statement;
	gboolean cached;
	int stepped; /* what the step that is still to be looked at said */
	gboolean ended;
} SqliteRows;

/* What a result code means to a caller. A code that is not here is a fault of ours. */
static const struct {
	int code; /* extended, or primary for all of its kind */
	RotaError error;
	const char *text; /* NULL: what SQLite says */
} meanings[] = {
	{ SQLITE_CONSTRAINT_UNIQUE, ROTA_ERROR_CONFLICT, "exists already" },
	{ SQLITE_CONSTRAINT_PRIMARYKEY, ROTA_ERROR_CONFLICT, "exists already" },
	{ SQLITE_CONSTRAINT_ROWID, ROTA_ERROR_CONFLICT, "exists already" },
	{ SQLITE_CONSTRAINT_FOREIGNKEY, ROTA_ERROR_CONFLICT,
		"refers to what does not exist, or is still referred to" },
	{ SQLITE_CONSTRAINT, ROTA_ERROR_INVALID, "a value breaks a rule of its table" },
	{ SQLITE_TOOBIG, ROTA_ERROR_TOO_LARGE, "a value is too large for the store" },
	{ SQLITE_INTERRUPT, ROTA_ERROR_TIMED_OUT, "took too long" },
	{ SQLITE_BUSY, ROTA_ERROR_UNAVAILABLE, "another program holds the database" },
	{ SQLITE_FULL, ROTA_ERROR_UNAVAILABLE, "no room left for the database" },
	{ SQLITE_IOERR, ROTA_ERROR_IO, NULL },
	{ SQLITE_CANTOPEN, ROTA_ERROR_IO, NULL },
	{ SQLITE_READONLY_DIRECTORY, ROTA_ERROR_IO, NULL },
	{ SQLITE_CORRUPT, ROTA_ERROR_CORRUPT, NULL },
	{ SQLITE_NOTADB, ROTA_ERROR_CORRUPT, NULL },
};

static void set_error(GError **error, sqlite3 *sqlite, const char *what)
{
	int code = sqlite3_extended_errcode(sqlite);

	for (guint i = 0; i < G_N_ELEMENTS(meanings); i++) {
		if (meanings[i].code != code && meanings[i].code != (code & 0xff))
			continue;
		g_set_error(error, ROTA_ERROR, meanings[i].error, "%s: %s", what,
			meanings[i].text ? meanings[i].text : sqlite3_errmsg(sqlite));
		return;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL, "%s: %s", what, sqlite3_errmsg(sqlite));
}

/* After a full disk, an I/O error or an interrupted write SQLite may have undone the transaction.
 */
static gboolean fail(SqliteConnection *self, GError **error, const char *what)
{
	set_error(error, self->sqlite, what);
	if (sqlite3_get_autocommit(self->sqlite))
		self->connection.failure = FAILURE_GROUP;
	return FALSE;
}

static gboolean run_control(SqliteConnection *self, Control control, GError **error)
{
	sqlite3_stmt *statement = self->controls[control];
	int code = sqlite3_step(statement);

	if (code == SQLITE_DONE) {
		sqlite3_reset(statement);
		return TRUE;
	}
	fail(self, error, control_texts[control]);
	sqlite3_reset(statement);
	return FALSE;
}

/* --- Opening --- */

static int look_at_clock(gpointer data)
{
	const Connection *connection = data;

	return connection->deadline_us && g_get_monotonic_time() > connection->deadline_us;
}

static gboolean run_text(SqliteConnection *self, const char *sql, const char *what, GError **error)
{
	if (sqlite3_exec(self->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK)
		return TRUE;
	return fail(self, error, what);
}

static gboolean set_up(SqliteConnection *self, GError **error)
{
	gboolean writer = self->connection.kind == CONNECTION_WRITER;
	g_autofree char *pragmas =
		g_strdup_printf("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
				"PRAGMA foreign_keys=ON; PRAGMA cache_size=-%d;"
				"PRAGMA wal_autocheckpoint=%d; PRAGMA query_only=%s",
			writer ? WRITER_CACHE_KIB : READER_CACHE_KIB, CHECKPOINT_PAGES,
			writer ? "OFF" : "ON");

	sqlite3_extended_result_codes(self->sqlite, 1);
	sqlite3_busy_timeout(self->sqlite, BUSY_WAIT_MS);
	if (!run_text(self, pragmas, "set up the database", error))
		return FALSE;
	/* An interrupted write takes the group's transaction with it, so only readers are ended. */
	if (!writer)
		sqlite3_progress_handler(
			self->sqlite, DEADLINE_STEPS, look_at_clock, &self->connection);
	for (guint i = 0; i < N_CONTROLS; i++) {
		if (sqlite3_prepare_v3(self->sqlite, control_texts[i], -1,
			    SQLITE_PREPARE_PERSISTENT, &self->controls[i], NULL) != SQLITE_OK)
			return fail(self, error, control_texts[i]);
	}
	return TRUE;
}

static void sqlite_close(Connection *connection)
{
	SqliteConnection *self = (SqliteConnection *)connection;

	for (guint i = 0; i < N_QUERIES; i++)
		sqlite3_finalize(self->cache[i].statement);
	for (guint i = 0; i < N_CONTROLS; i++)
		sqlite3_finalize(self->controls[i]);
	if (sqlite3_close(self->sqlite) != SQLITE_OK)
		g_critical("close the database: %s", sqlite3_errmsg(self->sqlite));
	g_free(self);
}

static Connection *sqlite_open(const char *where, ConnectionKind kind, GError **error)
{
	SqliteConnection *self = g_new0(SqliteConnection, 1);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

	self->connection = (Connection){ .engine = &sqlite_engine, .kind = kind };
	if (kind == CONNECTION_WRITER)
		flags |= SQLITE_OPEN_CREATE;
	if (sqlite3_open_v2(where, &self->sqlite, flags, NULL) != SQLITE_OK)
		set_error(error, self->sqlite, where);
	else if (set_up(self, error))
		return &self->connection;
	else
		g_prefix_error(error, "%s: ", where);
	sqlite_close(&self->connection);
	return NULL;
}

/* --- Transactions --- */

static gboolean sqlite_begin(Connection *connection, GError **error)
{
	gboolean writer = connection->kind == CONNECTION_WRITER;

	connection->failure = FAILURE_NONE;
	return run_control(
		(SqliteConnection *)connection, writer ? BEGIN_WRITE : BEGIN_READ, error);
}

static void sqlite_rollback(Connection *connection)
{
	SqliteConnection *self = (SqliteConnection *)connection;

	if (!sqlite3_get_autocommit(self->sqlite) &&
		sqlite3_exec(self->sqlite, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
		g_critical("roll back: %s", sqlite3_errmsg(self->sqlite));
}

static gboolean sqlite_commit(Connection *connection, GError **error)
{
	if (run_control((SqliteConnection *)connection, COMMIT, error))
		return TRUE;
	sqlite_rollback(connection);
	return FALSE;
}

static gboolean sqlite_job_begin(Connection *connection, GError **error)
{
	return run_control((SqliteConnection *)connection, JOB_BEGIN, error);
}

static gboolean sqlite_job_keep(Connection *connection, GError **error)
{
	return run_control((SqliteConnection *)connection, JOB_KEEP, error);
}

static gboolean sqlite_job_undo(Connection *connection, GError **error)
{
	SqliteConnection *self = (SqliteConnection *)connection;

	return run_control(self, JOB_UNDO, error) && run_control(self, JOB_KEEP, error);
}

/* --- Statements --- */

static sqlite3_stmt *prepare(SqliteConnection *self, QueryId query, unsigned flags, GError **error)
{
	const QueryRow *row = &query_rows[query];
	const char *text = row->text[sqlite_engine.text];
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v3(self->sqlite, text, -1, flags, &statement, NULL) != SQLITE_OK)
		fail(self, error, row->name);
	return statement;
}

static void find_places(Cached *cached, QueryId query)
{
	for (guint i = 0; i < query_rows[query].n_parameters; i++) {
		char name[16];

		g_snprintf(name, sizeof(name), "$%u", i + 1);
		cached->places[i] = (guint8)sqlite3_bind_parameter_index(cached->statement, name);
	}
}

static sqlite3_stmt *take_statement(
	SqliteConnection *self, QueryId query, gboolean *ret_cached, GError **error)
{
	Cached *cached = &self->cache[query];

	*ret_cached = !cached->in_use;
	if (cached->in_use)
		return prepare(self, query, 0, error);
	if (!cached->statement) {
		cached->statement = prepare(self, query, SQLITE_PREPARE_PERSISTENT, error);
		if (cached->statement)
			find_places(cached, query);
	}
	cached->in_use = cached->statement != NULL;
	return cached->statement;
}

static void give_back(
	SqliteConnection *self, QueryId query, sqlite3_stmt *statement, gboolean cached)
{
	if (!cached) {
		sqlite3_finalize(statement);
		return;
	}
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	self->cache[query].in_use = FALSE;
}

static int bind_value(sqlite3_stmt *statement, int index, const DbValue *value)
{
	gconstpointer data;
	gsize size;

	switch (value->kind) {
	case DB_TEXT:
		return sqlite3_bind_text(statement, index, value->text, -1, SQLITE_TRANSIENT);
	case DB_INT:
		return sqlite3_bind_int64(statement, index, value->number);
	case DB_REAL:
		return sqlite3_bind_double(statement, index, value->real);
	case DB_BLOB:
		data = g_bytes_get_data(value->blob, &size);
		return sqlite3_bind_blob64(
			statement, index, data ? data : "", size, SQLITE_TRANSIENT);
	case DB_NULL:
	case DB_END:
		break;
	}
	return sqlite3_bind_null(statement, index);
}

static gboolean bind_values(SqliteConnection *self, sqlite3_stmt *statement, QueryId query,
	const DbValue *values, GError **error)
{
	const guint8 *places = self->cache[query].places;

	for (guint i = 0; i < query_rows[query].n_parameters; i++) {
		if (bind_value(statement, places[i], &values[i]) != SQLITE_OK)
			return fail(self, error, query_rows[query].name);
	}
	return TRUE;
}

static gboolean run_to_end(SqliteConnection *self, sqlite3_stmt *statement, QueryId query,
	gint64 *ret_changed, GError **error)
{
	int code;

	do {
		code = sqlite3_step(statement);
	} while (code == SQLITE_ROW);
	if (code != SQLITE_DONE)
		return fail(self, error, query_rows[query].name);
	if (ret_changed)
		*ret_changed =
			sqlite3_stmt_readonly(statement) ? 0 : sqlite3_changes64(self->sqlite);
	return TRUE;
}

static void sqlite_rows_free(Rows *rows)
{
	SqliteRows *self = (SqliteRows *)rows;

	give_back((SqliteConnection *)rows->connection, rows->query, self->statement, self->cached);
	g_free(self);
}

/* The first step is made here, so that a statement is carried out, and fails, where it is called on
 * both engines, whether its rows are read or not. */
static Rows *start_rows(
	SqliteConnection *self, sqlite3_stmt *statement, QueryId query, gboolean cached)
{
	SqliteRows *rows = g_new0(SqliteRows, 1);

	rows->rows =
		(Rows){ .engine = &sqlite_engine, .connection = &self->connection, .query = query };
	rows->statement = statement;
	rows->cached = cached;
	rows->stepped = sqlite3_step(statement);
	return &rows->rows;
}

static gboolean sqlite_execute(Connection *connection, QueryId query, const DbValue *values,
	Rows **ret_rows, gint64 *ret_changed, GError **error)
{
	SqliteConnection *self = (SqliteConnection *)connection;
	gboolean cached, ok;
	sqlite3_stmt *statement = take_statement(self, query, &cached, error);
	Rows *rows;
	int stepped;

	if (!statement)
		return FALSE;
	ok = bind_values(self, statement, query, values, error);
	if (!ok || !ret_rows) {
		ok = ok && run_to_end(self, statement, query, ret_changed, error);
		give_back(self, query, statement, cached);
		return ok;
	}
	rows = start_rows(self, statement, query, cached);
	stepped = ((SqliteRows *)rows)->stepped;
	if (stepped == SQLITE_ROW || stepped == SQLITE_DONE) {
		*ret_rows = rows;
		return TRUE;
	}
	fail(self, error, query_rows[query].name);
	sqlite_rows_free(rows);
	return FALSE;
}

static gboolean sqlite_rows_next(Rows *rows, GError **error)
{
	SqliteRows *self = (SqliteRows *)rows;
	int stepped = self->stepped;

	if (self->ended)
		return FALSE;
	if (!stepped)
		stepped = sqlite3_step(self->statement);
	self->stepped = 0;
	if (stepped == SQLITE_ROW)
		return TRUE;
	self->ended = TRUE; /* a further step would begin anew */
	if (stepped != SQLITE_DONE)
		fail((SqliteConnection *)rows->connection, error, query_rows[rows->query].name);
	return FALSE;
}

static gboolean sqlite_rows_is_null(Rows *rows, guint column)
{
	return sqlite3_column_type(((SqliteRows *)rows)->statement, (int)column) == SQLITE_NULL;
}

static const char *sqlite_rows_text(Rows *rows, guint column)
{
	return (const char *)sqlite3_column_text(((SqliteRows *)rows)->statement, (int)column);
}

static gint64 sqlite_rows_int(Rows *rows, guint column)
{
	return sqlite3_column_int64(((SqliteRows *)rows)->statement, (int)column);
}

static double sqlite_rows_real(Rows *rows, guint column)
{
	return sqlite3_column_double(((SqliteRows *)rows)->statement, (int)column);
}

static GBytes *sqlite_rows_blob(Rows *rows, guint column)
{
	sqlite3_stmt *statement = ((SqliteRows *)rows)->statement;
	gconstpointer data = sqlite3_column_blob(statement, (int)column);

	if (sqlite3_column_type(statement, (int)column) == SQLITE_NULL)
		return NULL;
	return g_bytes_new(data, (gsize)sqlite3_column_bytes(statement, (int)column));
}

/* --- The whole --- */

static gboolean sqlite_run_script(Connection *connection, const char *sql, GError **error)
{
	return run_text((SqliteConnection *)connection, sql, "statements", error);
}

static gboolean sqlite_plan(Connection *connection, QueryId query, GError **error)
{
	SqliteConnection *self = (SqliteConnection *)connection;
	sqlite3_stmt *statement = prepare(self, query, 0, error);
	int n_parameters;

	if (!statement)
		return FALSE;
	n_parameters = sqlite3_bind_parameter_count(statement);
	sqlite3_finalize(statement);
	if ((guint)n_parameters == query_rows[query].n_parameters)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL, "%s: SQLite counts %d parameters",
		query_rows[query].name, n_parameters);
	return FALSE;
}

const DatabaseEngine sqlite_engine = {
	.name = "sqlite",
	.text = 0,
	.open = sqlite_open,
	.close = sqlite_close,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.job_begin = sqlite_job_begin,
	.job_keep = sqlite_job_keep,
	.job_undo = sqlite_job_undo,
	.execute = sqlite_execute,
	.rows_next = sqlite_rows_next,
	.rows_is_null = sqlite_rows_is_null,
	.rows_text = sqlite_rows_text,
	.rows_int = sqlite_rows_int,
	.rows_real = sqlite_rows_real,
	.rows_blob = sqlite_rows_blob,
	.rows_free = sqlite_rows_free,
	.run_script = sqlite_run_script,
	.plan = sqlite_plan,
};
