/* SPDX-License-Identifier: Apache-2.0 */
/* The network process of a contact, and one question after the other to it. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "agent/contact-private.h"
#include "base/error.h"
#include "base/file.h"

enum {
	CHANNEL_TARGET_FD = 3,
	SESSION_TARGET_FD = 4,
	END_LIMIT_US = 2 * G_USEC_PER_SEC, /* to end by itself */
	KILL_LIMIT_US =
		5 * G_USEC_PER_SEC, /* to end once killed; a kernel that hangs may take longer */
	END_STEP_US = 5000,
};

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

/* NULL: it stays who the caller is. */
static const struct passwd *user_to_become(const ContactSettings *settings)
{
	const char *name = settings->user != NULL ? settings->user : DEFAULT_USER;
	const struct passwd *user;

	if (geteuid() != 0)
		return NULL;
	user = getpwnam(name);
	if (user == NULL)
		g_warning("there is no user %s: " PROGRAM_NAME
			  " keeps root's identity, with its filter alone around it",
			name);
	return user;
}

static char *program_path(const ContactSettings *settings)
{
	g_autofree char *self = NULL;
	g_autofree char *folder = NULL;

	if (settings->program != NULL)
		return g_strdup(settings->program);
	self = g_file_read_link("/proc/self/exe", NULL);
	folder = g_path_get_dirname(self != NULL ? self : "/usr/bin/rota-agent");
	return g_build_filename(folder, PROGRAM_NAME, NULL);
}

/* Without it every contact makes a full TLS handshake: a pity, no more. */
static int open_sessions(const ContactSettings *settings)
{
	g_autofree char *path = g_build_filename(settings->data, "tls-sessions", NULL);

	return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static gboolean spawn(Contact *contact, int channel, GError **error)
{
	g_autofree char *program = program_path(&contact->settings);
	const char *arguments[] = { program, NULL };
	const char *environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	autofd int sessions = open_sessions(&contact->settings);
	const int sources[] = { channel, sessions };
	const int targets[] = { CHANNEL_TARGET_FD, SESSION_TARGET_FD };

	return g_spawn_async_with_pipes_and_fds("/", arguments, environment,
		G_SPAWN_DO_NOT_REAP_CHILD, become_user,
		(gpointer)(guintptr)user_to_become(&contact->settings), -1, -1, -1, sources,
		targets, sessions >= 0 ? 2 : 1, &contact->pid, NULL, NULL, NULL, error);
}

/* Nobody waits for its answer any more, but a crash is a fault that has to be heard of. */
static void tell_of_crash(int status)
{
	if (WIFSIGNALED(status))
		g_warning(PROGRAM_NAME " was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		g_warning(PROGRAM_NAME " ended with status %d", WEXITSTATUS(status));
}

/* FALSE: it is still there when the time is up. */
static gboolean wait_for_end(GPid pid, gint64 limit_us, int *ret_status)
{
	gint64 until_us = g_get_monotonic_time() + limit_us;

	while (waitpid(pid, ret_status, WNOHANG) == 0) {
		if (g_get_monotonic_time() > until_us)
			return FALSE;
		g_usleep(END_STEP_US);
	}
	return TRUE;
}

static void kill_process(GPid pid, int *ret_status)
{
	g_warning(PROGRAM_NAME " does not end: killed");
	kill(pid, SIGKILL);
	if (!wait_for_end(pid, KILL_LIMIT_US, ret_status))
		g_warning(PROGRAM_NAME " is killed and yet does not end: left behind");
}

/* Closing the socket is how it learns that the contact is over. */
void contact_end_process(Contact *contact)
{
	int status = 0;

	if (contact->channel >= 0)
		close(contact->channel);
	contact->channel = -1;
	if (contact->pid == 0)
		return;
	if (!wait_for_end(contact->pid, END_LIMIT_US, &status))
		kill_process(contact->pid, &status);
	tell_of_crash(status);
	contact->pid = 0;
}

static gboolean greet(Contact *contact, GError **error)
{
	gint64 deadline_us = in_seconds(CONTACT_ANSWER_LIMIT_S);
	g_autoptr(Message) ready = NULL;

	if (!message_send(contact->channel, MESSAGE_SETUP, &contact->setup, -1, deadline_us, error))
		return FALSE;
	ready = message_receive(contact->channel, contact->settings.stop_fd, deadline_us, error);
	if (ready == NULL)
		return FALSE;
	if (ready->type == MESSAGE_READY)
		return TRUE;
	if (ready->type == MESSAGE_FAILED)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "%s",
			((FailedMessage *)ready->data)->message);
	else
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "it answered %s to SETUP",
			message_type_name(ready->type));
	return FALSE;
}

gboolean contact_start_process(Contact *contact, GError **error)
{
	int pair[2];
	gboolean started;

	if (contact->starts > CONTACT_RESTARTS_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE,
			PROGRAM_NAME " ended %u times in one contact", contact->starts);
		return FALSE;
	}
	contact->starts++;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		rota_set_errno_error(error, errno, "make a socket pair");
		return FALSE;
	}
	contact->channel = pair[0];
	started = spawn(contact, pair[1], error);
	close(pair[1]);
	if (started && greet(contact, error))
		return TRUE;
	g_prefix_error(error, "start " PROGRAM_NAME ": ");
	contact_end_process(contact);
	return FALSE;
}

/* --- One question, one answer --- */

static void set_failed(GError **error, const FailedMessage *failed)
{
	gint code = failed->code >= ROTA_ERROR_INVALID && failed->code <= ROTA_ERROR_INTERNAL
			    ? (gint)failed->code
			    : ROTA_ERROR_UNAVAILABLE;

	g_set_error(error, ROTA_ERROR, code, "%s", failed->message);
}

static Message *ask(Contact *contact, MessageType type, gconstpointer data, int fd, gint64 limit_s,
	GError **error)
{
	gint64 deadline_us = in_seconds(limit_s);

	if (!message_send(contact->channel, type, data, fd, deadline_us, error))
		return NULL;
	return message_receive(contact->channel, contact->settings.stop_fd, deadline_us, error);
}

Message *contact_exchange(Contact *contact, MessageType type, gconstpointer data, int fd,
	MessageType wanted, gint64 limit_s, gboolean *ret_lost, GError **error)
{
	g_autoptr(Message) answer = NULL;
	gboolean lost = FALSE;

	if (ret_lost == NULL)
		ret_lost = &lost;
	*ret_lost = FALSE;
	if (contact->channel < 0 && !contact_start_process(contact, error))
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
		set_failed(error, answer->data);
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
	return contact->channel >= 0 ? contact->starts : 0;
}

gboolean contact_is_stopped(const Contact *contact)
{
	struct pollfd polled = { contact->settings.stop_fd, POLLIN, 0 };

	return polled.fd >= 0 && poll(&polled, 1, 0) > 0;
}
