/* SPDX-License-Identifier: Apache-2.0 */
#include "server/postgresql-private.h"

typedef struct {
	Rows rows;
	PGresult *result;
	int row; /* -1 before the first */
} PostgresqlRows;

Rows *postgresql_rows_new(Connection *connection, QueryId query, PGresult *result)
{
	PostgresqlRows *self = g_new0(PostgresqlRows, 1);

	self->rows =
		(Rows){ .engine = &postgresql_engine, .connection = connection, .query = query };
	self->result = result;
	self->row = -1;
	return &self->rows;
}

gboolean postgresql_rows_next(Rows *rows, GError **error)
{
	PostgresqlRows *self = (PostgresqlRows *)rows;
	int n = PQntuples(self->result);

	if (self->row < n)
		self->row++;
	return self->row < n;
}

gboolean postgresql_rows_is_null(Rows *rows, guint column)
{
	PostgresqlRows *self = (PostgresqlRows *)rows;

	return PQgetisnull(self->result, self->row, (int)column);
}

const char *postgresql_rows_text(Rows *rows, guint column)
{
	PostgresqlRows *self = (PostgresqlRows *)rows;

	if (postgresql_rows_is_null(rows, column))
		return NULL;
	return PQgetvalue(self->result, self->row, (int)column);
}

gint64 postgresql_rows_int(Rows *rows, guint column)
{
	PostgresqlRows *self = (PostgresqlRows *)rows;

	return g_ascii_strtoll(PQgetvalue(self->result, self->row, (int)column), NULL, 10);
}

double postgresql_rows_real(Rows *rows, guint column)
{
	PostgresqlRows *self = (PostgresqlRows *)rows;

	return g_ascii_strtod(PQgetvalue(self->result, self->row, (int)column), NULL);
}

GBytes *postgresql_rows_blob(Rows *rows, guint column)
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

void postgresql_rows_free(Rows *rows)
{
	PostgresqlRows *self = (PostgresqlRows *)rows;

	PQclear(self->result);
	g_free(self);
}
