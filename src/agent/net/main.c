/* SPDX-License-Identifier: Apache-2.0 */
/* rota-agent-net: the half of the agent that talks to the network and may do nothing else.
 *
 * Started by the agent for one contact, with the socket between them as descriptor 3 and the file
 * of TLS sessions as descriptor 4 (agent/contact.c). It answers the messages of agent/messages.h
 * until the agent closes the socket. It keeps no state: whatever it knows was told in this contact,
 * so the agent can start another one at any moment. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "agent/child.h"
#include "agent/key-channel.h"
#include "agent/messages.h"
#include "agent/net/forwarder.h"
#include "agent/net/sandbox.h"
#include "base/error.h"
#include "base/log.h"
#include "http/download.h"
#include "wire/paths.h"

enum {
	CHANNEL_FD = CHILD_CHANNEL_FD,
	SESSION_FD = CHILD_MORE_FD,
	SETUP_LIMIT_S = 10,
	ANSWER_LIMIT_S = 10, /* for the agent to take an answer */
	SIGN_LIMIT_S = 20,   /* for the key's process, in the middle of a handshake */
	CALL_LIMIT_S = 120,  /* for one call to a server */
	IDLE_TURN_S = 600,   /* what has something to do wakes the loop by itself */
	WAIT_LIMIT_S = 10,   /* a WAIT is answered by then, with or without news */
	BATCH_SIZE = 256 * 1024,
	BATCH_US = 20 * 1000,
};

/* A call under way. It is part of Net, as the client ends what is under way when it is freed. */
typedef struct {
	gboolean done;
	gboolean sent; /* the answer to the agent */
	GError *error; /* of sending it */
} CallState;

typedef struct {
	HttpClient *http;
	Key *key; /* (nullable): of handshakes; it signs in rota-agent-key */
	HttpProxies proxies;
	CallState call;
	Download *download;   /* (nullable) */
	Forwarder *forwarder; /* (nullable) */
	int download_fd;
	gint64 beyond; /* of the WAIT that is open; -1 = none is */
	gint64 wait_until_us;
	gint64 batch_until_us; /* from then on any byte is worth telling */
} Net;

static gint64 in_seconds(gint64 seconds)
{
	return g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
}

static gboolean channel_is_readable(void)
{
	struct pollfd polled = { CHANNEL_FD, POLLIN, 0 };

	return poll(&polled, 1, 0) > 0;
}

static gboolean answer(MessageType type, gconstpointer data, GError **error)
{
	return message_send(CHANNEL_FD, type, data, -1, in_seconds(ANSWER_LIMIT_S), error);
}

static gboolean answer_failed(const GError *failure, GError **error)
{
	return message_send_failed(CHANNEL_FD, failure, in_seconds(ANSWER_LIMIT_S), error);
}

/* --- Calls --- */

static gboolean is_text(GBytes *body)
{
	gsize size;
	const char *text = g_bytes_get_data(body, &size);

	return size == 0 ||
	       (memchr(text, '\0', size) == NULL && g_utf8_validate(text, (gssize)size, NULL));
}

static void on_call_done(const HttpAnswer *http_answer, const GError *failure, gpointer data)
{
	CallState *state = data;
	g_autofree char *body = NULL;
	g_autoptr(GError) not_text = NULL;
	ReplyMessage reply = { 0 };

	state->done = TRUE;
	if (failure == NULL && !is_text(http_answer->body)) {
		not_text = g_error_new(ROTA_ERROR, ROTA_ERROR_INVALID,
			"the body of answer %u is not text", http_answer->status);
		failure = not_text;
	}
	if (failure != NULL) {
		state->sent = answer_failed(failure, &state->error);
		return;
	}
	if (g_bytes_get_size(http_answer->body) > 0)
		body = g_strndup(g_bytes_get_data(http_answer->body, NULL),
			g_bytes_get_size(http_answer->body));
	reply.status = http_answer->status;
	reply.body = body;
	reply.retry_after_s = http_answer->retry_after_s;
	state->sent = answer(MESSAGE_REPLY, &reply, &state->error);
}

/* The agent says nothing while it waits for an answer: what comes is its end, and nobody waits any
 * more. */
static gboolean finish_call(Net *net, GError **error)
{
	while (!net->call.done) {
		if (!http_client_run(net->http, CHANNEL_FD, in_seconds(1), error))
			return FALSE;
		if (!net->call.done && channel_is_readable()) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE,
				"the agent ended the contact in a call");
			return FALSE;
		}
	}
	if (!net->call.sent)
		g_propagate_error(error, g_steal_pointer(&net->call.error));
	return net->call.sent;
}

static gboolean do_call(Net *net, const CallMessage *call, GError **error)
{
	g_autoptr(GBytes) body = NULL;
	g_autoptr(GError) failure = NULL;
	g_autoptr(GPtrArray) headers = g_ptr_array_new_with_free_func(g_free);
	HttpRequest request = { .method = call->method,
		.url = call->url,
		.answer_size_max = MESSAGE_BODY_MAX,
		.limit_s = CALL_LIMIT_S };

	if (call->body != NULL) {
		body = g_bytes_new(call->body, strlen(call->body));
		g_ptr_array_add(headers, g_strdup("Content-Type: application/json"));
	}
	g_ptr_array_add(headers, g_strdup("Accept: application/json, application/jwt"));
	if (call->token != NULL)
		g_ptr_array_add(headers, g_strdup_printf("Authorization: Bearer %s", call->token));
	if (call->signature != NULL)
		g_ptr_array_add(headers, g_strdup_printf(HEADER_SIGNATURE ": %s", call->signature));
	g_ptr_array_add(headers, NULL);
	request.body = body;
	request.headers = (const char *const *)headers->pdata;
	net->call = (CallState){ 0 };
	if (!http_client_send(net->http, &request, on_call_done, &net->call, &failure))
		return answer_failed(failure, error);
	return finish_call(net, error);
}

/* --- The download --- */

static void end_download(Net *net)
{
	g_clear_pointer(&net->download, download_free);
	if (net->download_fd >= 0)
		close(net->download_fd);
	net->download_fd = -1;
	net->beyond = -1;
}

/* A pipe must not block us; of a file the offset in the message counts, not its own. */
static gboolean check_descriptor(Message *message, gboolean pipe, GError **error)
{
	if (message->fd < 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "a FETCH without a descriptor");
		return FALSE;
	}
	if (pipe && fcntl(message->fd, F_SETFL, O_NONBLOCK) != 0) {
		rota_set_errno_error(error, errno, "prepare the pipe");
		return FALSE;
	}
	return TRUE;
}

static gboolean do_fetch(Net *net, Message *message, GError **error)
{
	const FetchMessage *fetch = message->data;
	g_autoptr(GError) failure = NULL;
	DownloadOptions options = { .url = fetch->url,
		.fd = message->fd,
		.is_pipe = fetch->pipe,
		.offset = fetch->offset,
		.size = fetch->size,
		.size_max = fetch->size_max,
		.etag = fetch->etag,
		.tries = fetch->tries,
		.interval_s = fetch->interval_s };

	end_download(net);
	if (!check_descriptor(message, fetch->pipe, error))
		return FALSE;
	net->download_fd = message->fd;
	message->fd = -1;
	net->download = download_new(net->http, &options, &failure);
	return net->download != NULL ? answer(MESSAGE_STARTED, NULL, error)
				     : answer_failed(failure, error);
}

static gboolean no_download(GError **error)
{
	g_autoptr(GError) failure =
		g_error_new(ROTA_ERROR, ROTA_ERROR_CONFLICT, "no download is under way");

	return answer_failed(failure, error);
}

static gboolean do_renew(Net *net, const RenewMessage *renew, GError **error)
{
	g_autoptr(GError) failure = NULL;

	if (net->download == NULL || download_state(net->download) != DOWNLOAD_EXPIRED)
		return no_download(error);
	return download_renew(net->download, renew->url, &failure)
		       ? answer(MESSAGE_STARTED, NULL, error)
		       : answer_failed(failure, error);
}

static gboolean do_wait(Net *net, const WaitMessage *wait, GError **error)
{
	if (net->download == NULL)
		return no_download(error);
	net->beyond = wait->beyond;
	net->wait_until_us = in_seconds(WAIT_LIMIT_S);
	net->batch_until_us = g_get_monotonic_time() + BATCH_US;
	return TRUE;
}

static gboolean do_stop(Net *net, GError **error)
{
	end_download(net);
	return answer(MESSAGE_STOPPED, NULL, error);
}

static gboolean answer_progress(const Download *download, GError **error)
{
	g_autofree char *etag = g_strdup(download_etag(download));
	ProgressMessage progress = { .written = download_written(download),
		.size = download_size(download),
		.etag = etag != NULL && *etag != '\0' && g_utf8_validate(etag, -1, NULL) ? etag
											 : NULL,
		.complete = download_state(download) == DOWNLOAD_COMPLETE };

	return answer(MESSAGE_PROGRESS, &progress, error);
}

/* Bytes are told of in batches: each message costs both sides a turn. */
static gboolean is_worth_telling(const Net *net)
{
	gint64 more = download_written(net->download) - net->beyond;

	return more > 0 && (more >= BATCH_SIZE || download_is_blocked(net->download) ||
				   g_get_monotonic_time() >= net->batch_until_us);
}

/* Answers the open WAIT once there is something to say. What is written is told before a failure.
 */
static gboolean answer_wait(Net *net, GError **error)
{
	const Download *download = net->download;
	DownloadState state;
	gboolean has_more;

	if (net->beyond < 0)
		return TRUE;
	state = download_state(download);
	if (state == DOWNLOAD_RUNNING && !is_worth_telling(net) &&
		g_get_monotonic_time() < net->wait_until_us)
		return TRUE;
	has_more = download_written(download) > net->beyond;
	net->beyond = -1;
	if (has_more || state == DOWNLOAD_RUNNING || state == DOWNLOAD_COMPLETE)
		return answer_progress(download, error);
	return state == DOWNLOAD_EXPIRED ? answer(MESSAGE_EXPIRED, NULL, error)
					 : answer_failed(download_error(download), error);
}

/* --- The forwarder --- */

static void on_token_refused(gpointer data)
{
	g_autoptr(GError) failure = NULL;

	if (!answer(MESSAGE_EXPIRED, NULL, &failure))
		g_warning("%s", failure->message);
}

static gboolean do_forward(Net *net, Message *message, GError **error)
{
	const ForwardMessage *forward = message->data;
	g_autoptr(GError) failure = NULL;

	if ((net->forwarder == NULL) != (message->fd >= 0)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"a FORWARD message needs a listening socket once");
		return FALSE;
	}
	if (net->forwarder == NULL) {
		net->forwarder = forwarder_new(net->http, message->fd, on_token_refused, net);
		message->fd = -1;
	}
	return forwarder_set(net->forwarder, forward->server, forward->token, &failure)
		       ? answer(MESSAGE_STARTED, NULL, error)
		       : answer_failed(failure, error);
}

/* A process that nobody uses costs memory; the next connection starts another one. */
static gboolean check_use(const Net *net, GError **error)
{
	if (net->forwarder == NULL || !forwarder_is_unused(net->forwarder))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "nobody uses the forwarder");
	return FALSE;
}

/* --- The loop --- */

static gboolean handle(Net *net, Message *message, GError **error)
{
	switch (message->type) {
	case MESSAGE_CALL:
		return do_call(net, message->data, error);
	case MESSAGE_FETCH:
		return do_fetch(net, message, error);
	case MESSAGE_RENEW:
		return do_renew(net, message->data, error);
	case MESSAGE_WAIT:
		return do_wait(net, message->data, error);
	case MESSAGE_STOP:
		return do_stop(net, error);
	case MESSAGE_FORWARD:
		return do_forward(net, message, error);
	default:
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "a %s message out of turn",
			message_type_name(message->type));
		return FALSE;
	}
}

static gint64 next_turn_us(const Net *net)
{
	if (net->beyond < 0)
		return in_seconds(IDLE_TURN_S);
	/* The agent reads a pipe without asking: it may know all bytes by now, and not yet that
	 * they are all. */
	if (download_state(net->download) != DOWNLOAD_RUNNING)
		return 0;
	return download_written(net->download) > net->beyond ? net->batch_until_us
							     : net->wait_until_us;
}

static gboolean serve(Net *net, GError **error)
{
	for (;;) {
		g_autoptr(Message) message = NULL;
		gint64 until_us = next_turn_us(net);

		if (!http_client_run(net->http, CHANNEL_FD, until_us, error))
			return FALSE;
		if (!answer_wait(net, error) || !check_use(net, error))
			return FALSE;
		if (!channel_is_readable())
			continue;
		message = message_receive(CHANNEL_FD, -1, in_seconds(ANSWER_LIMIT_S), error);
		if (message == NULL || !handle(net, message, error))
			return FALSE;
	}
}

/* The socket to the key rides along with the SETUP. */
static gboolean take_key(Message *message, Key **ret_key, GError **error)
{
	const SetupMessage *setup = message->data;
	int channel = message->fd;

	if ((setup->client_key == NULL) != (channel < 0)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"a SETUP with half of what belongs to a key");
		return FALSE;
	}
	if (channel < 0)
		return TRUE;
	message->fd = -1;
	*ret_key = key_channel_new(channel, setup->client_key, SIGN_LIMIT_S, error);
	return *ret_key != NULL;
}

static gboolean set_up(Net *net, GError **error)
{
	g_autoptr(Message) message =
		message_receive(CHANNEL_FD, -1, in_seconds(SETUP_LIMIT_S), error);
	const SetupMessage *setup;
	HttpClientOptions options = { .session_fd =
					      fcntl(SESSION_FD, F_GETFD) >= 0 ? SESSION_FD : -1,
		.proxies = &net->proxies,
		.user_agent = "Rota/" ROTA_VERSION };

	if (message == NULL)
		return FALSE;
	if (message->type != MESSAGE_SETUP) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "a %s message before the SETUP",
			message_type_name(message->type));
		return FALSE;
	}
	setup = message->data;
	net->proxies = (HttpProxies){ g_strdup(setup->proxy_http), g_strdup(setup->proxy_https),
		g_strdup(setup->proxy_none) };
	options.authorities = setup->authorities;
	options.client_certificate = setup->client_certificate;
	if (!take_key(message, &net->key, error))
		return FALSE;
	options.client_key = net->key;
	options.idle_limit_s = setup->idle_limit_s;
	net->http = http_client_new(&options, error);
	return net->http != NULL && sandbox_enter(error);
}

int main(void)
{
	Net net = { .beyond = -1, .download_fd = -1 };
	g_autoptr(GError) error = NULL;
	sigset_t none;
	gboolean gone;

	log_setup(LOG_FORMAT_TEXT, G_LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL); /* the agent's own blocks some */
	if (!sandbox_limit(&error)) {
		g_critical("rota-agent-net: %s", error->message);
		return 1;
	}
	if (!set_up(&net, &error)) {
		g_critical("rota-agent-net: %s", error->message);
		if (!answer_failed(error, NULL))
			g_info("and the agent is gone");
		return 1;
	}
	if (answer(MESSAGE_READY, NULL, &error) && serve(&net, &error))
		return 0;
	/* The agent closing the socket is how a contact ends. */
	gone = g_error_matches(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE);
	if (!gone)
		g_critical("rota-agent-net: %s", error->message);
	end_download(&net);
	g_clear_pointer(&net.forwarder, forwarder_free);
	g_clear_pointer(&net.http, http_client_free);
	g_clear_pointer(&net.key, key_unref);
	g_clear_error(&net.call.error);
	http_proxies_clear(&net.proxies);
	return gone ? 0 : 1;
}
