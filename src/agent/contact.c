/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's side of a contact: the network process, and one question after the other to it. */
#include "agent/contact.h"
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
#include "agent/spool.h"
#include "base/error.h"
#include "base/file.h"
#include "http/proxy.h"
#include "wire/paths.h"

enum {
	CHANNEL_TARGET_FD = 3,
	SESSION_TARGET_FD = 4,
	END_LIMIT_US = 2 * G_USEC_PER_SEC,
	END_STEP_US = 5000,
	RETRY_AFTER_MAX_S = 24 * 60 * 60,
};

#define DEFAULT_USER "rota-agent"
#define PROGRAM_NAME "rota-agent-net"

/* A copy of the caller's settings; the texts they point to are owned by .texts. */
struct Contact {
	ContactSettings settings;
	GPtrArray *texts;
	char **servers;
	SetupMessage setup;
	int channel; /* -1 = no network process */
	GPid pid;
	guint starts;
	char *token, *server;
	gboolean downloading;
};

static gint64 in_seconds(gint64 seconds)
{
	return g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
}

/* --- The network process --- */

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

static const struct passwd *user_to_become(const ContactSettings *settings)
{
	if (geteuid() != 0)
		return NULL;
	return getpwnam(settings->user != NULL ? settings->user : DEFAULT_USER);
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

/* Closing the socket is how it learns that the contact is over. */
void contact_end_process(Contact *contact)
{
	gint64 until_us = g_get_monotonic_time() + END_LIMIT_US;
	int status = 0;

	if (contact->channel >= 0)
		close(contact->channel);
	contact->channel = -1;
	if (contact->pid == 0)
		return;
	while (waitpid(contact->pid, &status, WNOHANG) == 0) {
		if (g_get_monotonic_time() > until_us) {
			g_warning(PROGRAM_NAME " does not end: killed");
			kill(contact->pid, SIGKILL);
			until_us = G_MAXINT64;
		}
		g_usleep(END_STEP_US);
	}
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

static gboolean start_process(Contact *contact, GError **error)
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
	if (contact->channel < 0 && !start_process(contact, error))
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

const ContactSettings *contact_settings(const Contact *contact)
{
	return &contact->settings;
}

gboolean contact_take_download(Contact *contact, GError **error)
{
	if (contact->downloading) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
			"a download is under way in this contact");
		return FALSE;
	}
	contact->downloading = TRUE;
	return TRUE;
}

void contact_release_download(Contact *contact)
{
	contact->downloading = FALSE;
}

/* --- Opening and closing --- */

static gboolean read_pem(const char *path, char **ret_pem, GError **error)
{
	g_autoptr(GBytes) bytes = NULL;

	if (path == NULL || *path == '\0')
		return TRUE;
	bytes = file_read(path, CONTACT_PEM_MAX, error);
	if (bytes == NULL)
		return FALSE;
	*ret_pem = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
	return TRUE;
}

static gboolean read_setup(Contact *contact, GError **error)
{
	const ContactSettings *settings = &contact->settings;
	g_autoptr(GError) unreadable = NULL;
	g_auto(GStrv) environment = g_get_environ();
	g_auto(HttpProxies) proxies = { 0 };

	if (!http_proxies_read((const char *const *)environment, &proxies, error))
		return FALSE;
	contact->setup.proxy_http = g_steal_pointer(&proxies.http);
	contact->setup.proxy_https = g_steal_pointer(&proxies.https);
	contact->setup.proxy_none = g_steal_pointer(&proxies.none);
	contact->setup.idle_limit_s = settings->idle_limit_s;
	/* As Mender's: the system's authorities are still there, and TLS says what is wrong. */
	if (!read_pem(settings->server_certificate, &contact->setup.authorities, &unreadable))
		g_warning("the server certificate is left out: %s", unreadable->message);
	return read_pem(settings->client_certificate, &contact->setup.client_certificate, error) &&
	       read_pem(settings->client_key, &contact->setup.client_key, error);
}

/* The contact outlives most callers' settings. */
static void copy_settings(Contact *contact, const ContactSettings *settings)
{
	const char **texts[] = { &contact->settings.program, &contact->settings.data,
		&contact->settings.server_certificate, &contact->settings.client_certificate,
		&contact->settings.client_key, &contact->settings.user };

	contact->settings = *settings;
	contact->texts = g_ptr_array_new_with_free_func(g_free);
	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		char *copy = g_strdup(*texts[i]);

		g_ptr_array_add(contact->texts, copy);
		*texts[i] = copy;
	}
	contact->servers = g_strdupv((char **)(guintptr)settings->servers);
	contact->settings.servers = (const char *const *)contact->servers;
}

Contact *contact_open(const ContactSettings *settings, GError **error)
{
	g_autoptr(Contact) contact = g_new0(Contact, 1);

	copy_settings(contact, settings);
	contact->channel = -1;
	if (!read_setup(contact, error) || !start_process(contact, error))
		return NULL;
	return g_steal_pointer(&contact);
}

static void clear_secret(char **text)
{
	if (*text != NULL)
		explicit_bzero(*text, strlen(*text));
	g_clear_pointer(text, g_free);
}

void contact_close(Contact *contact)
{
	if (contact == NULL)
		return;
	contact_end_process(contact);
	clear_secret(&contact->setup.client_key);
	clear_secret(&contact->token);
	g_free(contact->setup.authorities);
	g_free(contact->setup.client_certificate);
	g_free(contact->setup.proxy_http);
	g_free(contact->setup.proxy_https);
	g_free(contact->setup.proxy_none);
	g_free(contact->server);
	g_strfreev(contact->servers);
	g_ptr_array_unref(contact->texts);
	g_free(contact);
}

/* --- Calls --- */

void contact_reply_free(ContactReply *reply)
{
	if (reply == NULL)
		return;
	g_bytes_unref(reply->body);
	g_free(reply);
}

static ContactReply *take_reply(ReplyMessage *message, GError **error)
{
	ContactReply *reply;
	gsize size = message->body != NULL ? strlen(message->body) : 0;

	if (message->status < 100 || message->status > 599) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"%" G_GINT64_FORMAT " is no status of HTTP", message->status);
		return NULL;
	}
	reply = g_new0(ContactReply, 1);
	reply->status = (guint)message->status;
	reply->retry_after_s = CLAMP(message->retry_after_s, 0, RETRY_AFTER_MAX_S);
	reply->body = g_bytes_new(message->body, size);
	return reply;
}

/* Every call of the device API may be repeated, so a process that died in it is replaced once. */
static ContactReply *call(Contact *contact, const CallMessage *message, GError **error)
{
	for (guint try = 0;; try++) {
		g_autoptr(Message) answer = NULL;
		g_autoptr(GError) failure = NULL;
		gboolean lost;

		answer = contact_exchange(contact, MESSAGE_CALL, message, -1, MESSAGE_REPLY,
			CONTACT_CALL_LIMIT_S, &lost, &failure);
		if (answer != NULL)
			return take_reply(answer->data, error);
		if (!lost || try > 0 || contact_is_stopped(contact)) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return NULL;
		}
		g_warning(PROGRAM_NAME ": %s; starting another one", failure->message);
	}
}

/* A URL and its parts travel in a request line: nothing in them may end it. */
static gboolean is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (!g_ascii_isgraph(*text))
			return FALSE;
	return TRUE;
}

static char *join_url(const char *server, const char *path, GError **error)
{
	gsize length = strlen(server);
	g_autofree char *url = NULL;

	while (length > 0 && server[length - 1] == '/')
		length--;
	url = g_strdup_printf("%.*s%s", (int)length, server, path);
	if (*path != '/' || !is_printable(url) || strlen(url) > CONTACT_URL_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s%s: not a URL", server, path);
		return NULL;
	}
	return g_steal_pointer(&url);
}

/* (nullable): NULL for no body; an empty one is an empty text. */
static char *text_of(GBytes *body)
{
	gsize size;
	const char *data;

	if (body == NULL)
		return NULL;
	data = g_bytes_get_data(body, &size);
	return size > 0 ? g_strndup(data, size) : g_strdup("");
}

static char *read_token(const ContactReply *reply, GError **error)
{
	g_autofree char *token = g_strstrip(text_of(reply->body));

	if (*token != '\0' && strlen(token) <= CONTACT_TOKEN_MAX && is_printable(token))
		return g_steal_pointer(&token);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "the server's answer is not a token");
	return NULL;
}

static ContactReply *authenticate_at(Contact *contact, const char *server, const char *body,
	const char *signature, char **ret_token, GError **error)
{
	g_autofree char *url = join_url(server, PATH_AUTH_REQUESTS, error);
	g_autofree char *method = g_strdup("POST");
	CallMessage message = { .method = method, .url = url };
	g_autoptr(ContactReply) reply = NULL;

	if (url == NULL)
		return NULL;
	message.signature = (char *)(guintptr)signature;
	message.body = (char *)(guintptr)body;
	reply = call(contact, &message, error);
	if (reply == NULL)
		return NULL;
	if (reply->status == 200) {
		*ret_token = read_token(reply, error);
		if (*ret_token == NULL)
			return NULL;
	}
	return g_steal_pointer(&reply);
}

ContactReply *contact_authenticate(Contact *contact, GBytes *body, const char *signature,
	char **ret_token, char **ret_server, GError **error)
{
	const char *const *servers = contact->settings.servers;
	g_autofree char *text = text_of(body);
	g_autoptr(ContactReply) last = NULL;
	g_autoptr(GError) failure = NULL;

	*ret_token = NULL;
	*ret_server = NULL;
	for (gsize i = 0; servers != NULL && servers[i] != NULL && i < CONTACT_SERVERS_MAX; i++) {
		g_autoptr(ContactReply) reply = NULL;

		g_clear_error(&failure);
		reply = authenticate_at(contact, servers[i], text, signature, ret_token, &failure);
		if (reply == NULL) {
			g_info("authenticate at %s: %s", servers[i], failure->message);
			continue;
		}
		g_clear_pointer(&last, contact_reply_free);
		last = g_steal_pointer(&reply);
		if (*ret_token == NULL)
			continue;
		*ret_server = g_strdup(servers[i]);
		contact_use_token(contact, *ret_token, *ret_server);
		return g_steal_pointer(&last);
	}
	if (last != NULL)
		return g_steal_pointer(&last);
	if (failure == NULL)
		g_set_error(&failure, ROTA_ERROR, ROTA_ERROR_INVALID, "no server is configured");
	g_propagate_prefixed_error(error, g_steal_pointer(&failure), "authenticate: ");
	return NULL;
}

void contact_use_token(Contact *contact, const char *token, const char *server)
{
	char *new_token = g_strdup(token);
	char *new_server = g_strdup(server);

	clear_secret(&contact->token);
	g_free(contact->server);
	contact->token = new_token;
	contact->server = new_server;
}

ContactReply *contact_call(
	Contact *contact, const char *method, const char *path, GBytes *body, GError **error)
{
	g_autofree char *url = NULL;
	g_autofree char *text = text_of(body);
	CallMessage message = { .body = text };

	if (contact->token == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED,
			"no server has accepted this device in this contact");
		return NULL;
	}
	url = join_url(contact->server, path, error);
	if (url == NULL)
		return NULL;
	message.method = (char *)(guintptr)method;
	message.url = url;
	message.token = contact->token;
	return call(contact, &message, error);
}

gboolean contact_drop_spool(const char *data, const char *spool_name, GError **error)
{
	return spool_drop(data, spool_name, error);
}
