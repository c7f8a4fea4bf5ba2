/* SPDX-License-Identifier: Apache-2.0 */
/* The network process of a contact, and one question after the other to it. */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <unistd.h>
#include "agent/contact-private.h"
#include "base/error.h"
#include "base/file.h"

#define DEFAULT_USER "rota-agent"
#define PROGRAM_NAME CONTACT_PROGRAM_NAME

static gint64 in_seconds(gint64 seconds)
{
	return g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
}

/* Between fork and exec. Only root can and need become another. */
static void become_user(gpointer data)
{
	const struct passwd *user = data;

	if (user == NULL)
		return;
	if (setgroups(0, NULL) != 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
		setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
		_exit(126);
}

/* NULL: it stays who the caller is; where that is root, it becomes nobody by itself. */
static const struct passwd *user_to_become(const ContactSettings *settings)
{
	const char *name = settings->user != NULL ? settings->user : DEFAULT_USER;
	const struct passwd *user;

	if (geteuid() != 0)
		return NULL;
	user = getpwnam(name);
	if (user == NULL)
		g_warning("there is no user %s: " PROGRAM_NAME
			  " becomes nobody, as other programs may be",
			name);
	return user;
}

/* Without it every contact makes a full TLS handshake: a pity, no more. */
static int open_sessions(const ContactSettings *settings)
{
	g_autofree char *path = g_build_filename(settings->data, "tls-sessions", NULL);

	return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static gboolean start(Contact *contact, GError **error)
{
	const char *environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	autofd int sessions = open_sessions(&contact->settings);
	ChildStart start = {
		.path = contact->settings.program,
		.environment = environment,
		.more_fd = sessions,
		.become = become_user,
		.data = (gpointer)(guintptr)user_to_become(&contact->settings),
	};

	return child_start(&contact->child, &start, error);
}

void contact_end_process(Contact *contact)
{
	child_end(&contact->child);
	g_clear_pointer(&contact->key, keeper_close);
}

/* Before the network process is there, as a token may take longer to wake than that one waits. */
static gboolean open_key(Contact *contact, GError **error)
{
	const ContactSettings *settings = &contact->settings;
	KeeperOptions options = { .program = settings->key_program,
		.name = settings->client_key,
		.engine = settings->client_key_engine };

	if (settings->client_key == NULL)
		return TRUE;
	contact->key = keeper_open(&options, error);
	if (contact->key == NULL)
		g_prefix_error(error, "HttpsClient.Key: ");
	return contact->key != NULL;
}

/* The key's process signs for this network process only. */
static gboolean send_setup(Contact *contact, gint64 deadline_us, GError **error)
{
	SetupMessage setup = contact->setup;
	int key_channel = -1;

	if (contact->key != NULL) {
		setup.client_key = (char *)(guintptr)keeper_public_half(contact->key);
		key_channel = keeper_channel(contact->key);
	}
	if (!message_send(
		    contact->child.channel, MESSAGE_SETUP, &setup, key_channel, deadline_us, error))
		return FALSE;
	if (contact->key != NULL)
		keeper_leave_channel(contact->key);
	return TRUE;
}

static gboolean read_greeting(const Message *answer, GError **error)
{
	if (answer->type == MESSAGE_READY)
		return TRUE;
	if (answer->type == MESSAGE_FAILED)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "%s",
			((FailedMessage *)answer->data)->message);
	else
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "it answered %s to SETUP",
			message_type_name(answer->type));
	return FALSE;
}

static gboolean greet(Contact *contact, GError **error)
{
	gint64 deadline_us = in_seconds(CONTACT_ANSWER_LIMIT_S);
	g_autoptr(Message) answer = NULL;

	if (send_setup(contact, deadline_us, error))
		answer = message_receive(
			contact->child.channel, contact->settings.stop_fd, deadline_us, error);
	return answer != NULL && read_greeting(answer, error);
}

gboolean contact_start_process(Contact *contact, GError **error)
{
	if (contact->starts > CONTACT_RESTARTS_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE,
			PROGRAM_NAME " ended %u times in one contact", contact->starts);
		return FALSE;
	}
	contact->starts++;
	if (open_key(contact, error)) {
		if (start(contact, error) && greet(contact, error))
			return TRUE;
		g_prefix_error(error, "start " PROGRAM_NAME ": ");
	}
	contact_end_process(contact);
	return FALSE;
}

/* --- One question, one answer --- */

static Message *ask(Contact *contact, MessageType type, gconstpointer data, int fd, gint64 limit_s,
	GError **error)
{
	gint64 deadline_us = in_seconds(limit_s);

	if (!message_send(contact->child.channel, type, data, fd, deadline_us, error))
		return NULL;
	return message_receive(
		contact->child.channel, contact->settings.stop_fd, deadline_us, error);
}

Message *contact_exchange(Contact *contact, MessageType type, gconstpointer data, int fd,
	MessageType wanted, gint64 limit_s, gboolean *ret_lost, GError **error)
{
	g_autoptr(Message) answer = NULL;
	gboolean lost = FALSE;

	if (ret_lost == NULL)
		ret_lost = &lost;
	*ret_lost = FALSE;
	if (contact->child.channel < 0 && !contact_start_process(contact, error))
		return NULL;
	answer = ask(contact, type, data, fd, limit_s, error);
	if (answer == NULL) {
		*ret_lost = TRUE;
		contact_end_process(contact);
		return NULL;
	}
	if (answer->type == wanted || (type == MESSAGE_WAIT && answer->type == MESSAGE_EXPIRED))
		return g_steal_pointer(&answer);
	if (answer->type == MESSAGE_FAILED) {
		message_set_failed(error, answer->data);
		return NULL;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s was answered with %s",
		message_type_name(type), message_type_name(answer->type));
	*ret_lost = TRUE;
	contact_end_process(contact);
	return NULL;
}

guint contact_process(const Contact *contact)
{
	return contact->child.channel >= 0 ? contact->starts : 0;
}

gboolean contact_is_stopped(const Contact *contact)
{
	struct pollfd polled = { contact->settings.stop_fd, POLLIN, 0 };

	return polled.fd >= 0 && poll(&polled, 1, 0) > 0;
}
