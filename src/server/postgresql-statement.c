/* SPDX-License-Identifier: Apache-2.0 */
#include "server/postgresql-private.h"

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

static gboolean send_query(
	PostgresqlConnection *self, QueryId query, const DbValue *values, GError **error)
{
	const QueryRow *row = &query_rows[query];
	Parameters parameters;

	for (guint i = 0; i < row->n_parameters; i++) {
		parameters.lengths[i] = parameters.formats[i] = 0;
		set_parameter(&parameters, i, &values[i]);
	}
	if (!self->prepared[query] && !postgresql_send_prepare(self, query, error))
		return FALSE;
	if (!PQsendQueryPrepared(self->pg, row->name, (int)row->n_parameters, parameters.values,
		    parameters.lengths, parameters.formats, 0))
		return postgresql_fail_lost(self, error, row->name);
	return postgresql_send_sync(self, error);
}

/* (transfer full): the statement's own result, or NULL. Reads up to the sync in any case. */
static PGresult *read_query(PostgresqlConnection *self, QueryId query, GError **error)
{
	gboolean good = postgresql_read_all_pending(self, error);
	PGresult *result = NULL;

	if (self->connection.failure == FAILURE_LOST)
		return NULL;
	result = postgresql_next_result(self);
	if (!result)
		postgresql_fail_lost(self, good ? error : NULL, query_rows[query].name);
	else if (good && !postgresql_is_good(result))
		good = postgresql_fail(self, result, error, query_rows[query].name);
	if (result)
		PQclear(postgresql_next_result(self)); /* the end of the command */
	good = good && result;
	if (self->connection.failure != FAILURE_LOST)
		good = postgresql_read_pending(self,
			       &(PostgresqlPending){ POSTGRESQL_PENDING_SYNC, 0 },
			       good ? error : NULL) &&
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

gboolean postgresql_execute(Connection *connection, QueryId query, const DbValue *values,
	Rows **ret_rows, gint64 *ret_changed, GError **error)
{
	PostgresqlConnection *self = (PostgresqlConnection *)connection;
	PGresult *result;

	if (!send_query(self, query, values, error))
		return FALSE;
	result = read_query(self, query, error);
	if (!result)
		return FALSE;
	if (ret_changed)
		*ret_changed = count_changed(result);
	if (ret_rows)
		*ret_rows = postgresql_rows_new(connection, query, result);
	else
		PQclear(result);
	return TRUE;
}
