/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bus/token.h"
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "agent/authenticate.h"
#include "agent/backoff.h"
#include "agent/signals.h"
#include "base/error.h"

/* A server that refuses what it has just given is not asked for more in the same breath. */
enum { TOKEN_LIFE_LEAST_US = 60 * G_USEC_PER_SEC };

struct Token {
	Agent *agent; /* the thread's alone while it runs, but for what is never changed */
	sd_event *loop;
	GThread *thread; /* (nullable) */
	int done_fd;     /* the thread's last act */
	GError *failure; /* of the thread */
	sd_event_source *done;
	sd_event_source *again; /* the next try; disabled where none is due */
	Backoff backoff;
	gint64 made_us; /* the last one */
	char *text;
	char *server;
	void (*changed)(gpointer data);
	gpointer data;
};

static void clear(char **text)
{
	if (*text != NULL)
		explicit_bzero(*text, strlen(*text));
	g_clear_pointer(text, g_free);
}

/* --- The thread --- */

static gpointer ask(gpointer data)
{
	Token *token = data;
	Agent *agent = token->agent;

	if (authenticate(agent, &token->failure))
		g_clear_error(&token->failure);
	g_clear_pointer(&agent->contact, contact_close);
	(void)eventfd_write(token->done_fd, 1);
	return NULL;
}

/* --- The loop's side --- */

static void begin(Token *token)
{
	if (token->thread != NULL || signals_stop_asked())
		return;
	sd_event_source_set_enabled(token->again, SD_EVENT_OFF);
	token->thread = g_thread_new("authenticate", ask, token);
}

static void try_again_later(Token *token)
{
	const AgentSettings *settings = token->agent->settings;
	gint64 wait_s = backoff_next_s(&token->backoff, settings);

	if (wait_s < 0) {
		backoff_reset(&token->backoff);
		wait_s = settings->update_poll_s;
	}
	if (token->agent->retry_after_s > 0)
		wait_s = token->agent->retry_after_s;
	sd_event_source_set_time_relative(token->again, (guint64)wait_s * G_USEC_PER_SEC);
	sd_event_source_set_enabled(token->again, SD_EVENT_ONESHOT);
}

static void take_result(Token *token)
{
	Agent *agent = token->agent;

	clear(&token->text);
	g_clear_pointer(&token->server, g_free);
	if (token->failure != NULL) {
		g_message("no token for add-ons: %s", token->failure->message);
		g_clear_error(&token->failure);
		try_again_later(token);
		return;
	}
	backoff_reset(&token->backoff);
	token->made_us = g_get_monotonic_time();
	token->text = g_steal_pointer(&agent->token);
	token->server = g_steal_pointer(&agent->server);
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *data)
{
	Token *token = data;
	eventfd_t count;

	(void)eventfd_read(fd, &count);
	g_clear_pointer(&token->thread, g_thread_join);
	take_result(token);
	token->changed(token->data);
	return 0;
}

static int on_again(sd_event_source *source, uint64_t usec, void *data)
{
	begin(data);
	return 0;
}

void token_want(Token *token)
{
	int enabled = SD_EVENT_OFF;

	(void)sd_event_source_get_enabled(token->again, &enabled);
	if (token->text == NULL && enabled == SD_EVENT_OFF)
		begin(token);
}

void token_renew(Token *token)
{
	begin(token);
}

void token_refused(Token *token)
{
	clear(&token->text);
	g_clear_pointer(&token->server, g_free);
	token->changed(token->data);
	if (g_get_monotonic_time() - token->made_us >= TOKEN_LIFE_LEAST_US)
		begin(token);
	else if (token->thread == NULL)
		try_again_later(token);
}

const char *token_text(const Token *token)
{
	return token->text;
}

const char *token_server(const Token *token)
{
	return token->server;
}

/* --- --- */

Token *token_new(
	Agent *agent, sd_event *loop, void (*changed)(gpointer data), gpointer data, GError **error)
{
	Token *token = g_new0(Token, 1);
	int status;

	token->agent = agent;
	token->changed = changed;
	token->data = data;
	token->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	status = token->done_fd < 0 ? -errno
				    : sd_event_add_io(loop, &token->done, token->done_fd, EPOLLIN,
					      on_done, token);
	if (status >= 0)
		status = sd_event_add_time_relative(
			loop, &token->again, CLOCK_MONOTONIC, 0, 0, on_again, token);
	if (status >= 0)
		status = sd_event_source_set_enabled(token->again, SD_EVENT_OFF);
	if (status >= 0)
		return token;
	rota_set_errno_error(error, -status, "wait for tokens");
	token_free(token);
	return NULL;
}

void token_free(Token *token)
{
	if (token == NULL)
		return;
	g_clear_pointer(&token->thread, g_thread_join);
	sd_event_source_disable_unref(token->done);
	sd_event_source_disable_unref(token->again);
	if (token->done_fd >= 0)
		close(token->done_fd);
	g_clear_error(&token->failure);
	clear(&token->text);
	g_free(token->server);
	g_free(token);
}
