/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/error.h"
#include "server/job.h"

/* A job's view of the store: its statements, their rows, and what it wants done after the commit.
 */

struct Transaction {
	Connection *connection;
	Job *job;
	GError *failure; /* of the first statement that failed; the job fails with it */
	guint open_rows;
};

gboolean job_call(Connection *connection, Job *job)
{
	Transaction transaction = { .connection = connection, .job = job };
	gboolean ok;

	job_drop_hooks(job);
	g_clear_error(&job->error);
	job->runs++;
	connection->deadline_us = g_get_monotonic_time() + job->limit_us;
	ok = job->run(&transaction, job->data, &job->error);
	connection->deadline_us = 0;
	if (transaction.open_rows)
		g_critical("a job left %u results open", transaction.open_rows);
	if (transaction.failure && ok) {
		ok = FALSE;
		g_propagate_error(&job->error, g_steal_pointer(&transaction.failure));
	}
	g_clear_error(&transaction.failure);
	if (!ok && !job->error)
		g_set_error(&job->error, ROTA_ERROR, ROTA_ERROR_INTERNAL,
			"a job failed without a reason");
	if (ok)
		g_clear_error(&job->error);
	return ok;
}

void transaction_on_commit(Transaction *transaction, void (*function)(gpointer data), gpointer data,
	GDestroyNotify free_data)
{
	JobHook hook = { function, data, free_data };
	Job *job = transaction->job;

	if (!job->hooks)
		job->hooks = g_array_new(FALSE, FALSE, sizeof(JobHook));
	g_array_append_val(job->hooks, hook);
}

/* --- Statements --- */

/* A NULL text or blob is null, so that callers need no branch for what may be absent. */
static gboolean read_value(va_list *arguments, DbValue *ret_value)
{
	ret_value->kind = va_arg(*arguments, DbKind);
	switch (ret_value->kind) {
	case DB_TEXT:
		ret_value->text = va_arg(*arguments, const char *);
		break;
	case DB_INT:
		ret_value->number = va_arg(*arguments, gint64);
		return TRUE;
	case DB_REAL:
		ret_value->real = va_arg(*arguments, double);
		return TRUE;
	case DB_BLOB:
		ret_value->blob = va_arg(*arguments, GBytes *);
		break;
	case DB_NULL:
		return TRUE;
	case DB_END:
		return FALSE;
	}
	if (!ret_value->text)
		ret_value->kind = DB_NULL;
	return TRUE;
}

static gboolean execute(Transaction *transaction, Rows **ret_rows, gint64 *ret_changed,
	QueryId query, va_list *arguments, GError **error)
{
	Connection *connection = transaction->connection;
	DbValue values[DATABASE_PARAMETERS + 1];
	guint n_values = 0;

	while (n_values <= DATABASE_PARAMETERS && read_value(arguments, &values[n_values]))
		n_values++;
	if (n_values != query_rows[query].n_parameters) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INTERNAL, "%s: takes %u values, got %u",
			query_rows[query].name, query_rows[query].n_parameters, n_values);
		return FALSE;
	}
	return connection->engine->execute(connection, query, values, ret_rows, ret_changed, error);
}

/* Keeps the first failure of a statement: no later one is tried, and the job fails with it. */
static gboolean settle(Transaction *transaction, GError *failure, GError **error)
{
	if (!failure)
		return TRUE;
	transaction->failure = g_error_copy(failure);
	g_propagate_error(error, failure);
	return FALSE;
}

static gboolean may_go_on(Transaction *transaction, GError **error)
{
	if (!transaction->failure)
		return TRUE;
	g_propagate_error(error, g_error_copy(transaction->failure));
	return FALSE;
}

gboolean transaction_run(
	Transaction *transaction, gint64 *ret_changed, GError **error, QueryId query, ...)
{
	GError *failure = NULL;
	va_list arguments;

	if (!may_go_on(transaction, error))
		return FALSE;
	va_start(arguments, query);
	execute(transaction, NULL, ret_changed, query, &arguments, &failure);
	va_end(arguments);
	return settle(transaction, failure, error);
}

Rows *transaction_query(Transaction *transaction, GError **error, QueryId query, ...)
{
	GError *failure = NULL;
	Rows *rows = NULL;
	va_list arguments;

	if (!may_go_on(transaction, error))
		return NULL;
	va_start(arguments, query);
	execute(transaction, &rows, NULL, query, &arguments, &failure);
	va_end(arguments);
	if (!settle(transaction, failure, error))
		return NULL;
	rows->transaction = transaction;
	transaction->open_rows++;
	return rows;
}

gboolean rows_next(Rows *rows, GError **error)
{
	GError *failure = NULL;
	gboolean found;

	if (!may_go_on(rows->transaction, error))
		return FALSE;
	found = rows->engine->rows_next(rows, &failure);
	return settle(rows->transaction, failure, error) && found;
}

gboolean rows_is_null(Rows *rows, guint column)
{
	return rows->engine->rows_is_null(rows, column);
}

const char *rows_text(Rows *rows, guint column)
{
	return rows->engine->rows_text(rows, column);
}

gint64 rows_int(Rows *rows, guint column)
{
	return rows->engine->rows_int(rows, column);
}

double rows_real(Rows *rows, guint column)
{
	return rows->engine->rows_real(rows, column);
}

GBytes *rows_blob(Rows *rows, guint column)
{
	return rows->engine->rows_blob(rows, column);
}

void rows_free(Rows *rows)
{
	rows->transaction->open_rows--;
	rows->engine->rows_free(rows);
}
