/* SPDX-License-Identifier: Apache-2.0 */
/* Releases: artifacts by name. The first version of the call spells its keys with capitals. */
#include "base/clock.h"
#include "base/error.h"
#include "server/artifacts/handlers.h"
#include "server/artifacts/store.h"

typedef struct {
	const char *name, *modified, *artifacts, *count;
} Spelling;

static const Spelling capitals = { "Name", "Modified", "Artifacts", "ArtifactsCount" };
static const Spelling small = { "name", "modified", "artifacts", "artifacts_count" };

enum { RELEASES_MAX = 10000 /* in a list that is not paged */ };

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
		.update_type = query_or_empty(call, "update_type"),
		.sort = query_or_empty(call, "sort"),
		.limit = RELEASES_MAX,
	};
}

static json_t *release_to_json(
	Call *call, const Release *release, const Spelling *keys, GError **error)
{
	g_autoptr(GPtrArray) artifacts =
		artifacts_named(call_transaction(call), call_tenant(call), release->name, error);
	g_autofree char *modified = clock_format_rfc3339(release->modified_us);
	json_t *array;

	if (artifacts == NULL)
		return NULL;
	array = json_array();
	for (guint i = 0; i < artifacts->len; i++)
		json_array_append_new(array, artifact_to_json(g_ptr_array_index(artifacts, i)));
	return json_pack("{s:s, s:s, s:o, s:I, s:[], s:s}", keys->name, release->name,
		keys->modified, modified, keys->artifacts, array, keys->count,
		(json_int_t)release->n_artifacts, "tags", "notes", "");
}

static gboolean answer_releases(
	Call *call, const ArtifactFilter *filter, const Spelling *keys, GError **error)
{
	g_autoptr(GPtrArray) releases =
		releases_list(call_transaction(call), call_tenant(call), filter, error);
	g_autoptr(json_t) array = json_array();

	if (releases == NULL)
		return FALSE;
	for (guint i = 0; i < releases->len; i++) {
		json_t *object = release_to_json(call, g_ptr_array_index(releases, i), keys, error);

		if (object == NULL)
			return FALSE;
		json_array_append_new(array, object);
	}
	call_set_json(call, g_steal_pointer(&array));
	return TRUE;
}

static gboolean page_releases(Call *call, const Spelling *keys, GError **error)
{
	ArtifactFilter filter = read_filter(call);
	Paging paging;
	gint64 total;

	if (!call_paging_forgiving(call, &paging, error) ||
		!releases_count(call_transaction(call), call_tenant(call), &filter, &total, error))
		return FALSE;
	filter.limit = paging.per_page;
	filter.offset = (paging.page - 1) * paging.per_page;
	call_set_paging(call, &paging, total, FALSE);
	return answer_releases(call, &filter, keys, error);
}

gboolean list_releases_v1(Call *call, GError **error)
{
	ArtifactFilter filter = read_filter(call);

	return answer_releases(call, &filter, &capitals, error);
}

gboolean page_releases_v1(Call *call, GError **error)
{
	return page_releases(call, &capitals, error);
}

gboolean page_releases_v2(Call *call, GError **error)
{
	return page_releases(call, &small, error);
}

gboolean get_release(Call *call, GError **error)
{
	g_autoptr(GPtrArray) artifacts = artifacts_named(
		call_transaction(call), call_tenant(call), call_parameter(call, "name"), error);
	g_autofree char *name = g_strdup(call_parameter(call, "name"));
	Release release = { .name = name };
	json_t *object;

	if (artifacts == NULL)
		return FALSE;
	if (artifacts->len == 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no such release");
		return FALSE;
	}
	for (guint i = 0; i < artifacts->len; i++)
		release.modified_us = MAX(release.modified_us,
			((Artifact *)g_ptr_array_index(artifacts, i))->modified_us);
	release.n_artifacts = artifacts->len;
	object = release_to_json(call, &release, &small, error);
	if (object == NULL)
		return FALSE;
	call_set_json(call, object);
	return TRUE;
}

gboolean list_release_types(Call *call, GError **error)
{
	json_t *types = release_types(call_transaction(call), call_tenant(call), error);

	if (types == NULL)
		return FALSE;
	call_set_json(call, types);
	return TRUE;
}
