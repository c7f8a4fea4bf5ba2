/* SPDX-License-Identifier: Apache-2.0 */
#include "server/artifacts/store.h"

#include <string.h>
#include "base/error.h"
#include "base/json.h"
#include "server/rows.h"

/* The columns all artifact queries answer with, in this order. */
enum { ID, NAME, DESCRIPTION, SIZE, DIGEST, MANIFEST, SIGNED, DOCUMENT, MODIFIED };

static Artifact *read_artifact(Rows *rows, GError **error)
{
	g_autoptr(Artifact) artifact = g_new0(Artifact, 1);
	const char *document = rows_text(rows, DOCUMENT);

	artifact->document = json_parse_strict(document, strlen(document), error);
	if (artifact->document == NULL) {
		g_prefix_error(error, "stored artifact: ");
		return NULL;
	}
	artifact->id = g_strdup(rows_text(rows, ID));
	artifact->name = g_strdup(rows_text(rows, NAME));
	artifact->description = g_strdup(rows_text(rows, DESCRIPTION));
	artifact->size_bytes = rows_int(rows, SIZE);
	artifact->digest = g_strdup(rows_text(rows, DIGEST));
	artifact->manifest_digest = g_strdup(rows_text(rows, MANIFEST));
	artifact->is_signed = rows_int(rows, SIGNED) != 0;
	artifact->modified_us = rows_int(rows, MODIFIED);
	return g_steal_pointer(&artifact);
}

/* Takes @rows. */
static Artifact *read_one(Rows *taken, GError **error)
{
	g_autoptr(Rows) rows = taken;

	return rows != NULL && rows_next(rows, error) ? read_artifact(rows, error) : NULL;
}

static GPtrArray *read_all(Rows *taken, GError **error)
{
	g_autoptr(Rows) rows = taken;
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)artifact_free);
	g_autoptr(GError) failure = NULL;

	if (rows == NULL)
		return NULL;
	while (rows_next(rows, &failure)) {
		Artifact *artifact = read_artifact(rows, error);

		if (artifact == NULL)
			return NULL;
		g_ptr_array_add(all, artifact);
	}
	if (!rows_ended(g_steal_pointer(&failure), error))
		return NULL;
	return g_steal_pointer(&all);
}

/* Takes @rows: one row with one number. */
static gboolean read_number(Rows *taken, gint64 *ret_number, GError **error)
{
	g_autoptr(Rows) rows = taken;

	if (rows == NULL || !rows_next(rows, error))
		return FALSE;
	*ret_number = rows_int(rows, 0);
	return TRUE;
}

Artifact *artifact_find(
	Transaction *transaction, const char *tenant, const char *id, GError **error)
{
	return read_one(transaction_query(transaction, error, QUERY_ARTIFACT_BY_ID, DB_TEXT, tenant,
				DB_TEXT, id, DB_END),
		error);
}

Artifact *artifact_get(Transaction *transaction, const char *tenant, const char *id, GError **error)
{
	g_autoptr(GError) failure = NULL;
	Artifact *artifact = artifact_find(transaction, tenant, id, &failure);

	if (failure != NULL)
		g_propagate_error(error, g_steal_pointer(&failure));
	else if (artifact == NULL)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such artifact");
	return artifact;
}

Artifact *artifact_find_by_digest(
	Transaction *transaction, const char *tenant, const char *digest, GError **error)
{
	return read_one(transaction_query(transaction, error, QUERY_ARTIFACT_BY_DIGEST, DB_TEXT,
				tenant, DB_TEXT, digest, DB_END),
		error);
}

GPtrArray *artifacts_named(
	Transaction *transaction, const char *tenant, const char *name, GError **error)
{
	return read_all(transaction_query(transaction, error, QUERY_ARTIFACTS_BY_NAME, DB_TEXT,
				tenant, DB_TEXT, name, DB_END),
		error);
}

/* What is looked for, as a pattern of LIKE that finds it anywhere; "" stays "". */
static char *make_pattern(const char *text)
{
	g_autofree char *lower = g_ascii_strdown(text, -1);
	GString *pattern = g_string_new(*text != '\0' ? "%" : "");

	for (const char *at = lower; *at != '\0'; at++) {
		if (strchr("%_\\", *at) != NULL)
			g_string_append_c(pattern, '\\');
		g_string_append_c(pattern, *at);
	}
	g_string_append(pattern, *text != '\0' ? "%" : "");
	return g_string_free(pattern, FALSE);
}

GPtrArray *artifacts_list(
	Transaction *transaction, const char *tenant, const ArtifactFilter *filter, GError **error)
{
	g_autofree char *name = make_pattern(filter->name);
	g_autofree char *description = make_pattern(filter->description);

	return read_all(
		transaction_query(transaction, error, QUERY_ARTIFACT_LIST, DB_TEXT, tenant, DB_TEXT,
			name, DB_TEXT, description, DB_TEXT, filter->device_type, DB_TEXT,
			filter->sort, DB_INT, filter->limit, DB_INT, filter->offset, DB_END),
		error);
}

gboolean artifacts_count(Transaction *transaction, const char *tenant, const ArtifactFilter *filter,
	gint64 *ret_count, GError **error)
{
	g_autofree char *name = make_pattern(filter->name);
	g_autofree char *description = make_pattern(filter->description);

	return read_number(
		transaction_query(transaction, error, QUERY_ARTIFACT_COUNT, DB_TEXT, tenant,
			DB_TEXT, name, DB_TEXT, description, DB_TEXT, filter->device_type, DB_END),
		ret_count, error);
}

static gboolean insert_label(Transaction *transaction, const char *tenant, const char *kind,
	const char *value, const char *artifact, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_ARTIFACT_LABEL_ADD, DB_TEXT, tenant,
		DB_TEXT, kind, DB_TEXT, value, DB_TEXT, artifact, DB_END);
}

static gboolean insert_labels(
	Transaction *transaction, const char *tenant, const Artifact *artifact, GError **error)
{
	g_autoptr(GPtrArray) types = artifact_update_types(artifact);
	gsize i;
	json_t *device_type;

	for (guint j = 0; j < types->len; j++)
		if (!insert_label(transaction, tenant, "update_type", g_ptr_array_index(types, j),
			    artifact->id, error))
			return FALSE;
	json_array_foreach (artifact_device_types(artifact), i, device_type)
		if (!insert_label(transaction, tenant, "device_type",
			    json_string_value(device_type), artifact->id, error))
			return FALSE;
	return TRUE;
}

gboolean artifact_insert(
	Transaction *transaction, const char *tenant, const Artifact *artifact, GError **error)
{
	g_autofree char *document = json_to_text(artifact->document);

	return transaction_run(transaction, NULL, error, QUERY_ARTIFACT_ADD, DB_TEXT, tenant,
		       DB_TEXT, artifact->id, DB_TEXT, artifact->name, DB_TEXT,
		       artifact->description, DB_INT, artifact->size_bytes, DB_TEXT,
		       artifact->digest, DB_TEXT, artifact->manifest_digest, DB_INT,
		       (gint64)artifact->is_signed, DB_TEXT, document, DB_INT,
		       artifact->modified_us, DB_END) &&
	       insert_labels(transaction, tenant, artifact, error);
}

gboolean artifact_set_description(Transaction *transaction, const char *tenant, const char *id,
	const char *description, gint64 now_us, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_ARTIFACT_DESCRIBE, DB_TEXT, tenant,
		DB_TEXT, id, DB_TEXT, description, DB_INT, now_us, DB_END);
}

gboolean artifact_delete(
	Transaction *transaction, const char *tenant, const char *id, GError **error)
{
	return transaction_run(transaction, NULL, error, QUERY_ARTIFACT_LABELS_REMOVE, DB_TEXT,
		       tenant, DB_TEXT, id, DB_END) &&
	       transaction_run(transaction, NULL, error, QUERY_ARTIFACT_REMOVE, DB_TEXT, tenant,
		       DB_TEXT, id, DB_END);
}

gboolean artifacts_usage(
	Transaction *transaction, const char *tenant, gint64 *ret_bytes, GError **error)
{
	return read_number(transaction_query(transaction, error, QUERY_ARTIFACT_USAGE, DB_TEXT,
				   tenant, DB_END),
		ret_bytes, error);
}

gboolean blob_users(Transaction *transaction, const char *digest, gint64 *ret_count, GError **error)
{
	return read_number(
		transaction_query(transaction, error, QUERY_BLOB_USERS, DB_TEXT, digest, DB_END),
		ret_count, error);
}

static void release_free(Release *release)
{
	g_free(release->name);
	g_free(release);
}

GPtrArray *releases_list(
	Transaction *transaction, const char *tenant, const ArtifactFilter *filter, GError **error)
{
	g_autofree char *name = make_pattern(filter->name);
	g_autofree char *description = make_pattern(filter->description);
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)release_free);
	g_autoptr(GError) failure = NULL;
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_RELEASE_LIST, DB_TEXT,
		tenant, DB_TEXT, name, DB_TEXT, description, DB_TEXT, filter->device_type, DB_TEXT,
		filter->update_type, DB_TEXT, filter->sort, DB_INT, filter->limit, DB_INT,
		filter->offset, DB_END);

	if (rows == NULL)
		return NULL;
	while (rows_next(rows, &failure)) {
		Release *release = g_new0(Release, 1);

		release->name = g_strdup(rows_text(rows, 0));
		release->modified_us = rows_int(rows, 1);
		release->n_artifacts = rows_int(rows, 2);
		g_ptr_array_add(all, release);
	}
	if (!rows_ended(g_steal_pointer(&failure), error))
		return NULL;
	return g_steal_pointer(&all);
}

gboolean releases_count(Transaction *transaction, const char *tenant, const ArtifactFilter *filter,
	gint64 *ret_count, GError **error)
{
	g_autofree char *name = make_pattern(filter->name);
	g_autofree char *description = make_pattern(filter->description);

	return read_number(transaction_query(transaction, error, QUERY_RELEASE_COUNT, DB_TEXT,
				   tenant, DB_TEXT, name, DB_TEXT, description, DB_TEXT,
				   filter->device_type, DB_TEXT, filter->update_type, DB_END),
		ret_count, error);
}

json_t *release_types(Transaction *transaction, const char *tenant, GError **error)
{
	g_autoptr(Rows) rows =
		transaction_query(transaction, error, QUERY_RELEASE_TYPES, DB_TEXT, tenant, DB_END);
	g_autoptr(json_t) types = json_array();
	g_autoptr(GError) failure = NULL;

	if (rows == NULL)
		return NULL;
	while (rows_next(rows, &failure))
		json_array_append_new(types, json_string(rows_text(rows, 0)));
	if (!rows_ended(g_steal_pointer(&failure), error))
		return NULL;
	return g_steal_pointer(&types);
}
