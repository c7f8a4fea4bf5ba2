/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/database.h"

/* What an engine is to the store: a struct of functions. database.c owns threads, queues, groups
 * and deadlines; an engine owns a connection and knows its SQL. Used by the files of the store
 * only.
 *
 * A connection belongs to one thread at a time. An engine may put off begin, job_begin, job_keep
 * and job_undo and send them with the next statement: their failure then shows there, or at commit.
 */
typedef struct DatabaseEngine DatabaseEngine;

typedef enum {
	CONNECTION_WRITER,  /* durable; its transactions exclude each other over all nodes */
	CONNECTION_READER,  /* its transactions see one moment and change nothing */
	CONNECTION_CHECKER, /* a reader whose statements may take long */
} ConnectionKind;

/* What is left of the transaction after something failed. */
typedef enum {
	FAILURE_NONE,  /* or the job alone: job_undo puts it right */
	FAILURE_RETRY, /* the same, and the engine says that running the job again may succeed */
	FAILURE_GROUP, /* the engine has undone the whole transaction; the connection is good */
	FAILURE_LOST,  /* the connection is gone */
} Failure;

/* Engines begin their own struct with this one. */
typedef struct {
	const DatabaseEngine *engine;
	ConnectionKind kind;
	Failure failure;    /* set by the engine when it fails, cleared by begin */
	gint64 deadline_us; /* monotonic; statements on a reader are ended then. 0 = the engine's
			       own */
} Connection;

typedef struct {
	DbKind kind;
	union {
		const char *text;
		gint64 number;
		double real;
		GBytes *blob;
	};
} DbValue;

/* Engines begin their own rows with this. */
struct Rows {
	const DatabaseEngine *engine;
	Connection *connection;
	Transaction *transaction; /* set by transaction.c */
	QueryId query;
};

struct DatabaseEngine {
	const char *name;
	guint text; /* which text of a query row is ours */

	/* @where: what follows "sqlite:", or the whole postgresql:// address */
	Connection *(*open)(const char *where, ConnectionKind kind, GError **error);
	void (*close)(Connection *connection);

	gboolean (*begin)(Connection *connection, GError **error);
	/* TRUE: durable. FALSE: undone; or, with FAILURE_LOST, nobody knows. */
	gboolean (*commit)(Connection *connection, GError **error);
	void (*rollback)(Connection *connection);

	gboolean (*job_begin)(Connection *connection, GError **error);
	gboolean (*job_keep)(Connection *connection, GError **error);
	gboolean (*job_undo)(Connection *connection, GError **error);

	/* Exactly query_rows[query].n_parameters values. @ret_rows NULL: nobody wants the rows. */
	gboolean (*execute)(Connection *connection, QueryId query, const DbValue *values,
		Rows **ret_rows, gint64 *ret_changed, GError **error);
	gboolean (*rows_next)(Rows *rows, GError **error);
	gboolean (*rows_is_null)(Rows *rows, guint column);
	const char *(*rows_text)(Rows *rows, guint column);
	gint64 (*rows_int)(Rows *rows, guint column);
	double (*rows_real)(Rows *rows, guint column);
	GBytes *(*rows_blob)(Rows *rows, guint column);
	void (*rows_free)(Rows *rows);

	/* Several statements without parameters, inside begin and commit: a schema step. */
	gboolean (*run_script)(Connection *connection, const char *sql, GError **error);
	/* The engine's own plan for a statement, without running it: for the test of all
	 * statements. */
	gboolean (*plan)(Connection *connection, QueryId query, GError **error);
};

extern const DatabaseEngine sqlite_engine;
#ifdef HAVE_POSTGRESQL
extern const DatabaseEngine postgresql_engine;
#endif

/* The engine that serves @url, and what follows its scheme. */
const DatabaseEngine *database_engine_for(
	const char *url, const char **ret_where, GError **error) G_GNUC_WARN_UNUSED_RESULT;
