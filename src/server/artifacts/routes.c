/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "server/artifacts/artifacts.h"
#include "server/artifacts/handlers.h"
#include "server/artifacts/store.h"
#include "server/artifacts/upload-form.h"
#include "server/blob/blob.h"
#include "server/campaigns/campaigns.h"
#include "wire/messages.h"
#include "wire/paths.h"

#define V1 "/api/management/v1/deployments"
#define V2 "/api/management/v2/deployments"

#define UPLOAD_SIZE_MAX ((gsize)10 * 1024 * 1024 * 1024)

enum {
	ARTIFACTS_MAX = 10000, /* in a list that is not paged */
	NAME_FILTER_MAX = 100, /* names in one question */
};

typedef struct {
	char *description;
} DescriptionChange;

static const JsonField description_fields[] = {
	JSON_FIELD(
		DescriptionChange, description, JSON_TEXT, OPTIONAL, UPLOAD_DESCRIPTION_SIZE_MAX),
	{ 0 },
};
static const JsonRecord description_record = { sizeof(DescriptionChange), description_fields };

static const char *query_or_empty(const Call *call, const char *name)
{
	const char *value = call_query(call, name);

	return value != NULL ? value : "";
}

static ArtifactFilter read_filter(const Call *call)
{
	return (ArtifactFilter){
		.name = query_or_empty(call, "name"),
		.description = query_or_empty(call, "description"),
		.device_type = query_or_empty(call, "device_type"),
		.sort = query_or_empty(call, "sort"),
		.limit = ARTIFACTS_MAX,
	};
}

/* @artifacts: from @first on, at most @n. */
static void answer_artifacts(Call *call, const GPtrArray *artifacts, gint64 first, gint64 n)
{
	json_t *array = json_array();

	for (gint64 i = first; i < (gint64)artifacts->len && i < first + n; i++)
		json_array_append_new(array, artifact_to_json(g_ptr_array_index(artifacts, i)));
	call_set_json(call, array);
}

static gboolean list_artifacts(Call *call, GError **error)
{
	ArtifactFilter filter = read_filter(call);
	g_autoptr(GPtrArray) artifacts =
		artifacts_list(call_transaction(call), call_tenant(call), &filter, error);

	if (artifacts == NULL)
		return FALSE;
	answer_artifacts(call, artifacts, 0, artifacts->len);
	return TRUE;
}

static gboolean page_artifacts(Call *call, GError **error)
{
	ArtifactFilter filter = read_filter(call);
	g_autoptr(GPtrArray) artifacts = NULL;
	Paging paging;
	gint64 total;

	if (!call_paging_forgiving(call, &paging, error) ||
		!artifacts_count(call_transaction(call), call_tenant(call), &filter, &total, error))
		return FALSE;
	filter.limit = paging.per_page;
	filter.offset = (paging.page - 1) * paging.per_page;
	artifacts = artifacts_list(call_transaction(call), call_tenant(call), &filter, error);
	if (artifacts == NULL)
		return FALSE;
	call_set_paging(call, &paging, total, FALSE);
	answer_artifacts(call, artifacts, 0, artifacts->len);
	return TRUE;
}

/* All artifacts whose name is @name, or begins so where it ends in a star. */
static gboolean add_named(Call *call, const char *name, GPtrArray *all, GError **error)
{
	g_autoptr(GPtrArray) named =
		artifacts_named(call_transaction(call), call_tenant(call), name, error);

	if (named == NULL)
		return FALSE;
	g_ptr_array_extend_and_steal(all, g_steal_pointer(&named));
	return TRUE;
}

static gboolean add_begun_with(Call *call, const char *beginning, GPtrArray *all, GError **error)
{
	const ArtifactFilter filter = { beginning, "", "", "", "name:asc", ARTIFACTS_MAX, 0 };
	g_autoptr(GPtrArray) found =
		artifacts_list(call_transaction(call), call_tenant(call), &filter, error);
	gsize size = strlen(beginning);

	if (found == NULL)
		return FALSE;
	for (guint i = 0; i < found->len; i++) {
		Artifact *artifact = g_ptr_array_index(found, i);

		if (g_ascii_strncasecmp(artifact->name, beginning, size) == 0)
			g_ptr_array_add(all, g_steal_pointer(&g_ptr_array_index(found, i)));
	}
	return TRUE;
}

/* "rel-*" is a beginning; "rel-\*" is the name "rel-*". (transfer full): without star or backslash.
 */
static char *read_name_pattern(const char *pattern, gboolean *ret_beginning)
{
	gsize size = strlen(pattern);
	char *name = g_strdup(pattern);

	*ret_beginning = FALSE;
	if (size >= 2 && g_str_has_suffix(pattern, "\\*")) {
		name[size - 2] = '*';
		name[size - 1] = '\0';
	} else if (size >= 1 && pattern[size - 1] == '*') {
		name[size - 1] = '\0';
		*ret_beginning = TRUE;
	}
	return name;
}

static gboolean add_all_named(Call *call, char **names, GPtrArray *all, GError **error)
{
	guint n_names = g_strv_length(names);

	if (n_names > NAME_FILTER_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "name: more than %d",
			NAME_FILTER_MAX);
		return FALSE;
	}
	for (guint i = 0; i < n_names; i++) {
		gboolean beginning;
		g_autofree char *name = read_name_pattern(names[i], &beginning);

		if (beginning && n_names > 1) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
				"name: a beginning and other names at once");
			return FALSE;
		}
		if (!(beginning ? add_begun_with : add_named)(call, name, all, error))
			return FALSE;
	}
	return n_names > 0 || add_begun_with(call, "", all, error);
}

static gboolean page_artifacts_v2(Call *call, GError **error)
{
	g_auto(GStrv) names = call_query_all(call, "name");
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)artifact_free);
	gint64 first;
	Paging paging;

	if (!call_paging_forgiving(call, &paging, error) || !add_all_named(call, names, all, error))
		return FALSE;
	first = (paging.page - 1) * paging.per_page;
	call_set_paging(call, &paging, -1, (gint64)all->len > first + paging.per_page);
	answer_artifacts(call, all, first, paging.per_page);
	return TRUE;
}

static gboolean get_artifact(Call *call, GError **error)
{
	g_autoptr(Artifact) artifact = artifact_get(
		call_transaction(call), call_tenant(call), call_parameter(call, "id"), error);

	if (artifact == NULL)
		return FALSE;
	call_set_json(call, artifact_to_json(artifact));
	return TRUE;
}

static gboolean describe_artifact(Call *call, GError **error)
{
	const DescriptionChange *change = call_body(call);
	g_autoptr(Artifact) artifact = artifact_get(
		call_transaction(call), call_tenant(call), call_parameter(call, "id"), error);
	gboolean used;

	if (artifact == NULL || !campaigns_have_used(call_transaction(call), call_tenant(call),
					artifact->id, &used, error))
		return FALSE;
	if (used) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"Artifact is used in deployment");
		return FALSE;
	}
	call_audit(call, "artifact", artifact->id, json_pack("{s:s}", "name", artifact->name));
	return artifact_set_description(call_transaction(call), call_tenant(call), artifact->id,
		change->description != NULL ? change->description : "", clock_now_us(), error);
}

/* --- Deletion: the row first; the blob once that is durable and nobody else uses it --- */
typedef struct {
	App *app;
	char *digest;
} Removal;

static void removal_free(gpointer data)
{
	Removal *removal = data;

	g_free(removal->digest);
	g_free(removal);
}

/* On the writer: whoever stores the same bytes again does it before or after, never beside. */
static gboolean remove_blob(Transaction *transaction, gpointer data, GError **error)
{
	const Removal *removal = data;
	gint64 n_users;

	return blob_users(transaction, removal->digest, &n_users, error) &&
	       (n_users > 0 || blobs_remove(app_blobs(removal->app), removal->digest, error));
}

static void removal_done(gpointer data, const GError *error)
{
	if (error != NULL)
		g_warning("remove blob: %s", error->message); /* the next start removes it */
	removal_free(data);
}

static void begin_removal(gpointer data)
{
	const Removal *removal = data;
	Removal *copy = g_new0(Removal, 1);

	copy->app = removal->app;
	copy->digest = g_strdup(removal->digest);
	database_write(app_database(copy->app), remove_blob, removal_done, copy);
}

static gboolean delete_artifact(Call *call, GError **error)
{
	Transaction *transaction = call_transaction(call);
	const char *tenant = call_tenant(call);
	g_autoptr(Artifact) artifact =
		artifact_get(transaction, tenant, call_parameter(call, "id"), error);
	Removal *removal;
	gboolean used;

	if (artifact == NULL ||
		!campaigns_are_using(transaction, tenant, artifact->name, &used, error))
		return FALSE;
	if (used) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
			"Artifact is used in active deployment");
		return FALSE;
	}
	if (!artifact_delete(transaction, tenant, artifact->id, error))
		return FALSE;
	removal = g_new0(Removal, 1);
	removal->app = call_app(call);
	removal->digest = g_strdup(artifact->digest);
	transaction_on_commit(transaction, begin_removal, removal, removal_free);
	call_audit(call, "artifact", artifact->id, json_pack("{s:s}", "name", artifact->name));
	return TRUE;
}

static gboolean get_storage_limit(Call *call, GError **error)
{
	gint64 bytes;

	if (!artifacts_usage(call_transaction(call), call_tenant(call), &bytes, error))
		return FALSE;
	call_set_json(call, json_pack("{s:i, s:I}", "limit", 0, "usage", (json_int_t)bytes));
	return TRUE;
}

const Route artifact_routes[] = {
	{ HTTP_POST, V1 "/artifacts", CALLER_USER, "artifacts.upload", RUN_STREAM, "upload",
		UPLOAD_SIZE_MAX, NULL, upload_artifact },
	{ HTTP_GET, V1 "/artifacts", CALLER_USER, "artifacts.read", RUN_READ, NULL, 0, NULL,
		list_artifacts },
	{ HTTP_GET, V1 "/artifacts/list", CALLER_USER, "artifacts.read", RUN_READ, NULL, 0, NULL,
		page_artifacts },
	{ HTTP_GET, V2 "/artifacts", CALLER_USER, "artifacts.read", RUN_READ, NULL, 0, NULL,
		page_artifacts_v2 },
	{ HTTP_GET, V1 "/artifacts/{id}", CALLER_USER, "artifacts.read", RUN_READ, NULL, 0, NULL,
		get_artifact },
	{ HTTP_PUT, V1 "/artifacts/{id}", CALLER_USER, "artifacts.write", RUN_WRITE, "update",
		WIRE_BODY_MAX, &description_record, describe_artifact },
	{ HTTP_DELETE, V1 "/artifacts/{id}", CALLER_USER, "artifacts.write", RUN_WRITE, "delete", 0,
		NULL, delete_artifact },
	{ HTTP_GET, V1 "/artifacts/{id}/download", CALLER_USER, "artifacts.download", RUN_READ,
		NULL, 0, NULL, link_to_artifact },
	{ HTTP_GET, V1 "/deployments/releases", CALLER_USER, "artifacts.read", RUN_READ, NULL, 0,
		NULL, list_releases_v1 },
	{ HTTP_GET, V1 "/deployments/releases/list", CALLER_USER, "artifacts.read", RUN_READ, NULL,
		0, NULL, page_releases_v1 },
	{ HTTP_GET, V2 "/deployments/releases", CALLER_USER, "artifacts.read", RUN_READ, NULL, 0,
		NULL, page_releases_v2 },
	{ HTTP_GET, V2 "/deployments/releases/{name}", CALLER_USER, "artifacts.read", RUN_READ,
		NULL, 0, NULL, get_release },
	{ HTTP_GET, V2 "/releases/all/types", CALLER_USER, "artifacts.read", RUN_READ, NULL, 0,
		NULL, list_release_types },
	{ HTTP_GET, V1 "/limits/storage", CALLER_USER, "artifacts.read", RUN_READ, NULL, 0, NULL,
		get_storage_limit },
	{ HTTP_GET, PATH_DOWNLOAD "/{id}", CALLER_ANYONE, NULL, RUN_LOOP, NULL, 0, NULL,
		download_artifact },
	{ 0 },
};
