/* SPDX-License-Identifier: Apache-2.0 */
/* A contact whose network process is the local forwarder. */
#include "agent/contact-private.h"
#include "base/error.h"

gboolean contact_forward(
	Contact *contact, int listener, const char *server, const char *token, GError **error)
{
	ForwardMessage forward = { .server = (char *)(guintptr)server,
		.token = (char *)(guintptr)token };
	g_autoptr(Message) answer = contact_exchange(contact, MESSAGE_FORWARD, &forward, listener,
		MESSAGE_STARTED, CONTACT_ANSWER_LIMIT_S, NULL, error);

	return answer != NULL;
}

int contact_channel(const Contact *contact)
{
	return contact->child.channel;
}

ForwarderNews contact_read_forwarder(Contact *contact)
{
	g_autoptr(GError) failure = NULL;
	gint64 deadline_us = g_get_monotonic_time() + CONTACT_ANSWER_LIMIT_S * G_USEC_PER_SEC;
	g_autoptr(Message) message = message_receive(
		contact->child.channel, contact->settings.stop_fd, deadline_us, &failure);

	if (message != NULL && message->type == MESSAGE_EXPIRED)
		return FORWARDER_REFUSED;
	if (message != NULL)
		g_warning("the forwarder sent a %s message unasked",
			message_type_name(message->type));
	contact_end_process(contact);
	return FORWARDER_GONE;
}
