/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bus/link.h"
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/signals.h"
#include "base/error.h"

enum { QUEUE_LENGTH = 16, RETRY_US = 5 * G_USEC_PER_SEC };

struct Link {
	Agent *agent; /* for its paths and settings */
	sd_event *loop;
	int listener; /* -1: no token was there yet */
	char *url;
	char *token;             /* (nullable) */
	char *server;            /* (nullable) */
	Contact *contact;        /* (nullable): the forwarder's */
	sd_event_source *called; /* a connection waits, and nobody serves it */
	sd_event_source *news;   /* of the forwarder */
	sd_event_source *pause;  /* after a forwarder that could not be started */
	void (*refused)(gpointer data);
	gpointer data;
};

/* --- The forwarder's process --- */

static void wait_for_callers(Link *link, gboolean wait)
{
	if (link->called != NULL)
		sd_event_source_set_enabled(link->called, wait ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void end_forwarder(Link *link)
{
	link->news = sd_event_source_disable_unref(link->news);
	g_clear_pointer(&link->contact, contact_close);
	wait_for_callers(link, TRUE);
}

static int on_news(sd_event_source *source, int fd, uint32_t events, void *data)
{
	Link *link = data;

	if (contact_read_forwarder(link->contact) == FORWARDER_REFUSED) {
		g_message("the server refused the token of an add-on");
		link->refused(link->data);
	} else {
		end_forwarder(link);
	}
	return 0;
}

static gboolean start_forwarder(Link *link, GError **error)
{
	const AgentSettings *settings = link->agent->settings;
	ContactSettings contact_settings = {
		.data = link->agent->paths->data,
		.server_certificate = settings->server_certificate,
		.client_certificate = settings->client_certificate,
		.client_key = settings->client_key,
		.client_key_engine = settings->client_key_engine,
		.stop_fd = signals_stop_fd(),
	};
	int status;

	link->contact = contact_open(&contact_settings, error);
	if (link->contact == NULL ||
		!contact_forward(link->contact, link->listener, link->server, link->token, error))
		return FALSE;
	status = sd_event_add_io(
		link->loop, &link->news, contact_channel(link->contact), EPOLLIN, on_news, link);
	if (status >= 0)
		return TRUE;
	rota_set_errno_error(error, -status, "wait for the forwarder");
	return FALSE;
}

/* The connection stays in the queue: without a pause it would be tried again at once. */
static int on_called(sd_event_source *source, int fd, uint32_t events, void *data)
{
	Link *link = data;
	g_autoptr(GError) failure = NULL;

	wait_for_callers(link, FALSE);
	if (start_forwarder(link, &failure))
		return 0;
	g_warning("the local forwarder: %s", failure->message);
	end_forwarder(link);
	wait_for_callers(link, FALSE);
	sd_event_source_set_time_relative(link->pause, RETRY_US);
	sd_event_source_set_enabled(link->pause, SD_EVENT_ONESHOT);
	return 0;
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *data)
{
	wait_for_callers(data, TRUE);
	return 0;
}

/* --- The port --- */

/* Of the loopback interface only, whatever number is free. */
static int listen_on_loopback(int *ret_port, GError **error)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
		listen(fd, QUEUE_LENGTH) == 0 &&
		getsockname(fd, (struct sockaddr *)&address, &size) == 0) {
		*ret_port = ntohs(address.sin_port);
		return fd;
	}
	rota_set_errno_error(error, errno, "listen on a loopback port");
	if (fd >= 0)
		close(fd);
	return -1;
}

static gboolean open_port(Link *link, GError **error)
{
	int port = 0;
	int status;

	if (link->listener >= 0)
		return TRUE;
	link->listener = listen_on_loopback(&port, error);
	if (link->listener < 0)
		return FALSE;
	link->url = g_strdup_printf("http://127.0.0.1:%d", port);
	status = sd_event_add_io(
		link->loop, &link->called, link->listener, EPOLLIN, on_called, link);
	if (status >= 0)
		status = sd_event_add_time_relative(
			link->loop, &link->pause, CLOCK_MONOTONIC, 0, 0, on_pause_over, link);
	if (status >= 0)
		status = sd_event_source_set_enabled(link->pause, SD_EVENT_OFF);
	if (status >= 0)
		return TRUE;
	rota_set_errno_error(error, -status, "wait for add-ons");
	return FALSE;
}

static void clear_token(Link *link)
{
	if (link->token != NULL)
		explicit_bzero(link->token, strlen(link->token));
	g_clear_pointer(&link->token, g_free);
}

gboolean link_set(Link *link, const char *token, const char *server, GError **error)
{
	clear_token(link);
	link->token = g_strdup(token);
	/* Without a token nobody is let through: which server it would be is then no matter. */
	if (server != NULL) {
		g_free(link->server);
		link->server = g_strdup(server);
	}
	if (token != NULL && !open_port(link, error))
		return FALSE;
	if (link->contact == NULL)
		return TRUE;
	if (contact_forward(link->contact, -1, link->server, token, error))
		return TRUE;
	end_forwarder(link);
	return FALSE;
}

const char *link_url(const Link *link)
{
	return link->token != NULL && link->url != NULL ? link->url : "";
}

/* --- --- */

Link *link_new(Agent *agent, sd_event *loop, void (*refused)(gpointer data), gpointer data)
{
	Link *link = g_new0(Link, 1);

	link->agent = agent;
	link->loop = loop;
	link->listener = -1;
	link->refused = refused;
	link->data = data;
	return link;
}

void link_free(Link *link)
{
	if (link == NULL)
		return;
	end_forwarder(link);
	sd_event_source_disable_unref(link->called);
	sd_event_source_disable_unref(link->pause);
	if (link->listener >= 0)
		close(link->listener);
	clear_token(link);
	g_free(link->server);
	g_free(link->url);
	g_free(link);
}
