/* SPDX-License-Identifier: Apache-2.0 */
/* Users read campaigns and stop them. */
#include <string.h>
#include "base/error.h"
#include "server/artifacts/artifacts.h"
#include "server/campaigns/handlers.h"

enum {
	STATISTICS_MAX = 100, /* campaigns in one question */
	IDS_MAX = 100,
};

/* --- One campaign as JSON --- */

static json_t *release_ids(Call *call, const Campaign *campaign, GError **error)
{
	g_autoptr(GPtrArray) artifacts = artifacts_named(
		call_transaction(call), call_tenant(call), campaign->artifact_name, error);
	json_t *ids;

	if (artifacts == NULL)
		return NULL;
	ids = json_array();
	for (guint i = 0; i < artifacts->len; i++)
		json_array_append_new(
			ids, json_string(((const Artifact *)g_ptr_array_index(artifacts, i))->id));
	return ids;
}

static json_t *show(Call *call, const Campaign *campaign, GError **error)
{
	g_autoptr(json_t) ids = release_ids(call, campaign, error);
	CampaignCounts counts;

	if (ids == NULL || !campaign_get_counts(call_transaction(call), call_tenant(call),
				   campaign->id, &counts, error))
		return NULL;
	return campaign_to_json(campaign, &counts, ids);
}

static gboolean answer_campaigns(Call *call, const GPtrArray *campaigns, GError **error)
{
	g_autoptr(json_t) array = json_array();

	for (guint i = 0; i < campaigns->len; i++) {
		json_t *object = show(call, g_ptr_array_index(campaigns, i), error);

		if (object == NULL)
			return FALSE;
		json_array_append_new(array, object);
	}
	call_set_json(call, g_steal_pointer(&array));
	return TRUE;
}

/* --- Lists --- */

static const char *query_or(const Call *call, const char *name, const char *otherwise)
{
	const char *value = call_query(call, name);

	return value != NULL ? value : otherwise;
}

static gboolean read_word(const Call *call, const char *name, const char *const *words,
	const char **ret_word, GError **error)
{
	*ret_word = query_or(call, name, "");
	if (**ret_word == '\0' || g_strv_contains(words, *ret_word))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: %s is not known", name, *ret_word);
	return FALSE;
}

/* Unix seconds; the whole of the last second counts. */
static gboolean read_time(
	const Call *call, const char *name, gint64 *time_us, gint64 rest_us, GError **error)
{
	const char *text = call_query(call, name);
	gint64 seconds;

	if (text == NULL || *text == '\0')
		return TRUE;
	if (!g_ascii_string_to_signed(
		    text, 10, 0, G_MAXINT32 * G_GINT64_CONSTANT(1000), &seconds, NULL)) {
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not a time in seconds", name);
		return FALSE;
	}
	*time_us = seconds * G_USEC_PER_SEC + rest_us;
	return TRUE;
}

static gboolean read_filter(
	Call *call, CampaignFilter *ret_filter, Paging *ret_paging, GError **error)
{
	static const char *const statuses[] = { "pending", "inprogress", "finished", "aborted",
		"scheduled", NULL };
	static const char *const kinds[] = { "software", "configuration", NULL };
	static const char *const orders[] = { "asc", "desc", NULL };
	CampaignFilter filter = {
		.search = query_or(call, "search", ""), .name = "", .before_us = G_MAXINT64
	};

	if (!call_paging(call, ret_paging, error) ||
		!read_word(call, "status", statuses, &filter.status, error) ||
		!read_word(call, "type", kinds, &filter.kind, error) ||
		!read_word(call, "sort", orders, &filter.sort, error) ||
		!read_time(call, "created_after", &filter.after_us, 0, error) ||
		!read_time(call, "created_before", &filter.before_us, G_USEC_PER_SEC - 1, error))
		return FALSE;
	if (g_str_equal(filter.status, "aborted"))
		filter.status = "finished"; /* as the clients we serve know it */
	filter.limit = ret_paging->per_page;
	filter.offset = (ret_paging->page - 1) * ret_paging->per_page;
	*ret_filter = filter;
	return TRUE;
}

static gboolean answer_filtered(
	Call *call, const CampaignFilter *filter, const Paging *paging, GError **error)
{
	g_autoptr(GPtrArray) campaigns = NULL;
	gint64 total;

	if (!campaigns_count(call_transaction(call), call_tenant(call), filter, &total, error))
		return FALSE;
	campaigns = campaigns_list(call_transaction(call), call_tenant(call), filter, error);
	if (campaigns == NULL)
		return FALSE;
	call_set_paging(call, paging, total, FALSE);
	return answer_campaigns(call, campaigns, error);
}

gboolean list_campaigns(Call *call, GError **error)
{
	CampaignFilter filter;
	Paging paging;

	return read_filter(call, &filter, &paging, error) &&
	       answer_filtered(call, &filter, &paging, error);
}

/* Those of @ids there are. */
static gboolean answer_ids(Call *call, char **ids, const Paging *paging, GError **error)
{
	g_autoptr(GPtrArray) campaigns =
		g_ptr_array_new_with_free_func((GDestroyNotify)campaign_free);

	for (guint i = 0; ids[i] != NULL; i++) {
		g_autoptr(GError) failure = NULL;
		Campaign *campaign =
			campaign_get(call_transaction(call), call_tenant(call), ids[i], &failure);

		if (campaign != NULL) {
			g_ptr_array_add(campaigns, campaign);
			continue;
		}
		if (!g_error_matches(failure, ROTA_ERROR, ROTA_ERROR_NOT_FOUND)) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return FALSE;
		}
	}
	call_set_paging(call, paging, campaigns->len, FALSE);
	return answer_campaigns(call, campaigns, error);
}

gboolean list_campaigns_v2(Call *call, GError **error)
{
	g_auto(GStrv) ids = call_query_all(call, "id");
	CampaignFilter filter;
	Paging paging;

	if (!read_filter(call, &filter, &paging, error))
		return FALSE;
	filter.name = query_or(call, "name", "");
	if (g_strv_length(ids) > IDS_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "id: more than %d", IDS_MAX);
		return FALSE;
	}
	return ids[0] != NULL ? answer_ids(call, ids, &paging, error)
			      : answer_filtered(call, &filter, &paging, error);
}

gboolean get_campaign(Call *call, GError **error)
{
	g_autoptr(Campaign) campaign = campaign_get(
		call_transaction(call), call_tenant(call), call_parameter(call, "id"), error);
	json_t *object = campaign != NULL ? show(call, campaign, error) : NULL;

	if (object == NULL)
		return FALSE;
	call_set_json(call, object);
	return TRUE;
}

/* --- Statistics --- */
typedef struct {
	char **deployment_ids;
} StatisticsRequest;

static const JsonField statistics_request_fields[] = {
	JSON_FIELD(StatisticsRequest, deployment_ids, JSON_TEXTS, OPTIONAL, STATISTICS_MAX),
	{ 0 },
};
const JsonRecord statistics_request_record = { sizeof(StatisticsRequest),
	statistics_request_fields };

static json_t *statistics_of(Call *call, const char *id, GError **error)
{
	g_autoptr(Campaign) campaign =
		campaign_get(call_transaction(call), call_tenant(call), id, error);
	CampaignCounts counts;

	if (campaign == NULL || !campaign_get_counts(call_transaction(call), call_tenant(call),
					campaign->id, &counts, error))
		return NULL;
	return campaign_statistics(campaign, &counts);
}

gboolean get_statistics(Call *call, GError **error)
{
	json_t *object = statistics_of(call, call_parameter(call, "id"), error);

	if (object == NULL)
		return FALSE;
	call_set_json(call, object);
	return TRUE;
}

gboolean list_statistics(Call *call, GError **error)
{
	const StatisticsRequest *request = call_body(call);
	g_autoptr(json_t) array = json_array();

	if (request->deployment_ids == NULL || request->deployment_ids[0] == NULL) {
		call_set_json(call, json_object());
		return TRUE;
	}
	for (guint i = 0; request->deployment_ids[i] != NULL; i++) {
		json_t *statistics = statistics_of(call, request->deployment_ids[i], error);

		if (statistics == NULL) {
			g_prefix_error(error, "deployment_ids[%u]: ", i);
			return FALSE;
		}
		json_array_append_new(
			array, json_pack("{s:s, s:o}", "id", request->deployment_ids[i], "stats",
				       statistics));
	}
	call_set_json(call, g_steal_pointer(&array));
	return TRUE;
}

/* --- Stopping --- */
typedef struct {
	char *status;
} StatusChange;

static const JsonField status_change_fields[] = {
	JSON_FIELD(StatusChange, status, JSON_TEXT, REQUIRED),
	{ 0 },
};
const JsonRecord status_change_record = { sizeof(StatusChange), status_change_fields };

gboolean change_status(Call *call, GError **error)
{
	const StatusChange *change = call_body(call);
	const Progress progress = progress_of(call);
	g_autoptr(Campaign) campaign = NULL;

	if (!g_str_equal(change->status, "aborted")) {
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_INVALID, "status: only aborted can be set");
		return FALSE;
	}
	campaign = campaign_get(
		progress.transaction, progress.tenant, call_parameter(call, "id"), error);
	if (campaign == NULL)
		return FALSE;
	if (campaign->finished_us != 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"the deployment is finished already");
		return FALSE;
	}
	call_audit(call, "deployment", campaign->id,
		json_pack("{s:s, s:s}", "name", campaign->name, "artifact_name",
			campaign->artifact_name));
	return progress_abort(&progress, campaign, error);
}
