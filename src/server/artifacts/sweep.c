/* SPDX-License-Identifier: Apache-2.0 */
/* At start: a kill between a blob's name and its row, or between a row's end and its blob's, leaves
 * a blob nobody uses. */
#include "server/artifacts/artifacts.h"
#include "server/artifacts/store.h"
#include "server/blob/blob.h"

typedef struct {
	Transaction *transaction;
	Blobs *blobs;
	guint n_removed;
} Sweep;

static gboolean sweep_blob(const char *digest, gpointer data, GError **error)
{
	Sweep *sweep = data;
	gint64 n_users;

	if (!blob_users(sweep->transaction, digest, &n_users, error))
		return FALSE;
	if (n_users > 0)
		return TRUE;
	sweep->n_removed++;
	return blobs_remove(sweep->blobs, digest, error);
}

static gboolean sweep_job(Transaction *transaction, gpointer data, GError **error)
{
	Sweep *sweep = data;

	sweep->transaction = transaction;
	return blobs_each(sweep->blobs, sweep_blob, sweep, error);
}

/* Blobs that nobody had claimed yet may be somebody's all the same: a folder brought here by hand.
 */
gboolean artifacts_sweep(Database *database, Blobs *blobs, const char *owner, GError **error)
{
	Sweep sweep = { .blobs = blobs };
	gboolean is_new;

	if (!blobs_claim(blobs, owner, &is_new, error))
		return FALSE;
	if (is_new)
		return TRUE;
	if (!database_write_wait(database, sweep_job, &sweep, error)) {
		g_prefix_error(error, "sweep storage: ");
		return FALSE;
	}
	if (sweep.n_removed > 0)
		g_message("storage: %u files that nobody uses removed", sweep.n_removed);
	return TRUE;
}
