/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "http/head.h"

/* One request as it comes off the wire: llhttp walks the bytes, head.h judges the head, and the
 * body is told from its framing. No I/O: bytes in, verdict out, in whatever pieces they come.
 *
 * llhttp stays behind this header: its names clash with ours. */
typedef struct {
	HttpHead head;
	char *text; /* the head's bytes */
	gsize text_size;
	guint8 n_empty; /* bytes of the one empty line that may come before a request */
	gboolean is_complete;
	gint64 rest; /* bytes of a body of known length still to come */
	gsize trailer_size;
	guint64 parser[16]; /* llhttp's own state */
} HttpMessage;

typedef enum {
	HTTP_MESSAGE_MORE,     /* all bytes were taken, more must come */
	HTTP_MESSAGE_COMPLETE, /* head() or body() is at its end; what is left belongs to what
				  follows */
	HTTP_MESSAGE_REFUSED,
} HttpVerdict;

void http_message_init(HttpMessage *message);
void http_message_clear(HttpMessage *message);

/* Takes bytes until the head is complete. @ret_used: how many were taken. */
HttpVerdict http_message_take_head(HttpMessage *message, const guint8 *data, gsize size,
	gsize *ret_used, HttpRefusal *ret_refusal) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE once the first byte of a request has come. */
gboolean http_message_has_begun(const HttpMessage *message);

/**
 * http_message_foresee_body:
 * @data: what has come behind the head so far
 *
 * Looks at the first bytes of a chunked body without taking them, so that a request whose body is
 * seen to be malformed is refused before anybody acts on its head. Returns: FALSE with @ret_refusal
 * set.
 */
gboolean http_message_foresee_body(const HttpMessage *message, const guint8 *data, gsize size,
	HttpRefusal *ret_refusal) G_GNUC_WARN_UNUSED_RESULT;

/**
 * http_message_take_body:
 * @scratch: room for @size bytes, used where the body must be put together from chunks
 * @ret_body: the bytes of the body that were found, in @data or in @scratch; trailers are dropped
 *
 * Takes bytes of the body until it is complete.
 */
HttpVerdict http_message_take_body(HttpMessage *message, const guint8 *data, gsize size,
	guint8 *scratch, gsize *ret_used, const guint8 **ret_body, gsize *ret_body_size,
	HttpRefusal *ret_refusal) G_GNUC_WARN_UNUSED_RESULT;
