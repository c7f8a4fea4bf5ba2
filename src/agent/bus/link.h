/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <systemd/sd-event.h>
#include "agent/agent.h"

/* The loopback port of the local forwarder.
 *
 * The port is bound at the first token and stays until the end, so that a URL once given out stays
 * true. Who serves it is a network process without rights (agent/net/forwarder.h) that lives from a
 * connection until a minute after the last one: in between nobody holds more than the socket. */
typedef struct Link Link;

/* @refused: the server does not take the token any more */
Link *link_new(Agent *agent, sd_event *loop, void (*refused)(gpointer data), gpointer data);
void link_free(Link *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Link, link_free)

/* @token, @server: (nullable): none any more */
gboolean link_set(Link *link, const char *token, const char *server,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What add-ons are to take for the server; "" where there is no token. */
const char *link_url(const Link *link);
