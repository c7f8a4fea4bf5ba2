/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <systemd/sd-event.h>
#include "agent/agent.h"

/* The token that add-ons are given, and how there comes to be one.
 *
 * Authentication waits for keys, programs and servers, so it runs in a thread; the bus is answered
 * meanwhile. One runs at a time. Nothing is asked of a server before somebody wants a token; then
 * it is tried until there is one, with the agent's back-off. */
typedef struct Token Token;

/* @changed: there is another token, or none: called in the thread of the loop */
Token *token_new(Agent *agent, sd_event *loop, void (*changed)(gpointer data), gpointer data,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void token_free(Token *token); /* waits for the thread; signals_stop_fd() hurries it */

const char *token_text(const Token *token);   /* (nullable) */
const char *token_server(const Token *token); /* (nullable): that gave it */

/* One is needed: begins to ask unless it is being asked for, or is there. */
void token_want(Token *token);
/* A fresh one is needed, whatever there is. */
void token_renew(Token *token);
/* The server does not take it any more: it is gone, and a fresh one is asked for. */
void token_refused(Token *token);
