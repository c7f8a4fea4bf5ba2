/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over a contact: authentication, and what follows it. */
#include <string.h>
#include "agent/contact-private.h"
#include "base/error.h"
#include "wire/paths.h"

enum { RETRY_AFTER_MAX_S = 24 * 60 * 60 };

void contact_reply_free(ContactReply *reply)
{
	if (reply == NULL)
		return;
	g_bytes_unref(reply->body);
	g_free(reply);
}

static ContactReply *take_reply(ReplyMessage *message, GError **error)
{
	ContactReply *reply;
	gsize size = message->body != NULL ? strlen(message->body) : 0;

	if (message->status < 100 || message->status > 599) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"%" G_GINT64_FORMAT " is no status of HTTP", message->status);
		return NULL;
	}
	reply = g_new0(ContactReply, 1);
	reply->status = (guint)message->status;
	reply->retry_after_s = CLAMP(message->retry_after_s, 0, RETRY_AFTER_MAX_S);
	reply->body = g_bytes_new(message->body, size);
	return reply;
}

/* Every call of the device API may be repeated, so a process that died in it is replaced once. */
static ContactReply *call(Contact *contact, const CallMessage *message, GError **error)
{
	for (guint try = 0;; try++) {
		g_autoptr(Message) answer = NULL;
		g_autoptr(GError) failure = NULL;
		gboolean lost;

		answer = contact_exchange(contact, MESSAGE_CALL, message, -1, MESSAGE_REPLY,
			CONTACT_CALL_LIMIT_S, &lost, &failure);
		if (answer != NULL)
			return take_reply(answer->data, error);
		if (!lost || try > 0 || contact_is_stopped(contact)) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return NULL;
		}
		g_warning(CONTACT_PROGRAM_NAME ": %s; starting another one", failure->message);
	}
}

/* A URL and its parts travel in a request line: nothing in them may end it. */
static gboolean is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (!g_ascii_isgraph(*text))
			return FALSE;
	return TRUE;
}

static char *join_url(const char *server, const char *path, GError **error)
{
	gsize length = strlen(server);
	g_autofree char *url = NULL;

	while (length > 0 && server[length - 1] == '/')
		length--;
	url = g_strdup_printf("%.*s%s", (int)length, server, path);
	if (*path != '/' || !is_printable(url) || strlen(url) > CONTACT_URL_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s%s: not a URL", server, path);
		return NULL;
	}
	return g_steal_pointer(&url);
}

/* (nullable): NULL for no body; an empty one is an empty text. */
static char *text_of(GBytes *body)
{
	gsize size;
	const char *data;

	if (body == NULL)
		return NULL;
	data = g_bytes_get_data(body, &size);
	return size > 0 ? g_strndup(data, size) : g_strdup("");
}

static char *read_token(const ContactReply *reply, GError **error)
{
	g_autofree char *token = g_strstrip(text_of(reply->body));

	if (*token != '\0' && strlen(token) <= CONTACT_TOKEN_MAX && is_printable(token))
		return g_steal_pointer(&token);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "the server's answer is not a token");
	return NULL;
}

static ContactReply *authenticate_at(Contact *contact, const char *server, const char *body,
	const char *signature, char **ret_token, GError **error)
{
	g_autofree char *url = join_url(server, PATH_AUTH_REQUESTS, error);
	g_autofree char *method = g_strdup("POST");
	CallMessage message = { .method = method, .url = url };
	g_autoptr(ContactReply) reply = NULL;

	if (url == NULL)
		return NULL;
	message.signature = (char *)(guintptr)signature;
	message.body = (char *)(guintptr)body;
	reply = call(contact, &message, error);
	if (reply == NULL)
		return NULL;
	if (reply->status == 200) {
		*ret_token = read_token(reply, error);
		if (*ret_token == NULL)
			return NULL;
	}
	return g_steal_pointer(&reply);
}

ContactReply *contact_authenticate(Contact *contact, GBytes *body, const char *signature,
	char **ret_token, char **ret_server, GError **error)
{
	const char *const *servers = contact->settings.servers;
	g_autofree char *text = text_of(body);
	g_autoptr(ContactReply) last = NULL;
	g_autoptr(GError) failure = NULL;

	*ret_token = NULL;
	*ret_server = NULL;
	for (gsize i = 0; servers != NULL && servers[i] != NULL && i < CONTACT_SERVERS_MAX; i++) {
		g_autoptr(ContactReply) reply = NULL;

		g_clear_error(&failure);
		reply = authenticate_at(contact, servers[i], text, signature, ret_token, &failure);
		if (reply == NULL) {
			g_info("authenticate at %s: %s", servers[i], failure->message);
			continue;
		}
		g_clear_pointer(&last, contact_reply_free);
		last = g_steal_pointer(&reply);
		if (*ret_token == NULL)
			continue;
		*ret_server = g_strdup(servers[i]);
		contact_use_token(contact, *ret_token, *ret_server);
		return g_steal_pointer(&last);
	}
	if (last != NULL)
		return g_steal_pointer(&last);
	if (failure == NULL)
		g_set_error(&failure, ROTA_ERROR, ROTA_ERROR_INVALID, "no server is configured");
	g_propagate_prefixed_error(error, g_steal_pointer(&failure), "authenticate: ");
	return NULL;
}

void contact_use_token(Contact *contact, const char *token, const char *server)
{
	char *new_token = g_strdup(token);
	char *new_server = g_strdup(server);

	contact_clear_secret(&contact->token);
	g_free(contact->server);
	contact->token = new_token;
	contact->server = new_server;
}

ContactReply *contact_call(
	Contact *contact, const char *method, const char *path, GBytes *body, GError **error)
{
	g_autofree char *url = NULL;
	g_autofree char *text = text_of(body);
	CallMessage message = { .body = text };

	if (contact->token == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED,
			"no server has accepted this device in this contact");
		return NULL;
	}
	url = join_url(contact->server, path, error);
	if (url == NULL)
		return NULL;
	message.method = (char *)(guintptr)method;
	message.url = url;
	message.token = contact->token;
	return call(contact, &message, error);
}
