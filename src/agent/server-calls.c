/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/server-calls.h"
#include "agent/authenticate.h"
#include "agent/deployment-log.h"
#include "agent/inventory.h"
#include "agent/software.h"
#include "agent/spool.h"
#include "base/error.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "http/proxy.h"
#include "wire/paths.h"
#include <string.h>

enum {
	STATUS_OK = 200,
	STATUS_NO_CONTENT = 204,
	STATUS_UNAUTHORIZED = 401,
	STATUS_NOT_FOUND = 404,
	STATUS_CONFLICT = 409,
	STATUS_TOO_LARGE = 413,
};

/* --- The token --- */

void server_calls_forget_token(Agent *agent)
{
	g_clear_pointer(&agent->token, g_free);
	g_clear_pointer(&agent->server, g_free);
	g_clear_pointer(&agent->inventory_sent, g_free);
	if (agent->contact != NULL)
		contact_use_token(agent->contact, NULL, NULL);
}

void server_calls_end(Agent *agent)
{
	g_clear_pointer(&agent->contact, contact_close);
}

/* --- One call --- */

static ContactReply *call_once(
	Agent *agent, const char *method, const char *path, GBytes *body, GError **error)
{
	ContactReply *reply = NULL;

	if (agent->token == NULL && !authenticate(agent, error))
		return NULL;
	if (!authenticate_open_contact(agent, error))
		return NULL;
	reply = contact_call(agent->contact, method, path, body, error);
	authenticate_note_answer(agent, reply);
	return reply;
}

static ContactReply *call(
	Agent *agent, const char *method, const char *path, GBytes *body, GError **error)
{
	gboolean had_token = agent->token != NULL;
	g_autoptr(ContactReply) reply = call_once(agent, method, path, body, error);

	if (reply == NULL || reply->status != STATUS_UNAUTHORIZED || !had_token)
		return g_steal_pointer(&reply);
	server_calls_forget_token(agent);
	return call_once(agent, method, path, body, error);
}

static gboolean refuse_status(const ContactReply *reply, const char *what, GError **error)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "%s: the server answered %u", what,
		reply->status);
	return FALSE;
}

/* --- Next --- */

static ContactReply *ask_v2(Agent *agent, const Software *software, GError **error)
{
	g_autoptr(GHashTable) provides = software_all_provides(agent, software);
	NextRequest request = { .device_provides = provides };
	g_autoptr(json_t) value = json_record_write(&next_request_record, &request);
	g_autofree char *text = json_to_text(value);
	g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));

	return call(agent, "POST", PATH_NEXT_V2, body, error);
}

/* Servers older than v2. */
static ContactReply *ask_v1(Agent *agent, const Software *software, GError **error)
{
	g_autofree char *name = g_uri_escape_string(software->name, NULL, FALSE);
	g_autofree char *type = g_uri_escape_string(
		agent->device_type != NULL ? agent->device_type : "", NULL, FALSE);
	g_autofree char *path =
		g_strdup_printf("%s?artifact_name=%s&device_type=%s", PATH_NEXT_V1, name, type);

	return call(agent, "GET", path, NULL, error);
}

/* It becomes part of paths and of file names. */
static gboolean is_plain_id(const char *id)
{
	gsize length = strlen(id);

	for (gsize i = 0; i < length; i++) {
		if (!g_ascii_isalnum(id[i]) && id[i] != '-' && id[i] != '_')
			return FALSE;
	}
	return length > 0 && length <= CONTACT_SPOOL_NAME_MAX;
}

static gboolean parse_next(const ContactReply *reply, NextAnswer **ret_answer, GError **error)
{
	NextAnswer *answer = json_record_parse(&next_answer_record,
		g_bytes_get_data(reply->body, NULL), g_bytes_get_size(reply->body), error);

	if (answer == NULL) {
		g_prefix_error(error, "deployment: ");
		return FALSE;
	}
	if (!is_plain_id(answer->id))
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"deployment: its id is no plain text");
	else if (!http_url_check(answer->artifact.source.uri, error))
		g_prefix_error(error, "deployment: its link: ");
	else
		*ret_answer = answer;
	if (*ret_answer == NULL)
		json_record_free(&next_answer_record, answer);
	return *ret_answer != NULL;
}

gboolean server_calls_next(Agent *agent, NextAnswer **ret_answer, GError **error)
{
	g_auto(Software) software = { 0 };
	g_autoptr(ContactReply) reply = NULL;

	*ret_answer = NULL;
	if (!software_load(agent->store, &software, error))
		return FALSE;
	reply = ask_v2(agent, &software, error);
	if (reply != NULL && reply->status == STATUS_NOT_FOUND) {
		g_clear_pointer(&reply, contact_reply_free);
		reply = ask_v1(agent, &software, error);
	}
	if (reply == NULL)
		return FALSE;
	if (reply->status == STATUS_NO_CONTENT)
		return TRUE;
	if (reply->status != STATUS_OK)
		return refuse_status(reply, "asking for a deployment", error);
	return parse_next(reply, ret_answer, error);
}

/* --- Reports --- */

ReportResult server_calls_report(
	Agent *agent, const char *id, UpdateStatus status, const char *substate, GError **error)
{
	g_autofree char *path = g_strdup_printf("%s%s/status", PATH_DEPLOYMENT_V1, id);
	g_autofree char *word = g_strdup(update_status_name(status));
	g_autofree char *why = g_strdup(substate);
	StatusReport report = { .status = word, .substate = why };
	g_autoptr(json_t) value = json_record_write(&status_report_record, &report);
	g_autofree char *text = json_to_text(value);
	g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));
	g_autoptr(ContactReply) reply = call(agent, "PUT", path, body, error);

	if (reply == NULL)
		return REPORT_FAILED;
	if (reply->status == STATUS_NO_CONTENT || reply->status == STATUS_OK)
		return REPORT_TAKEN;
	(void)refuse_status(reply, word, error);
	return reply->status == STATUS_CONFLICT ? REPORT_ABORTED : REPORT_FAILED;
}

gboolean server_calls_send_log(Agent *agent, const char *id, GError **error)
{
	g_autofree char *path = g_strdup_printf("%s%s/log", PATH_DEPLOYMENT_V1, id);
	g_autofree char *text = deployment_log_body(agent->settings->update_log_path, id, error);
	g_autoptr(GBytes) body = NULL;
	g_autoptr(ContactReply) reply = NULL;

	if (text == NULL)
		return FALSE;
	body = g_bytes_new(text, strlen(text));
	reply = call(agent, "PUT", path, body, error);
	if (reply == NULL)
		return FALSE;
	if (reply->status == STATUS_TOO_LARGE) {
		g_warning("the server does not take a log of this size");
		return TRUE;
	}
	return reply->status == STATUS_NO_CONTENT || reply->status == STATUS_OK ||
	       refuse_status(reply, "log", error);
}

gboolean server_calls_send_inventory(Agent *agent, GError **error)
{
	g_autofree char *text = inventory_read(agent, error);
	g_autofree char *sum = NULL;
	g_autoptr(GBytes) body = NULL;
	g_autoptr(ContactReply) reply = NULL;

	if (text == NULL)
		return FALSE;
	sum = sha256_hex_of(text, strlen(text));
	if (g_strcmp0(sum, agent->inventory_sent) == 0)
		return TRUE;
	body = g_bytes_new(text, strlen(text));
	reply = call(agent, "PUT", PATH_INVENTORY, body, error);
	if (reply == NULL)
		return FALSE;
	if (reply->status != STATUS_OK)
		return refuse_status(reply, "inventory", error);
	g_free(agent->inventory_sent);
	agent->inventory_sent = g_steal_pointer(&sum);
	return TRUE;
}

/* --- Download --- */

typedef struct {
	Agent *agent;
	char *id;
} Refresh;

static void free_refresh(gpointer data)
{
	Refresh *refresh = data;

	g_free(refresh->id);
	g_free(refresh);
}

/* The link has expired: the server gives another one for the same deployment. */
static char *refresh_link(gpointer data, GError **error)
{
	Refresh *refresh = data;
	NextAnswer *answer = NULL;
	char *uri = NULL;

	if (!server_calls_next(refresh->agent, &answer, error))
		return NULL;
	if (answer != NULL && g_str_equal(answer->id, refresh->id))
		uri = g_strdup(answer->artifact.source.uri);
	else
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
			"the server no longer offers this deployment");
	json_record_free(&next_answer_record, answer);
	return uri;
}

GInputStream *server_calls_fetch(Agent *agent, const UpdateRecord *record, GError **error)
{
	Refresh *refresh = g_new0(Refresh, 1);
	ContactDownload download = {
		.url = record->artifact.source.uri,
		.spool_name = agent->settings->spool_size_max > 0 ? record->id : NULL,
		.refresh = refresh_link,
		.data = refresh,
	};
	GInputStream *stream = NULL;

	refresh->agent = agent;
	refresh->id = g_strdup(record->id);
	if (authenticate_open_contact(agent, error))
		stream = contact_fetch(agent->contact, &download, error);
	if (stream == NULL)
		free_refresh(refresh);
	else
		g_object_set_data_full(G_OBJECT(stream), "refresh", refresh, free_refresh);
	return stream;
}

GInputStream *server_calls_fetch_url(Agent *agent, const char *url, GError **error)
{
	ContactDownload download = { .url = url };

	if (!http_url_check(url, error) || !authenticate_open_contact(agent, error))
		return NULL;
	return contact_fetch(agent->contact, &download, error);
}

gint64 server_calls_spooled(const Agent *agent, const UpdateRecord *record)
{
	g_autoptr(Spool) spool = NULL;
	gint64 have = 0;

	if (record->id == NULL || agent->settings->spool_size_max == 0)
		return 0;
	spool = spool_open(agent->paths->data, record->id, NULL);
	if (spool == NULL || !spool_have(spool, &have, NULL))
		return 0;
	return have;
}
