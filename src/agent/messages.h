/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/json.h"

/* What the agent's processes say to each other over their sockets.
 *
 * A message is a type (one byte), a length (four bytes, most significant first) and that many bytes
 * of JSON, read and written by one field table per type; a descriptor may ride along. The agent
 * asks, the network process answers exactly once, so nothing piles up on either side:
 *
 *     SETUP  -> READY             certificates, proxies, deadlines
 *     CALL   -> REPLY | FAILED    one request to a server
 *     FETCH  -> STARTED           begins a download into the descriptor that rides along
 *     WAIT   -> PROGRESS | EXPIRED | FAILED    answered once there is more than the agent knows of,
 *                                              or after a while without news
 *     RENEW  -> STARTED           goes on with a fresh URL after EXPIRED
 *     STOP   -> STOPPED           ends the download
 *     FORWARD -> STARTED         serves the local forwarder on the socket that rides along, or
 *                                gives it another token; EXPIRED comes unasked, once, when the
 *                                server refuses that; it ends by itself when nobody uses it
 *
 * and of rota-agent-key, where the private key of the device is:
 *
 *     OPEN   -> OPENED | FAILED   once, by the agent
 *     SIGN   -> SIGNED | FAILED   by the agent, or by the network process in a TLS handshake
 *
 * SETUP hands the socket to rota-agent-key on, so the network process signs without the key.
 *
 * The agent trusts none of it: types, lengths, sizes and texts are checked again on its side. */

enum {
	MESSAGE_SIZE_MAX =
		3 * 1024 * 1024, /* a body of 1 MiB with every byte escaped, and its frame */
	MESSAGE_HEAD_SIZE = 5,
	MESSAGE_URL_MAX = 8192,
	MESSAGE_TEXT_MAX = 4096,
	MESSAGE_BODY_MAX = 1024 * 1024,
	MESSAGE_PEM_MAX = 256 * 1024,
	MESSAGE_TOKEN_MAX = 64 * 1024,
	MESSAGE_ETAG_MAX = 512,
	MESSAGE_SIGN_MAX = 1024 * 1024, /* in base64: all of a handshake before TLS 1.3 */
};

typedef enum {
	MESSAGE_SETUP = 1,
	MESSAGE_READY,
	MESSAGE_CALL,
	MESSAGE_REPLY,
	MESSAGE_FETCH,
	MESSAGE_STARTED,
	MESSAGE_WAIT,
	MESSAGE_PROGRESS,
	MESSAGE_EXPIRED,
	MESSAGE_RENEW,
	MESSAGE_STOP,
	MESSAGE_STOPPED,
	MESSAGE_OPEN,
	MESSAGE_OPENED,
	MESSAGE_SIGN,
	MESSAGE_SIGNED,
	MESSAGE_FORWARD,
	MESSAGE_FAILED,
	N_MESSAGES,
} MessageType;

typedef struct {
	char *authorities;        /* (nullable): PEM, added to the system's */
	char *client_certificate; /* (nullable): PEM, with its chain */
	char *client_key;         /* (nullable): its public half, PEM; the private one signs at the
				   * other end of the socket that rides along */
	char *proxy_http;         /* (nullable): URL */
	char *proxy_https;        /* (nullable): URL */
	char *proxy_none;         /* (nullable): hosts, with commas between */
	gint64 idle_limit_s;
} SetupMessage;

typedef struct {
	char *method;
	char *url;
	char *token;     /* (nullable) */
	char *signature; /* (nullable): of the body, base64 */
	char *body;      /* (nullable) */
} CallMessage;

typedef struct {
	gint64 status;
	char *body; /* (nullable) */
	gint64 retry_after_s;
} ReplyMessage;

typedef struct {
	char *url;
	gint64 offset;   /* bytes there already */
	gint64 size;     /* of the whole, 0 = not known */
	gint64 size_max; /* a larger one is FAILED with TOO_LARGE; 0 = any */
	char *etag;      /* (nullable): of what is there already */
	gint64 tries;    /* after the first, without progress */
	gint64 interval_s;
	gboolean pipe; /* the descriptor takes a stream and cannot begin anew */
} FetchMessage;

typedef struct {
	gint64 beyond; /* answer once more than this is written */
} WaitMessage;

typedef struct {
	gint64 written; /* bytes of the download in the descriptor */
	gint64 size;    /* of the whole, 0 = not known */
	char *etag;     /* (nullable) */
	gboolean complete;
} ProgressMessage;

typedef struct {
	char *url;
} RenewMessage;

typedef struct {
	char *server; /* base URL */
	char *token;  /* (nullable): none yet, or none any more */
} ForwardMessage;

typedef struct {
	char *name;        /* a file, or a URI of a token */
	char *engine;      /* (nullable): OpenSSL's engine that knows the name */
	char *passphrase;  /* (nullable): of the file, or the token's PIN */
	char *make;        /* (nullable): the kind of a key to be made where there is none */
	gint64 bits;       /* RSA only */
	gboolean only_new; /* with make: CONFLICT where there is one */
} OpenMessage;

typedef struct {
	char *public_half; /* PEM */
	gboolean made;
} OpenedMessage;

typedef struct {
	char *digest; /* (nullable): "SHA256"; see KeyScheme */
	gboolean pss;
	char *data; /* base64 */
} SignMessage;

typedef struct {
	char *signature; /* base64 */
} SignedMessage;

typedef struct {
	gint64 code; /* of RotaError */
	char *message;
} FailedMessage;

/* A message as it came: @data is the struct of its type, NULL for the types without one. */
typedef struct {
	MessageType type;
	gpointer data;
	int fd; /* that rode along, -1 = none; closed with the message unless taken */
} Message;

/**
 * message_send:
 * @data: (nullable): the struct of @type
 * @fd: rides along; -1 = none
 * @deadline_us: on g_get_monotonic_time(); past it ROTA_ERROR_TIMED_OUT
 *
 * ROTA_ERROR_UNAVAILABLE where the other side is gone.
 */
gboolean message_send(int channel, MessageType type, gconstpointer data, int fd, gint64 deadline_us,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * message_receive:
 * @stop_fd: gives up with UNAVAILABLE "stopped" when readable; -1 = none
 *
 * Returns: (transfer full): the next message; NULL with UNAVAILABLE where the other side is gone,
 * INVALID or TOO_LARGE where it does not keep to the tables.
 */
Message *message_receive(
	int channel, int stop_fd, gint64 deadline_us, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* FAILED with @failure, cut to what a message holds. */
gboolean message_send_failed(int channel, const GError *failure, gint64 deadline_us,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What the other side said, with its code where that is one of ours. */
void message_set_failed(GError **error, const FailedMessage *failed);

void message_free(Message *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Message, message_free)

/* For messages and logs: "SETUP". */
const char *message_type_name(MessageType type);
