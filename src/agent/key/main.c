/* SPDX-License-Identifier: Apache-2.0 */
/* rota-agent-key: the process that holds a private key of the device, and signs.
 *
 * Started by the agent for as long as something is to be signed, with the socket as descriptor 3
 * (agent/keeper.c). It opens one key, answers each SIGN of agent/messages.h, and ends when the
 * socket is closed. The modules of tokens, which are other people's code, are loaded here and
 * nowhere else. */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <errno.h>
#include "agent/child.h"
#include "agent/key/open.h"
#include "agent/messages.h"
#include "base/encode.h"
#include "base/error.h"
#include "base/log.h"

enum {
	OPEN_LIMIT_S = 10,
	ANSWER_LIMIT_S = 10,
	IDLE_LIMIT_S = 7 * 24 * 60 * 60, /* a contact is over by then */
};

static gint64 in_seconds(gint64 seconds)
{
	return g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
}

static gboolean answer(MessageType type, gconstpointer data, GError **error)
{
	return message_send(CHILD_CHANNEL_FD, type, data, -1, in_seconds(ANSWER_LIMIT_S), error);
}

static gboolean answer_failed(const GError *failure, GError **error)
{
	return message_send_failed(CHILD_CHANNEL_FD, failure, in_seconds(ANSWER_LIMIT_S), error);
}

static Message *next_message(MessageType wanted, gint64 limit_s, GError **error)
{
	g_autoptr(Message) message =
		message_receive(CHILD_CHANNEL_FD, -1, in_seconds(limit_s), error);

	if (message == NULL || message->type == wanted)
		return g_steal_pointer(&message);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "a %s message out of turn",
		message_type_name(message->type));
	return NULL;
}

/* A core dump, a debugger and a swapped page would show the key. */
static gboolean harden(GError **error)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0 &&
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
		return TRUE;
	rota_set_errno_error(error, errno, "give up rights");
	return FALSE;
}

/* FALSE with or without @error: there is no key. */
static gboolean open_key(Key **ret_key, GError **error)
{
	g_autoptr(Message) message = next_message(MESSAGE_OPEN, OPEN_LIMIT_S, error);
	g_autoptr(GError) failure = NULL;
	g_autofree char *pem = NULL;
	OpenedMessage opened = { 0 };
	OpenMessage *open;

	if (message == NULL)
		return FALSE;
	open = message->data;
	*ret_key = key_open(open, &opened.made, &failure);
	if (open->passphrase != NULL)
		explicit_bzero(open->passphrase, strlen(open->passphrase));
	if (*ret_key == NULL) {
		answer_failed(failure, error);
		return FALSE;
	}
	pem = key_public_pem(*ret_key);
	opened.public_half = pem;
	return answer(MESSAGE_OPENED, &opened, error);
}

static GBytes *sign(const Key *key, const SignMessage *wanted, GError **error)
{
	g_autoptr(GBytes) data = base64_decode_strict(wanted->data, strlen(wanted->data), error);
	KeyScheme scheme = { .digest = wanted->digest, .pss = wanted->pss };
	gsize size;
	gconstpointer bytes;

	if (data == NULL)
		return NULL;
	bytes = g_bytes_get_data(data, &size);
	return key_sign_by_scheme(key, &scheme, bytes != NULL ? bytes : "", size, error);
}

static gboolean answer_sign(const Key *key, const SignMessage *wanted, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(GBytes) made = sign(key, wanted, &failure);
	g_autofree char *text = NULL;
	SignedMessage signed_data = { 0 };

	if (made == NULL)
		return answer_failed(failure, error);
	text = g_base64_encode(g_bytes_get_data(made, NULL), g_bytes_get_size(made));
	signed_data.signature = text;
	return answer(MESSAGE_SIGNED, &signed_data, error);
}

static gboolean serve(const Key *key, GError **error)
{
	for (;;) {
		g_autoptr(Message) message = next_message(MESSAGE_SIGN, IDLE_LIMIT_S, error);

		if (message == NULL || !answer_sign(key, message->data, error))
			return FALSE;
	}
}

int main(void)
{
	g_autoptr(Key) key = NULL;
	g_autoptr(GError) error = NULL;
	sigset_t none;

	log_setup(LOG_FORMAT_TEXT, G_LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL); /* the agent's own blocks some */
	if (harden(&error) && open_key(&key, &error) && serve(key, &error))
		return 0;
	/* The socket is closed when nothing is left to be signed; a key that cannot be opened was
	 * said to who asked. */
	if (error == NULL || g_error_matches(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE))
		return 0;
	g_critical("rota-agent-key: %s", error->message);
	return 1;
}
