/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "server/queries.h" /* generated from sql/queries/*.sql: one enum member per named statement */

/* The store: one interface, two engines (SQLite and PostgreSQL).
 *
 * Statements are never put together in C: they are named in sql/queries/<domain>.sql, checked and
 * planned in a test on both engines, and called by their id. All writing goes through one writer
 * thread, which runs jobs one after another, each in its own savepoint, commits what has gathered
 * (at most 5 ms or 256 jobs) in one durable transaction, and only then tells the jobs' owners. So a
 * job sees a world that nobody else changes, and what was acknowledged is on disk. Reading happens
 * on worker threads, each with its own connection and snapshot. */
typedef struct Database Database;
typedef struct Transaction Transaction; /* a job's or a reader's view; belongs to one thread */
typedef struct Rows Rows;               /* the result of a query, row by row */

/* @url: sqlite:FILE or postgresql://... ; applies missing schema steps in one transaction each. */
Database *database_open(const char *url, guint n_readers, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Finishes the jobs in the queue, then closes. */
void database_free(Database *database);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Database, database_free)
/* "sqlite" or "postgresql". */
const char *database_engine(const Database *database);
/* Integrity and referential checks of the engine and of the schema version: `rota-server check`. */
gboolean database_check(Database *database, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- Jobs --- */
/* Runs on the writer (may write) or on a reader. FALSE with @error undoes all the job wrote. */
typedef gboolean (*DatabaseJob)(Transaction *transaction, gpointer data, GError **error);
/* Called once, on the writer's or reader's thread, after the commit is durable: @error is NULL then. */
typedef void (*DatabaseDone)(gpointer data, const GError *error);

/* A full queue (named maximum) is answered with ROTA_ERROR_UNAVAILABLE through @done. */
void database_write(Database *database, DatabaseJob job, DatabaseDone done, gpointer data);
void database_read(Database *database, DatabaseJob job, DatabaseDone done, gpointer data);
/* The same, waiting for the result: for start-up, command line verbs and tests; never on a loop. */
gboolean database_write_wait(Database *database, DatabaseJob job, gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean database_read_wait(Database *database, DatabaseJob job, gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Runs @function after the commit of the job's group is durable (hot state follows changes only then),
 * before the job's own done; not at all when the job fails or the commit does. On the writer's thread. */
void transaction_on_commit(Transaction *transaction, void (*function)(gpointer data), gpointer data, GDestroyNotify free_data);

/* --- Statements: arguments after @query follow its parameters in order ---
 * Each argument is given as a pair (kind, value): DB_TEXT, "x", DB_INT, (gint64)5, DB_NULL, DB_BLOB, GBytes*. End with DB_END. */
typedef enum { DB_END, DB_NULL, DB_TEXT, DB_INT, DB_REAL, DB_BLOB } DbKind;

/* @ret_changed: (nullable): rows changed. A broken unique rule is ROTA_ERROR_CONFLICT. */
gboolean transaction_run(Transaction *transaction, gint64 *ret_changed, GError **error, QueryId query, ...)
	G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full): rows, or NULL. */
Rows *transaction_query(Transaction *transaction, GError **error, QueryId query, ...) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE: there is a row. FALSE: the end, or @error. */
gboolean rows_next(Rows *rows, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean rows_is_null(Rows *rows, guint column);
const char *rows_text(Rows *rows, guint column); /* borrowed until the next row; NULL for null */
gint64 rows_int(Rows *rows, guint column);
double rows_real(Rows *rows, guint column);
GBytes *rows_blob(Rows *rows, guint column);     /* (transfer full) */
void rows_free(Rows *rows);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rows, rows_free)
