/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rows.h"

gboolean rows_ended(GError *failure, GError **error)
{
	if (!failure)
		return TRUE;
	g_propagate_error(error, failure);
	return FALSE;
}

gboolean rows_first(Rows *rows, gboolean *ret_found, GError **error)
{
	GError *failure = NULL;

	*ret_found = rows && rows_next(rows, &failure);
	return rows && (*ret_found || rows_ended(failure, error));
}
