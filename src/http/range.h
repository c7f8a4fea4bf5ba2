/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* What the answer to a download, or to its resumption, means: the decisions of download.c without
 * its I/O. */

/**
 * content_range_parse:
 * "bytes 10-19/20" or "bytes 10-19" with a star for the size; FALSE for anything else, for an end
 * before the start and for an end beyond the size.
 */
gboolean content_range_parse(const char *value, gint64 *ret_first, gint64 *ret_last,
	gint64 *ret_size) G_GNUC_WARN_UNUSED_RESULT; /* *ret_size: 0 = not said */

/* The head of an answer, as far as a download looks at it. */
typedef struct {
	guint status;
	gint64 length;             /* of the body, -1 = not said */
	const char *content_range; /* (nullable) */
	const char *etag;          /* (nullable) */
	const char *encoding;      /* (nullable): Content-Encoding */
} RangeAnswer;

/* What is there, and what was asked for. */
typedef struct {
	gint64 offset;    /* bytes there */
	gint64 size;      /* of the whole, 0 = not known */
	const char *etag; /* (nullable) */
	gboolean ranged;  /* the request carried a Range */
} RangeState;

typedef enum {
	RANGE_TAKE,     /* the body is welcome after ret_skip bytes of it */
	RANGE_COMPLETE, /* everything is there already */
	RANGE_CHANGED,  /* it is another thing: begin anew, or fail */
	RANGE_UNFIT,    /* the range is not the one asked for: ask for the whole */
	RANGE_EXPIRED,  /* the link is spent */
	RANGE_RETRY,    /* the server cannot now */
	RANGE_REFUSED,  /* and it will not */
} RangeVerdict;

/* @ret_skip: bytes of the body that are there already; @ret_size: of the whole, 0 = not known. */
RangeVerdict range_judge(
	const RangeState *state, const RangeAnswer *answer, gint64 *ret_skip, gint64 *ret_size);

/* Seconds from a Retry-After value (seconds or an HTTP date), at most @most; 0 for none or
 * nonsense. */
gint64 retry_after_parse(const char *value, gint64 now_s, gint64 most);
