/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* The head of a request, read strictly: bytes in, verdict out, no I/O and no state.
 *
 * llhttp has seen the same bytes before (message.h) and must have found them good; this second,
 * independent reading refuses what llhttp lets pass (no Host or two of them, folded lines, odd
 * transfer codings, foreign targets) and keeps the names and values. Both readings must agree on
 * where the body ends, else the request is refused. */
enum {
	HTTP_HEAD_SIZE_MAX = 16384,
	HTTP_HEAD_LINES_MAX = 100,
	HTTP_TARGET_SIZE_MAX = 8192,
};

/* Why a request is not served: what the client is told before the connection is closed. */
typedef struct {
	guint status;
	const char *reason; /* static text */
} HttpRefusal;

typedef struct {
	const char *name, *value; /* value without the white space around it */
} HttpHeaderLine;

/* All texts point into the block that was parsed. */
typedef struct {
	const char *method;
	const char *path;      /* starts with "/", or is "*" */
	const char *query;     /* after the "?", or NULL */
	guint minor_version;   /* HTTP/1.0 or HTTP/1.1 */
	gint64 content_length; /* 0 without a body, -1: chunked */
	gboolean keep_alive;
	gboolean expects_continue;
	guint n_lines;
	HttpHeaderLine lines[HTTP_HEAD_LINES_MAX];
} HttpHead;

/**
 * http_head_parse:
 * @block: the head from the first byte of its method to the empty line, inclusive; its separators
 *         are overwritten with NUL, and @ret_head borrows from it
 *
 * Returns: FALSE with @ret_refusal set and @ret_head undefined.
 */
gboolean http_head_parse(char *block, gsize size, HttpHead *ret_head,
	HttpRefusal *ret_refusal) G_GNUC_WARN_UNUSED_RESULT;

/* The value of the first line of that name (any case), or NULL. */
const char *http_head_find(const HttpHead *head, const char *name);
