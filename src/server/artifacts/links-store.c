/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "crypto/digest.h"
#include "server/artifacts/links.h"
#include "server/database.h"

enum { SECRET_SIZE = 32 };

/* Reads the secret; where there is none yet, makes one first. All nodes then read the same. */
static gboolean read_secret(Transaction *transaction, gpointer data, GError **error)
{
	GBytes **ret_secret = data;
	guint8 fresh[SECRET_SIZE];
	g_autoptr(GBytes) made = NULL;
	g_autoptr(Rows) rows = NULL;

	random_bytes(fresh, sizeof fresh);
	made = g_bytes_new(fresh, sizeof fresh);
	if (!transaction_run(transaction, NULL, error, QUERY_LINK_SECRET_ADD, DB_BLOB, made, DB_INT,
		    clock_now_us(), DB_END))
		return FALSE;
	rows = transaction_query(transaction, error, QUERY_LINK_SECRET, DB_END);
	if (rows == NULL || !rows_next(rows, error))
		return FALSE;
	g_clear_pointer(ret_secret, g_bytes_unref);
	*ret_secret = rows_blob(rows, 0);
	return TRUE;
}

Links *links_load(Database *database, GError **error)
{
	g_autoptr(GBytes) secret = NULL;

	if (!database_write_wait(database, read_secret, &secret, error)) {
		g_prefix_error(error, "load link secret: ");
		return NULL;
	}
	return links_new(secret);
}
