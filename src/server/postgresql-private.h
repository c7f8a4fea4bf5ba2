/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <libpq-fe.h>
#include "server/database-engine.h"

/* The inside of the PostgreSQL engine, shared by its files alone; postgresql.c says how it works.
 */

#define POSTGRESQL_PENDING_MAX 16 /* commands in the pipeline whose results are not read */

/* Commands without parameters and without an answer of interest. */
typedef enum {
	POSTGRESQL_JOB_BEGIN,
	POSTGRESQL_JOB_KEEP,
	POSTGRESQL_JOB_UNDO,
	POSTGRESQL_BEGIN_WRITE,
	POSTGRESQL_LOCK,
	POSTGRESQL_BEGIN_READ,
	POSTGRESQL_COMMIT,
	POSTGRESQL_ROLLBACK,
	POSTGRESQL_CONTROLS
} PostgresqlControl;

typedef enum {
	POSTGRESQL_PENDING_CONTROL,
	POSTGRESQL_PENDING_PREPARE,
	POSTGRESQL_PENDING_SYNC
} PostgresqlPendingKind;

typedef struct {
	PostgresqlPendingKind kind;
	guint which; /* PostgresqlControl or QueryId */
} PostgresqlPending;

typedef struct {
	Connection connection;
	PGconn *pg;
	gboolean prepared[N_QUERIES];
	PostgresqlPending pending[POSTGRESQL_PENDING_MAX];
	guint n_pending;
} PostgresqlConnection;

/* postgresql-errors.c: both return FALSE and set what is left of the transaction. */
gboolean postgresql_fail_lost(PostgresqlConnection *self, GError **error, const char *what);
gboolean postgresql_fail(
	PostgresqlConnection *self, const PGresult *result, GError **error, const char *what);

/* postgresql-pipeline.c: what is sent goes to the server with the next sync. */
gboolean postgresql_send_control(
	PostgresqlConnection *self, PostgresqlControl control, GError **error);
gboolean postgresql_send_prepare(PostgresqlConnection *self, QueryId query, GError **error);
gboolean postgresql_send_sync(PostgresqlConnection *self, GError **error);
void postgresql_add_pending(PostgresqlConnection *self, PostgresqlPendingKind kind, guint which);
/* Reads what one command answered. @error: NULL when an earlier failure is to be told: after one,
 * the server skips all to the next sync. */
gboolean postgresql_read_pending(
	PostgresqlConnection *self, const PostgresqlPending *pending, GError **error);
/* Reads the answers to all that was sent, up to the last command of execute. */
gboolean postgresql_read_all_pending(PostgresqlConnection *self, GError **error);
/* Sends what is in the pipeline and reads all answers. */
gboolean postgresql_synchronise(PostgresqlConnection *self, GError **error);
/* NULL: the end of a command, or the connection is lost. */
PGresult *postgresql_next_result(PostgresqlConnection *self);
gboolean postgresql_is_good(const PGresult *result);

/* postgresql-transaction.c */
gboolean postgresql_begin(Connection *connection, GError **error);
gboolean postgresql_commit(Connection *connection, GError **error);
void postgresql_rollback(Connection *connection);
gboolean postgresql_job_begin(Connection *connection, GError **error);
gboolean postgresql_job_keep(Connection *connection, GError **error);
gboolean postgresql_job_undo(Connection *connection, GError **error);

/* postgresql-statement.c */
gboolean postgresql_execute(Connection *connection, QueryId query, const DbValue *values,
	Rows **ret_rows, gint64 *ret_changed, GError **error);

/* postgresql-rows.c */
/* @result: (transfer full) */
Rows *postgresql_rows_new(Connection *connection, QueryId query, PGresult *result);
gboolean postgresql_rows_next(Rows *rows, GError **error);
gboolean postgresql_rows_is_null(Rows *rows, guint column);
const char *postgresql_rows_text(Rows *rows, guint column);
gint64 postgresql_rows_int(Rows *rows, guint column);
double postgresql_rows_real(Rows *rows, guint column);
GBytes *postgresql_rows_blob(Rows *rows, guint column);
void postgresql_rows_free(Rows *rows);
