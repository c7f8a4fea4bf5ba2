/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/authenticate.h"
#include "agent/device-key.h"
#include "agent/identity.h"
#include "agent/keeper.h"
#include "agent/signals.h"
#include "base/error.h"
#include "base/json.h"
#include "wire/messages.h"
#include <string.h>

/* (transfer full): the body of the request, exactly as it is to be signed. */
static char *auth_body(Agent *agent, const char *public_half, GError **error)
{
	g_autofree char *identity = identity_read(agent->paths, error);
	g_autoptr(json_t) value = NULL;
	AuthRequest request = { 0 };

	if (identity == NULL)
		return NULL;
	request.id_data = identity;
	request.pubkey = (char *)(guintptr)public_half;
	request.tenant_token = agent->settings->tenant_token;
	request.tier = agent->settings->device_tier;
	value = json_record_write(&auth_request_record, &request);
	return json_to_text(value);
}

gboolean authenticate_open_contact(Agent *agent, GError **error)
{
	const AgentSettings *settings = agent->settings;
	ContactSettings contact_settings = {
		.data = agent->paths->data,
		.servers = (const char *const *)settings->servers,
		.server_certificate = settings->server_certificate,
		.client_certificate = settings->client_certificate,
		.client_key = settings->client_key,
		.client_key_engine = settings->client_key_engine,
		.spool_size_max = settings->spool_size_max,
		.download_tries = settings->retry_download_count,
		.retry_interval_s = settings->retry_download_s,
		.stop_fd = signals_stop_fd(),
	};

	if (agent->contact != NULL)
		return TRUE;
	agent->contact_settings = contact_settings;
	agent->contact = contact_open(&agent->contact_settings, error);
	if (agent->contact == NULL)
		return FALSE;
	if (agent->token != NULL)
		contact_use_token(agent->contact, agent->token, agent->server);
	return TRUE;
}

void authenticate_note_answer(Agent *agent, const ContactReply *reply)
{
	agent->retry_after_s = reply != NULL ? reply->retry_after_s : 0;
}

/* (transfer full): base64, over exactly the @ret_body. The key is there for this long only. */
static char *sign_request(Agent *agent, char **ret_body, GError **error)
{
	g_autoptr(Keeper) keeper = device_key_open(agent, error);
	g_autoptr(Key) key = keeper != NULL ? keeper_key(keeper, error) : NULL;
	g_autofree char *body = NULL;
	g_autoptr(GBytes) signature = NULL;

	if (key == NULL)
		return NULL;
	body = auth_body(agent, keeper_public_half(keeper), error);
	if (body != NULL)
		signature = key_sign_message(key, body, strlen(body), error);
	if (signature == NULL)
		return NULL;
	*ret_body = g_steal_pointer(&body);
	return g_base64_encode(g_bytes_get_data(signature, NULL), g_bytes_get_size(signature));
}

gboolean authenticate(Agent *agent, GError **error)
{
	g_autofree char *body = NULL;
	g_autofree char *signature = NULL;
	g_autoptr(GBytes) bytes = NULL;
	g_autoptr(ContactReply) reply = NULL;

	if (*agent->settings->servers == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_PRECONDITION, "no ServerURL is set");
		return FALSE;
	}
	signature = sign_request(agent, &body, error);
	if (signature == NULL || !authenticate_open_contact(agent, error))
		return FALSE;
	bytes = g_bytes_new(body, strlen(body));
	reply = contact_authenticate(
		agent->contact, bytes, signature, &agent->token, &agent->server, error);
	authenticate_note_answer(agent, reply);
	if (reply == NULL)
		return FALSE;
	if (agent->token != NULL) {
		g_message("authenticated at %s", agent->server);
		return TRUE;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED,
		"no server accepts this device (status %u)", reply->status);
	return FALSE;
}
