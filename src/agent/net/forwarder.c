/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/forwarder.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/net/forward.h"
#include "http/client-private.h"

struct Forwarder {
	ForwardOwner owner; /* what each connection is given */
	int listener;
	char *server;
	char *token; /* (nullable) */
	GPtrArray *forwards;
	gint64 unused_since_us;
	void (*refused)(gpointer data);
	gpointer data;
	gboolean told_of_refusal; /* of this token */
};

/* --- What connections ask --- */

static const char *server_of(gpointer owner)
{
	return ((const Forwarder *)owner)->server;
}

static const char *token_of(gpointer owner)
{
	return ((const Forwarder *)owner)->token;
}

static gboolean may_be_socket(gpointer owner)
{
	const Forwarder *forwarder = owner;
	guint sockets = 0;

	for (guint i = 0; i < forwarder->forwards->len; i++)
		sockets += forward_is_socket(g_ptr_array_index(forwarder->forwards, i)) ? 1 : 0;
	return sockets < FORWARDER_SOCKETS_MAX;
}

static void on_refused(const char *token, gpointer owner)
{
	Forwarder *forwarder = owner;

	if (forwarder->told_of_refusal || g_strcmp0(token, forwarder->token) != 0)
		return;
	forwarder->told_of_refusal = TRUE;
	forwarder->refused(forwarder->data);
}

static void on_ended(Forward *forward, gpointer owner)
{
	Forwarder *forwarder = owner;

	g_ptr_array_remove_fast(forwarder->forwards, forward);
	forwarder->unused_since_us = g_get_monotonic_time();
}

/* --- Its part in the loop --- */

static guint waits(struct curl_waitfd *ret_waits, gpointer data)
{
	const Forwarder *forwarder = data;

	if (forwarder->forwards->len >= FORWARDER_CONNECTIONS_MAX)
		return 0;
	*ret_waits = (struct curl_waitfd){ .fd = forwarder->listener, .events = CURL_WAIT_POLLIN };
	return 1;
}

static gint64 unused_until_us(const Forwarder *forwarder)
{
	return forwarder->unused_since_us + FORWARDER_UNUSED_LIMIT_S * G_USEC_PER_SEC;
}

static gint64 wake_us(gpointer data)
{
	const Forwarder *forwarder = data;

	return forwarder->forwards->len == 0 ? unused_until_us(forwarder) : G_MAXINT64;
}

static void turn(gpointer data)
{
	Forwarder *forwarder = data;

	while (forwarder->forwards->len < FORWARDER_CONNECTIONS_MAX) {
		int fd = accept4(forwarder->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		g_ptr_array_add(forwarder->forwards, forward_new(&forwarder->owner, fd));
	}
}

/* --- --- */

Forwarder *forwarder_new(
	HttpClient *http, int listener, void (*refused)(gpointer data), gpointer data)
{
	Forwarder *forwarder = g_new0(Forwarder, 1);
	ClientPart part = { waits, wake_us, turn, forwarder };

	forwarder->owner = (ForwardOwner){ .http = http,
		.server = server_of,
		.token = token_of,
		.may_be_socket = may_be_socket,
		.refused = on_refused,
		.ended = on_ended,
		.owner = forwarder };
	forwarder->listener = listener;
	forwarder->forwards = g_ptr_array_new_with_free_func((GDestroyNotify)forward_free);
	forwarder->unused_since_us = g_get_monotonic_time();
	forwarder->refused = refused;
	forwarder->data = data;
	client_add_part(http, &part);
	return forwarder;
}

static void clear_token(Forwarder *forwarder)
{
	if (forwarder->token != NULL)
		explicit_bzero(forwarder->token, strlen(forwarder->token));
	g_clear_pointer(&forwarder->token, g_free);
}

void forwarder_free(Forwarder *forwarder)
{
	client_remove_part(forwarder->owner.http, forwarder);
	g_ptr_array_unref(forwarder->forwards);
	close(forwarder->listener);
	clear_token(forwarder);
	g_free(forwarder->server);
	g_free(forwarder);
}

gboolean forwarder_set(Forwarder *forwarder, const char *server, const char *token, GError **error)
{
	if (!http_url_check(server, error))
		return FALSE;
	clear_token(forwarder);
	g_free(forwarder->server);
	forwarder->server = g_strdup(server);
	forwarder->token = g_strdup(token);
	forwarder->told_of_refusal = FALSE;
	return TRUE;
}

gboolean forwarder_is_unused(const Forwarder *forwarder)
{
	return forwarder->forwards->len == 0 &&
	       g_get_monotonic_time() >= unused_until_us(forwarder);
}
