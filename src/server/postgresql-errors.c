/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "server/postgresql-private.h"

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

gboolean postgresql_fail_lost(PostgresqlConnection *self, GError **error, const char *what)
{
	g_autofree char *said = g_strdup(PQerrorMessage(self->pg));

	self->connection.failure = FAILURE_LOST;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "%s: %s", what, g_strstrip(said));
	return FALSE;
}

gboolean postgresql_fail(
	PostgresqlConnection *self, const PGresult *result, GError **error, const char *what)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *said = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	if (!state || PQstatus(self->pg) == CONNECTION_BAD)
		return postgresql_fail_lost(self, error, what);
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
