/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/agent.h"

/* How the device becomes known to a server: its identity, signed, for a token. */

/* Sets agent->token and ->server. UNAUTHORIZED where no server accepts the device, or not yet. */
gboolean authenticate(Agent *agent, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Starts the network process where none is there, with the token there may be. */
gboolean authenticate_open_contact(Agent *agent, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Keeps what the server asked for: when to come again. @reply: (nullable) */
void authenticate_note_answer(Agent *agent, const ContactReply *reply);
