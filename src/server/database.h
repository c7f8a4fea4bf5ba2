/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "server/queries.h" /* generated from the files in sql/queries: an enum member per statement */

/* The store: one interface, two engines (SQLite and PostgreSQL).
 *
 * Statements are never put together in C: they are named in sql/queries/<domain>.sql, checked and
 * planned in a test on both engines, and called by their id. All writing goes through one writer
 * thread, which runs jobs one after another, each in its own savepoint, commits what has gathered
 * (at most 5 ms or 256 jobs) in one durable transaction, and only then tells the jobs' owners. So a
 * job sees a world that nobody else changes, and what was acknowledged is on disk. Reading happens
 * on worker threads, each with its own connection and snapshot.
 *
 * What a job must hold to:
 * - It may be run a second time from its start, after all it wrote was undone (another job took the
 *   group's transaction down with it, or the engine asked for a retry). So beside the database it
 *   changes nothing that a second run would not set to the same; all else goes into
 *   transaction_on_commit().
 * - After a statement failed, the job fails, whatever it returns: PostgreSQL goes on no further
 * then, and both engines shall behave alike. Where a clash is expected, say ON CONFLICT DO NOTHING
 * and look at the number of rows changed.
 * - It does not wait for anything: all other writers stand behind it. */
typedef struct Database Database;
typedef struct Transaction Transaction; /* a job's or a reader's view; belongs to one thread */
typedef struct Rows Rows;               /* the result of a query, row by row */

#define DATABASE_GROUP_JOBS 256     /* jobs in one durable transaction, at most */
#define DATABASE_GROUP_TIME_US 5000 /* how long a group gathers, at most */
#define DATABASE_QUEUE_JOBS 8192    /* jobs that wait for the writer, or for a reader, at most */
#define DATABASE_WAIT_US 10000000   /* a job that waited longer is not begun: TIMED_OUT */
#define DATABASE_JOB_US 30000000    /* a job's statements are ended after this: TIMED_OUT */
#define DATABASE_WAITED_JOB_US 600000000 /* the same for a job whose caller waits */
#define DATABASE_JOB_RUNS 3              /* how often a job is run, at most */
#define DATABASE_READERS 32              /* reading connections, at most */
#define DATABASE_PARAMETERS 32           /* parameters of a statement, at most */

/* @url: sqlite:FILE or postgresql://... ; applies missing schema steps in one transaction each.
 * A schema of a later release that this one cannot serve is ROTA_ERROR_UNSUPPORTED, a step that was
 * changed after it had been applied ROTA_ERROR_CORRUPT. */
Database *database_open(const char *url, guint n_readers, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Finishes the jobs in the queue, then closes. */
void database_free(Database *database);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Database, database_free)
/* "sqlite" or "postgresql". */
const char *database_engine(const Database *database);
/* Integrity and referential checks of the engine: `rota-server check`. ROTA_ERROR_CORRUPT says what
 * is broken. Waits; never on a loop. */
gboolean database_check(Database *database, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For /metrics: what has happened since the start, and what waits now. */
typedef struct {
	guint64 jobs_written, jobs_failed, jobs_read, groups;
	guint64 group_us; /* time in all groups, the commits included */
	guint write_queue, read_queue;
} DatabaseFigures;
void database_figures(Database *database, DatabaseFigures *ret_figures);

/* --- Jobs --- */
/* Runs on the writer (may write) or on a reader. FALSE with @error undoes all the job wrote. */
typedef gboolean (*DatabaseJob)(Transaction *transaction, gpointer data, GError **error);
/* Called once, on the writer's or reader's thread, after the commit is durable: @error is NULL
 * then. Short: it hands the answer to a loop. */
typedef void (*DatabaseDone)(gpointer data, const GError *error);

/* A full queue is answered with ROTA_ERROR_UNAVAILABLE through @done, on the caller's thread. */
void database_write(Database *database, DatabaseJob job, DatabaseDone done, gpointer data);
void database_read(Database *database, DatabaseJob job, DatabaseDone done, gpointer data);
/* The same, waiting for the result: for start-up, command line verbs and tests; never on a loop nor
 * inside a job. */
gboolean database_write_wait(Database *database, DatabaseJob job, gpointer data,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean database_read_wait(Database *database, DatabaseJob job, gpointer data,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Runs @function after the commit of the job's group is durable (hot state follows changes only
 * then), before the job's own done; not at all when the job fails or the commit does. On the
 * writer's thread, in the order of the calls and of the jobs. @free_data is called either way. */
void transaction_on_commit(Transaction *transaction, void (*function)(gpointer data), gpointer data,
	GDestroyNotify free_data);

/* --- Statements: arguments after @query follow its parameters in order ---
 * Each argument is given as a pair (kind, value): DB_TEXT, "x", DB_INT, (gint64)5, DB_REAL, 0.5,
 * DB_BLOB, GBytes*; DB_NULL stands alone. A NULL text or blob is null. End with DB_END. */
typedef enum { DB_END, DB_NULL, DB_TEXT, DB_INT, DB_REAL, DB_BLOB } DbKind;

/* @ret_changed: (nullable): rows changed. A broken unique rule or reference is ROTA_ERROR_CONFLICT,
 * a broken check or a value the engine cannot hold ROTA_ERROR_INVALID. */
gboolean transaction_run(Transaction *transaction, gint64 *ret_changed, GError **error,
	QueryId query, ...) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full): rows, to be freed before the job returns; or NULL. */
Rows *transaction_query(
	Transaction *transaction, GError **error, QueryId query, ...) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE: there is a row. FALSE: the end, or @error. */
gboolean rows_next(Rows *rows, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean rows_is_null(Rows *rows, guint column);
const char *rows_text(Rows *rows, guint column); /* borrowed until the next row; NULL for null */
gint64 rows_int(Rows *rows, guint column);       /* 0 for null */
double rows_real(Rows *rows, guint column);
GBytes *rows_blob(Rows *rows, guint column); /* (transfer full) (nullable) */
void rows_free(Rows *rows);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rows, rows_free)
