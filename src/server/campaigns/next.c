/* SPDX-License-Identifier: Apache-2.0 */
/* A device asks what to do next (docs/design/matching.md).
 *
 * On the loop: is the question well formed, and may there be something? Mostly there is not, and
 * the answer is given from memory. Else, on the writer: what it is at work with, or the oldest
 * campaign that is newer than what it is done with; then the artifact, chosen once; then a link. */
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "server/artifacts/artifacts.h"
#include "server/campaigns/handlers.h"
#include "server/campaigns/matching.h"
#include "server/campaigns/pending.h"
#include "wire/messages.h"

Progress progress_of(const Call *call)
{
	return (Progress){ call_app(call), call_transaction(call), call_tenant(call),
		clock_now_us() };
}

/* --- What it is at work with, or may begin --- */

/* Memory names a campaign too many at times. Its list is frozen, so it cannot be full for one of
 * it. */
static gboolean may_begin(const Campaign *campaign, gint64 newest_done_us)
{
	return campaign->finished_us == 0 && campaign->created_us > newest_done_us;
}

/* @ret_part: NULL: there is nothing to begin. */
static gboolean begin_oldest(
	Call *call, const Progress *progress, CampaignDevice **ret_part, GError **error)
{
	const char *device = call_device_id(call);
	g_autoptr(GPtrArray) ids = pending_campaigns(
		app_pending(progress->app), progress->tenant, call_device_row(call));
	gint64 newest_done_us;

	if (!campaign_device_newest_done_us(
		    progress->transaction, progress->tenant, device, &newest_done_us, error))
		return FALSE;
	for (guint i = 0; i < ids->len; i++) {
		g_autoptr(Campaign) campaign = campaign_get(
			progress->transaction, progress->tenant, g_ptr_array_index(ids, i), error);

		if (campaign == NULL)
			return FALSE;
		if (!may_begin(campaign, newest_done_us))
			continue;
		*ret_part = progress_begin(
			progress, campaign, device, call_device_row(call), UPDATE_PENDING, error);
		return *ret_part != NULL;
	}
	return TRUE;
}

static gboolean find_part(
	Call *call, const Progress *progress, CampaignDevice **ret_part, GError **error)
{
	g_autoptr(GPtrArray) active = campaign_devices_active(
		progress->transaction, progress->tenant, call_device_id(call), error);

	*ret_part = NULL;
	if (active == NULL)
		return FALSE;
	if (active->len == 0)
		return begin_oldest(call, progress, ret_part, error);
	*ret_part = g_steal_pointer(&g_ptr_array_index(active, 0));
	return TRUE;
}

/* --- What it gets --- */

/* A device that has become another one in the middle of an update has lost its way. That is stored,
 * so the answer is not an error of the call. */
static gboolean refuse_other_request(
	Call *call, const Progress *progress, CampaignDevice *part, GError **error)
{
	if (!progress_set_status(progress, part, UPDATE_FAILURE, "conflicting request data", error))
		return FALSE;
	call_set_status(call, 409);
	call_set_json(call, json_pack("{s:s, s:s}", "error", "conflicting request data",
				    "request_id", call_request_id(call)));
	return TRUE;
}

/* @ret_artifact: NULL: none of the release fits. */
static gboolean choose_artifact(const Progress *progress, const Campaign *campaign,
	CampaignDevice *part, const DeviceFacts *facts, Artifact **ret_artifact, GError **error)
{
	g_autoptr(GPtrArray) artifacts = NULL;
	const Artifact *chosen;

	*ret_artifact = NULL;
	if (part->artifact != NULL) {
		*ret_artifact = artifact_get(
			progress->transaction, progress->tenant, part->artifact, error);
		return *ret_artifact != NULL;
	}
	artifacts = artifacts_named(
		progress->transaction, progress->tenant, campaign->artifact_name, error);
	if (artifacts == NULL)
		return FALSE;
	chosen = matching_choose(artifacts, facts);
	if (chosen == NULL)
		return progress_set_status(progress, part, UPDATE_NOARTIFACT, NULL, error);
	*ret_artifact = artifact_get(progress->transaction, progress->tenant, chosen->id, error);
	return *ret_artifact != NULL;
}

static void answer_instructions(
	Call *call, const Progress *progress, const CampaignDevice *part, const Artifact *artifact)
{
	gint64 expire_us = progress->now_us + (gint64)LINK_DEVICE_LIFE_S * G_USEC_PER_SEC;
	g_autofree char *expire = clock_format_rfc3339(expire_us);
	const Link link = { progress->tenant, artifact->id, part->device, part->campaign,
		expire_us / G_USEC_PER_SEC };
	g_autofree char *path = links_make(app_links(progress->app), &link);
	g_autofree char *uri = g_strconcat(app_public_url(progress->app), path, NULL);
	json_t *source = json_pack("{s:s, s:s}", "uri", uri, "expire", expire);

	call_set_json(call,
		json_pack("{s:s, s:{s:s, s:s, s:O, s:o}}", "id", part->campaign, "artifact", "id",
			artifact->id, "artifact_name", artifact->name, "device_types_compatible",
			artifact_device_types(artifact), "source", source));
}

static gboolean is_installed(const Campaign *campaign, const CampaignDevice *part,
	const Artifact *artifact, const DeviceFacts *facts)
{
	return !campaign->force_installation && part->status == UPDATE_PENDING &&
	       g_str_equal(facts->artifact_name, artifact->name);
}

static gboolean give_artifact(Call *call, const Progress *progress, CampaignDevice *part,
	const DeviceFacts *facts, GError **error)
{
	g_autoptr(Campaign) campaign =
		campaign_get(progress->transaction, progress->tenant, part->campaign, error);
	g_autoptr(Artifact) artifact = NULL;

	if (campaign == NULL || !choose_artifact(progress, campaign, part, facts, &artifact, error))
		return FALSE;
	if (artifact == NULL)
		return TRUE;
	if (part->artifact == NULL &&
		!progress_choose(progress, part, artifact->id, artifact->size_bytes, error))
		return FALSE;
	if (is_installed(campaign, part, artifact, facts))
		return progress_set_status(progress, part, UPDATE_ALREADY_INSTALLED, NULL, error);
	answer_instructions(call, progress, part, artifact);
	return TRUE;
}

/* RUN_WRITE. The answer is 204 unless something else is said. */
static gboolean decide(Call *call, GError **error)
{
	const DeviceFacts *facts = call_data(call);
	const Progress progress = progress_of(call);
	g_autoptr(CampaignDevice) part = NULL;
	g_autofree char *request = device_facts_to_text(facts);

	if (!find_part(call, &progress, &part, error))
		return FALSE;
	if (part == NULL)
		return TRUE;
	if (part->request != NULL && !device_facts_are_same(facts, part->request))
		return refuse_other_request(call, &progress, part, error);
	if (part->request == NULL && !progress_keep_request(&progress, part, request, error))
		return FALSE;
	return give_artifact(call, &progress, part, facts, error);
}

/* --- The three ways to ask --- */

/* What nearly every poll learns. */
static gboolean has_nothing(Call *call)
{
	return !pending_may_have(
		app_pending(call_app(call)), call_tenant(call), call_device_row(call));
}

/* Takes @facts: NULL: the question was not well formed. */
static gboolean ask(Call *call, DeviceFacts *facts)
{
	if (facts == NULL)
		return FALSE;
	call_set_data(call, facts, (GDestroyNotify)device_facts_free);
	if (has_nothing(call))
		return TRUE;
	return call_continue(call, RUN_WRITE, decide);
}

gboolean next_by_query(Call *call, GError **error)
{
	const char *names[] = { "artifact_name", "device_type" };
	const char *values[2];

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		values[i] = call_query(call, names[i]);
		if (values[i] == NULL || *values[i] == '\0' || strlen(values[i]) > WIRE_NAME_MAX) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
				"%s: missing or too long", names[i]);
			return FALSE;
		}
	}
	/* Asked before the facts are put together: that would be half of what the poll costs here.
	 */
	if (has_nothing(call))
		return TRUE;
	return ask(call, device_facts_new(values[0], values[1]));
}

static void take_texts(json_t *object, GHashTable *provides)
{
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value)
		if (json_is_string(value))
			g_hash_table_insert(
				provides, g_strdup(key), g_strdup(json_string_value(value)));
}

/* All provides as members beside each other; what is not a text says nothing we match. */
gboolean next_by_flat_body(Call *call, GError **error)
{
	json_t *body = call_body_json(call, error);
	g_autoptr(GHashTable) provides =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	if (body == NULL)
		return FALSE;
	if (!json_is_object(body)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"not an object of what the device provides");
		return FALSE;
	}
	take_texts(json_object_get(body, "artifact_provides"), provides);
	take_texts(body, provides);
	return ask(call, device_facts_from_provides(provides, error));
}

gboolean next_by_provides(Call *call, GError **error)
{
	const NextRequest *request = call_body(call);

	return ask(call, device_facts_from_provides(request->device_provides, error));
}
