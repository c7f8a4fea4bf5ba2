/* SPDX-License-Identifier: Apache-2.0 */
#include "server/counters.h"

#include "base/error.h"

gboolean counter_next(Transaction *transaction, const char *tenant, const char *name,
	gint64 *ret_value, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(
		transaction, error, QUERY_COUNTER_NEXT, DB_TEXT, tenant, DB_TEXT, name, DB_END);
	g_autoptr(GError) failure = NULL;

	if (!rows)
		return FALSE;
	if (rows_next(rows, &failure)) {
		*ret_value = rows_int(rows, 0);
		return TRUE;
	}
	if (failure)
		g_propagate_error(error, g_steal_pointer(&failure));
	else
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_INTERNAL, "counter %s gave no number", name);
	return FALSE;
}
