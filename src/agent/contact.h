/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gio/gio.h>

/* A contact: the time in which the agent has something to say to a server.
 *
 * The process that writes slots never touches the network. It opens a contact, which starts
 * rota-agent-net without rights, asks it over a socket, checks again whatever comes back, and
 * closes the contact; in idle there is no second process. Everything here blocks, each wait has a
 * deadline, and a network process that dies is started anew without the caller noticing. */

enum {
	CONTACT_BODY_MAX = 1024 * 1024, /* of a request or an answer */
	CONTACT_TOKEN_MAX = 64 * 1024,  /* of what authentication answers */
	CONTACT_URL_MAX = 8192,
	CONTACT_SERVERS_MAX = 32,
	CONTACT_PEM_MAX = 256 * 1024, /* of a certificate or key file */
	CONTACT_SPOOL_NAME_MAX = 128,
	CONTACT_RESTARTS_MAX = 5, /* of a network process that dies within one contact */
};

/* Copied by contact_open(). */
typedef struct {
	const char *program;     /* path of rota-agent-net; NULL = beside the running program */
	const char *key_program; /* the same of rota-agent-key */
	const char *data;        /* DATA: the spool and the file of TLS tickets are kept below it */
	const char *const *servers;     /* (nullable): base URLs, tried in this order */
	const char *server_certificate; /* (nullable): PEM file, added to the system's */
	const char *client_certificate; /* (nullable): PEM file for mTLS, its chain is sent */
	const char *client_key;         /* (nullable): its key, as keeper.h names keys */
	const char *client_key_engine;  /* (nullable): OpenSSL's engine for it */
	const char *user;        /* (nullable): whom to become when root; NULL = "rota-agent" */
	gint64 spool_size_max;   /* bytes; a larger download is streamed; 0 = always stream */
	gint64 download_tries;   /* of one contact, after the first; RetryDownloadCount */
	gint64 retry_interval_s; /* between two of them */
	gint64 idle_limit_s;     /* without a byte; 0 = the default */
	int stop_fd; /* readable = give up all waits (UNAVAILABLE "stopped"); -1 = none */
} ContactSettings;

typedef struct Contact Contact;

/**
 * contact_open:
 * Starts rota-agent-net: as the user of the settings when root and that user exists, else as the
 * caller. Reads the certificate files, so that the other process needs to open none of them.
 * Returns: (transfer full): the contact, or NULL with @error set.
 */
Contact *contact_open(const ContactSettings *settings, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Ends the network process and waits for it, 2 s at most, then kills it. NULL is fine. */
void contact_close(Contact *contact);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Contact, contact_close)

typedef struct {
	guint status;         /* of HTTP, 100 to 599 */
	GBytes *body;         /* UTF-8 without NUL, at most CONTACT_BODY_MAX; may be empty */
	gint64 retry_after_s; /* what the server asked for, 0 = nothing; at most a day */
} ContactReply;

void contact_reply_free(ContactReply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ContactReply, contact_reply_free)

/**
 * contact_authenticate:
 * @body: the request exactly as it was signed
 * @signature: base64
 * @ret_token: (transfer full) (nullable): set where a server accepted the device
 * @ret_server: (transfer full) (nullable): the base URL of that server
 *
 * Tries the servers in order until one answers 200; that one serves contact_call() from then on.
 * Returns: (transfer full): the last answer, whatever its status (401: not accepted, or not yet),
 * or NULL with @error where no server answered at all.
 */
ContactReply *contact_authenticate(Contact *contact, GBytes *body, const char *signature,
	char **ret_token, char **ret_server, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Goes on with a token of an earlier contact; NULL, NULL forgets it. */
void contact_use_token(Contact *contact, const char *token, const char *server);

/**
 * contact_call:
 * @method: GET, POST or PUT
 * @path: begins with a slash; may carry a query
 * @body: (nullable): JSON
 *
 * One call to the server that accepted the device, with its token.
 * Returns: (transfer full): the answer, whatever its status, or NULL with @error where there was
 * none.
 */
ContactReply *contact_call(Contact *contact, const char *method, const char *path, GBytes *body,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Asks the server for the download once more. Called from within a read of the stream; may use
 * contact_call() on the same contact. Returns: (transfer full): a fresh URL, or NULL with @error.
 */
typedef char *(*ContactRefresh)(gpointer data, GError **error);

typedef struct {
	const char *url;
	const char *spool_name; /* (nullable): letters, digits, "-" and "_"; the deployment's id.
				   NULL = stream */
	gint64 size_expected;   /* bytes; 0 = not known */
	ContactRefresh refresh; /* (nullable): an expired link then ends the download */
	gpointer data;
} ContactDownload;

/**
 * contact_fetch:
 * @contact: must outlive the stream; carries one download at a time
 *
 * The download as a stream that survives cuts, expired links, a killed network process and, through
 * the spool, a restart or a power cut: what is already in DATA/spool is read from there and only
 * what is missing is fetched. Another size or ETag starts anew; where that would contradict bytes
 * already handed out the read fails. Where there is no room for a spool it streams without one.
 * Returns: (transfer full): the stream; a read blocks until there are bytes, the end, or an error.
 */
GInputStream *contact_fetch(Contact *contact, const ContactDownload *download,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Bytes of the whole download, 0 before the server said it. @stream: of contact_fetch(). */
gint64 contact_fetch_size(GInputStream *stream);

/**
 * contact_forward:
 * @listener: a listening socket on a loopback address; -1 = the forwarder has it
 * @token: (nullable): none yet
 *
 * Makes the network process of this contact the local forwarder (agent/net/forwarder.h), or tells
 * it another token. It ends by itself when nobody uses it: contact_read_forwarder() then says so.
 */
gboolean contact_forward(Contact *contact, int listener, const char *server, const char *token,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef enum {
	FORWARDER_REFUSED, /* the server does not take the token any more */
	FORWARDER_GONE,
} ForwarderNews;

/* Readable when there is news of the forwarder. */
int contact_channel(const Contact *contact);
ForwarderNews contact_read_forwarder(Contact *contact);

/* Removes what is spooled under @spool_name, or with NULL everything; needs no contact. To be
 * called when the deployment is over, and when what was spooled proved to be corrupt. */
gboolean contact_drop_spool(
	const char *data, const char *spool_name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
