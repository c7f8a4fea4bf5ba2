/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/messages.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/error.h"

/* The tables. What they bound here, no receiver has to bound again. */

static const JsonField setup_fields[] = {
	JSON_FIELD(SetupMessage, authorities, JSON_TEXT, OPTIONAL, MESSAGE_PEM_MAX),
	JSON_FIELD(SetupMessage, client_certificate, JSON_TEXT, OPTIONAL, MESSAGE_PEM_MAX),
	JSON_FIELD(SetupMessage, client_key, JSON_TEXT, OPTIONAL, MESSAGE_PEM_MAX),
	JSON_FIELD(SetupMessage, proxy_http, JSON_TEXT, OPTIONAL, MESSAGE_URL_MAX),
	JSON_FIELD(SetupMessage, proxy_https, JSON_TEXT, OPTIONAL, MESSAGE_URL_MAX),
	JSON_FIELD(SetupMessage, proxy_none, JSON_TEXT, OPTIONAL, MESSAGE_URL_MAX),
	JSON_FIELD(SetupMessage, idle_limit_s, JSON_NUMBER, OPTIONAL),
	{ 0 },
};

static const JsonField call_fields[] = {
	JSON_FIELD(CallMessage, method, JSON_TEXT, REQUIRED, 16),
	JSON_FIELD(CallMessage, url, JSON_TEXT, REQUIRED, MESSAGE_URL_MAX),
	JSON_FIELD(CallMessage, token, JSON_TEXT, OPTIONAL, MESSAGE_TOKEN_MAX),
	JSON_FIELD(CallMessage, signature, JSON_TEXT, OPTIONAL, MESSAGE_TEXT_MAX),
	JSON_FIELD(CallMessage, body, JSON_TEXT, OPTIONAL, MESSAGE_BODY_MAX),
	{ 0 },
};

static const JsonField reply_fields[] = {
	JSON_FIELD(ReplyMessage, status, JSON_NUMBER, REQUIRED),
	JSON_FIELD(ReplyMessage, body, JSON_TEXT, OPTIONAL, MESSAGE_BODY_MAX),
	JSON_FIELD(ReplyMessage, retry_after_s, JSON_NUMBER, OPTIONAL),
	{ 0 },
};

static const JsonField fetch_fields[] = {
	JSON_FIELD(FetchMessage, url, JSON_TEXT, REQUIRED, MESSAGE_URL_MAX),
	JSON_FIELD(FetchMessage, offset, JSON_NUMBER, REQUIRED),
	JSON_FIELD(FetchMessage, size, JSON_NUMBER, REQUIRED),
	JSON_FIELD(FetchMessage, size_max, JSON_NUMBER, REQUIRED),
	JSON_FIELD(FetchMessage, etag, JSON_TEXT, OPTIONAL, MESSAGE_ETAG_MAX),
	JSON_FIELD(FetchMessage, tries, JSON_NUMBER, REQUIRED),
	JSON_FIELD(FetchMessage, interval_s, JSON_NUMBER, REQUIRED),
	JSON_FIELD(FetchMessage, pipe, JSON_BOOL, REQUIRED),
	{ 0 },
};

static const JsonField wait_fields[] = {
	JSON_FIELD(WaitMessage, beyond, JSON_NUMBER, REQUIRED),
	{ 0 },
};

static const JsonField progress_fields[] = {
	JSON_FIELD(ProgressMessage, written, JSON_NUMBER, REQUIRED),
	JSON_FIELD(ProgressMessage, size, JSON_NUMBER, REQUIRED),
	JSON_FIELD(ProgressMessage, etag, JSON_TEXT, OPTIONAL, MESSAGE_ETAG_MAX),
	JSON_FIELD(ProgressMessage, complete, JSON_BOOL, REQUIRED),
	{ 0 },
};

static const JsonField renew_fields[] = {
	JSON_FIELD(RenewMessage, url, JSON_TEXT, REQUIRED, MESSAGE_URL_MAX),
	{ 0 },
};

static const JsonField forward_fields[] = {
	JSON_FIELD(ForwardMessage, server, JSON_TEXT, REQUIRED, MESSAGE_URL_MAX),
	JSON_FIELD(ForwardMessage, token, JSON_TEXT, OPTIONAL, MESSAGE_TOKEN_MAX),
	{ 0 },
};

static const JsonField open_fields[] = {
	JSON_FIELD(OpenMessage, name, JSON_TEXT, REQUIRED, MESSAGE_TEXT_MAX),
	JSON_FIELD(OpenMessage, engine, JSON_TEXT, OPTIONAL, MESSAGE_TEXT_MAX),
	JSON_FIELD(OpenMessage, passphrase, JSON_TEXT, OPTIONAL, MESSAGE_TEXT_MAX),
	JSON_FIELD(OpenMessage, make, JSON_TEXT, OPTIONAL, 16),
	JSON_FIELD(OpenMessage, bits, JSON_NUMBER, OPTIONAL),
	JSON_FIELD(OpenMessage, only_new, JSON_BOOL, OPTIONAL),
	{ 0 },
};

static const JsonField opened_fields[] = {
	JSON_FIELD(OpenedMessage, public_half, JSON_TEXT, REQUIRED, MESSAGE_PEM_MAX),
	JSON_FIELD(OpenedMessage, made, JSON_BOOL, REQUIRED),
	{ 0 },
};

static const JsonField sign_fields[] = {
	JSON_FIELD(SignMessage, digest, JSON_TEXT, OPTIONAL, 16),
	JSON_FIELD(SignMessage, pss, JSON_BOOL, REQUIRED),
	JSON_FIELD(SignMessage, data, JSON_TEXT, REQUIRED, MESSAGE_SIGN_MAX),
	{ 0 },
};

static const JsonField signed_fields[] = {
	JSON_FIELD(SignedMessage, signature, JSON_TEXT, REQUIRED, MESSAGE_TEXT_MAX),
	{ 0 },
};

static const JsonField failed_fields[] = {
	JSON_FIELD(FailedMessage, code, JSON_NUMBER, REQUIRED),
	JSON_FIELD(FailedMessage, message, JSON_TEXT, REQUIRED, MESSAGE_TEXT_MAX),
	{ 0 },
};

typedef struct {
	const char *name;
	JsonRecord record; /* without fields: the type carries nothing */
} MessageRow;

static const MessageRow rows[N_MESSAGES] = {
	[MESSAGE_SETUP] = { "SETUP", { sizeof(SetupMessage), setup_fields } },
	[MESSAGE_READY] = { "READY", { 0, NULL } },
	[MESSAGE_CALL] = { "CALL", { sizeof(CallMessage), call_fields } },
	[MESSAGE_REPLY] = { "REPLY", { sizeof(ReplyMessage), reply_fields } },
	[MESSAGE_FETCH] = { "FETCH", { sizeof(FetchMessage), fetch_fields } },
	[MESSAGE_STARTED] = { "STARTED", { 0, NULL } },
	[MESSAGE_WAIT] = { "WAIT", { sizeof(WaitMessage), wait_fields } },
	[MESSAGE_PROGRESS] = { "PROGRESS", { sizeof(ProgressMessage), progress_fields } },
	[MESSAGE_EXPIRED] = { "EXPIRED", { 0, NULL } },
	[MESSAGE_RENEW] = { "RENEW", { sizeof(RenewMessage), renew_fields } },
	[MESSAGE_STOP] = { "STOP", { 0, NULL } },
	[MESSAGE_STOPPED] = { "STOPPED", { 0, NULL } },
	[MESSAGE_OPEN] = { "OPEN", { sizeof(OpenMessage), open_fields } },
	[MESSAGE_OPENED] = { "OPENED", { sizeof(OpenedMessage), opened_fields } },
	[MESSAGE_SIGN] = { "SIGN", { sizeof(SignMessage), sign_fields } },
	[MESSAGE_SIGNED] = { "SIGNED", { sizeof(SignedMessage), signed_fields } },
	[MESSAGE_FORWARD] = { "FORWARD", { sizeof(ForwardMessage), forward_fields } },
	[MESSAGE_FAILED] = { "FAILED", { sizeof(FailedMessage), failed_fields } },
};

static gboolean type_is_known(guint type)
{
	return type < N_MESSAGES && rows[type].name != NULL;
}

const char *message_type_name(MessageType type)
{
	return type_is_known(type) ? rows[type].name : "unknown";
}

/* FALSE with TIMED_OUT, or UNAVAILABLE when @stop_fd is readable. */
static gboolean wait_for(int channel, short events, int stop_fd, gint64 deadline_us, GError **error)
{
	struct pollfd polled[] = { { channel, events, 0 }, { stop_fd, POLLIN, 0 } };

	for (;;) {
		gint64 left_us = deadline_us - g_get_monotonic_time();
		int timeout_ms = (int)CLAMP((left_us + 999) / 1000, 0, G_MAXINT);
		int n = poll(polled, G_N_ELEMENTS(polled), timeout_ms);

		if (n < 0 && errno != EINTR) {
			rota_set_errno_error(error, errno, "wait for the other process");
			return FALSE;
		}
		if (n > 0 && polled[1].revents != 0) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "stopped");
			return FALSE;
		}
		if (n > 0)
			return TRUE;
		if (left_us <= 0) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT,
				"the other process does not answer");
			return FALSE;
		}
	}
}

static void set_channel_error(GError **error, int saved_errno, const char *what)
{
	if (saved_errno == EPIPE || saved_errno == ECONNRESET)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "the other process is gone");
	else
		rota_set_errno_error(error, saved_errno, "%s the other process", what);
}

/* The descriptor rides with the first byte: the receiver takes it with the head. */
static gssize send_some(int channel, const guint8 *data, gsize size, int fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { (void *)(guintptr)data, size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		message.msg_control = control.space;
		message.msg_controllen = sizeof(control.space);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(int));
	}
	return sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static gboolean send_all(
	int channel, const guint8 *data, gsize size, int fd, gint64 deadline_us, GError **error)
{
	while (size > 0) {
		gssize n;

		if (!wait_for(channel, POLLOUT, -1, deadline_us, error))
			return FALSE;
		n = send_some(channel, data, size, fd);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0) {
			set_channel_error(error, errno, "write to");
			return FALSE;
		}
		fd = -1;
		data += n;
		size -= (gsize)n;
	}
	return TRUE;
}

gboolean message_send(int channel, MessageType type, gconstpointer data, int fd, gint64 deadline_us,
	GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GByteArray) frame = g_byte_array_new();
	guint8 head[MESSAGE_HEAD_SIZE] = { (guint8)type };
	guint32 length;

	g_return_val_if_fail(type_is_known(type), FALSE);
	if (rows[type].record.fields != NULL) {
		g_autoptr(json_t) value = json_record_write(&rows[type].record, data);
		text = json_to_text(value);
	}
	if (text != NULL && strlen(text) > MESSAGE_SIZE_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"a %s message is larger than %d bytes", rows[type].name, MESSAGE_SIZE_MAX);
		return FALSE;
	}
	length = GUINT32_TO_BE(text != NULL ? (guint32)strlen(text) : 0);
	memcpy(head + 1, &length, sizeof(length));
	g_byte_array_append(frame, head, sizeof(head));
	if (text != NULL)
		g_byte_array_append(frame, (const guint8 *)text, (guint)strlen(text));
	return send_all(channel, frame->data, frame->len, fd, deadline_us, error);
}

/* Keeps the first descriptor that came and closes the rest: nobody can make us run out of them. */
static void take_descriptors(struct msghdr *received, int *fd)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(received); c != NULL; c = CMSG_NXTHDR(received, c)) {
		gsize n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (gsize i = 0; i < n; i++) {
			int taken;

			memcpy(&taken, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (*fd < 0)
				*fd = taken;
			else
				close(taken);
		}
	}
}

static gboolean receive_all(int channel, int stop_fd, guint8 *data, gsize size, int *fd,
	gint64 deadline_us, GError **error)
{
	while (size > 0) {
		char control[CMSG_SPACE(sizeof(int) * 4)];
		struct iovec part = { data, size };
		struct msghdr received = { .msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control) };
		gssize n;

		if (!wait_for(channel, POLLIN, stop_fd, deadline_us, error))
			return FALSE;
		n = recvmsg(channel, &received, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0) {
			set_channel_error(error, n == 0 ? EPIPE : errno, "read from");
			return FALSE;
		}
		take_descriptors(&received, fd);
		data += n;
		size -= (gsize)n;
	}
	return TRUE;
}

static gboolean check_head(guint type, guint32 length, GError **error)
{
	if (!type_is_known(type)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "message type %u is not known",
			type);
		return FALSE;
	}
	if (length > MESSAGE_SIZE_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"a %s message is larger than %d bytes", rows[type].name, MESSAGE_SIZE_MAX);
		return FALSE;
	}
	if (length > 0 && rows[type].record.fields == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "a %s message carries nothing",
			rows[type].name);
		return FALSE;
	}
	return TRUE;
}

Message *message_receive(int channel, int stop_fd, gint64 deadline_us, GError **error)
{
	g_autoptr(Message) message = g_new0(Message, 1);
	g_autofree guint8 *body = NULL;
	guint8 head[MESSAGE_HEAD_SIZE];
	guint32 length;

	message->fd = -1;
	if (!receive_all(channel, stop_fd, head, sizeof(head), &message->fd, deadline_us, error))
		return NULL;
	memcpy(&length, head + 1, sizeof(length));
	length = GUINT32_FROM_BE(length);
	if (!check_head(head[0], length, error))
		return NULL;
	message->type = head[0];
	if (rows[message->type].record.fields == NULL)
		return g_steal_pointer(&message);
	body = g_malloc(length);
	if (!receive_all(channel, stop_fd, body, length, &message->fd, deadline_us, error))
		return NULL;
	message->data =
		json_record_parse(&rows[message->type].record, (const char *)body, length, error);
	if (message->data == NULL) {
		g_prefix_error(error, "%s message: ", rows[message->type].name);
		return NULL;
	}
	return g_steal_pointer(&message);
}

void message_free(Message *message)
{
	if (message == NULL)
		return;
	if (message->data != NULL)
		json_record_free(&rows[message->type].record, message->data);
	if (message->fd >= 0)
		close(message->fd);
	g_free(message);
}

/* --- FAILED --- */

gboolean message_send_failed(int channel, const GError *failure, gint64 deadline_us, GError **error)
{
	g_autofree char *text = g_utf8_make_valid(
		failure->message, (gssize)strnlen(failure->message, MESSAGE_TEXT_MAX / 4));
	FailedMessage failed = { failure->domain == ROTA_ERROR ? failure->code : ROTA_ERROR_IO,
		text };

	return message_send(channel, MESSAGE_FAILED, &failed, -1, deadline_us, error);
}

void message_set_failed(GError **error, const FailedMessage *failed)
{
	gint code = failed->code >= ROTA_ERROR_INVALID && failed->code <= ROTA_ERROR_INTERNAL
			    ? (gint)failed->code
			    : ROTA_ERROR_UNAVAILABLE;

	g_set_error(error, ROTA_ERROR, code, "%s", failed->message);
}
