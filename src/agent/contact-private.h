/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/child.h"
#include "agent/contact.h"
#include "agent/keeper.h"
#include "agent/messages.h"

/* Shared by contact.c (opening and closing), contact-process.c (the network process and what is
 * said to it), contact-calls.c (calls) and contact-stream.c (a download as a stream). */

#define CONTACT_PROGRAM_NAME "rota-agent-net"

enum {
	CONTACT_ANSWER_LIMIT_S = 30, /* for an answer that needs no network, or a WAIT's */
	CONTACT_CALL_LIMIT_S = 150,  /* for one that does; beyond the other side's own limit */
};

/* A copy of the caller's settings; the texts they point to are owned by .texts. */
struct Contact {
	ContactSettings settings;
	GPtrArray *texts;
	char **servers;
	SetupMessage setup;
	Child child; /* the network process */
	Keeper *key; /* (nullable): of the network process's handshakes */
	guint starts;
	char *token, *server;
	gboolean downloading;
};

/* Starts the network process and greets it; where it cannot be used it is ended again. */
gboolean contact_start_process(Contact *contact, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A secret is not left in memory that others get. */
void contact_clear_secret(char **text);

/**
 * contact_exchange:
 * @fd: rides along; -1 = none
 * @wanted: the type of the answer; another one is INVALID, FAILED becomes @error
 * @ret_lost: (nullable): TRUE where the network process died or broke the rules: it is ended, and
 * the next exchange starts another one that knows nothing
 */
Message *contact_exchange(Contact *contact, MessageType type, gconstpointer data, int fd,
	MessageType wanted, gint64 limit_s, gboolean *ret_lost,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Number of the network process within this contact, 0 = none is running. */
guint contact_process(const Contact *contact) G_GNUC_WARN_UNUSED_RESULT;

/* For a breach that only the caller can see. */
void contact_end_process(Contact *contact);
/* The agent is asked to stop, so that nothing is begun again. */
gboolean contact_is_stopped(const Contact *contact) G_GNUC_WARN_UNUSED_RESULT;

const ContactSettings *contact_settings(const Contact *contact);

/* The stream that is being read, so that there is one at a time; NULL = none. */
gboolean contact_take_download(Contact *contact, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void contact_release_download(Contact *contact);
