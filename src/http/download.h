/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "http/client.h"

/* A download that does not begin again because it was cut.
 *
 * It writes into a file or a pipe, asks for what is missing with Range, and believes an answer only
 * as far as it fits: the same size, the same ETag, the range that was asked for. A server that
 * knows no ranges, or answers with a wrong one, is asked for the whole and what is there is
 * skipped. When the thing itself changed it fails with ROTA_ERROR_CONFLICT: what is there is never
 * overwritten. Cuts, stalls and 5xx are retried with growing pauses; 401, 403, 404 and 410 mean
 * that the link is spent: the caller finds a fresh one. */

enum {
	/* A try that brought this much counts as progress: the count of tries begins anew. */
	DOWNLOAD_PROGRESS_BYTES = 1024 * 1024,
	DOWNLOAD_ETAG_MAX = 512,
};

typedef struct {
	const char *url;
	int fd; /* borrowed; a file is open for writing, a pipe does not block */
	gboolean is_pipe;
	gint64 offset;     /* bytes that are there already */
	gint64 size;       /* of the whole, 0 = not known */
	gint64 size_max;   /* 0 = any; a larger one is TOO_LARGE */
	const char *etag;  /* (nullable): of what is there */
	gint64 tries;      /* after the first, without progress */
	gint64 interval_s; /* the longest pause before another try */
	gboolean at_once; /* no second try before there was a byte: somebody waits for the answer */
	guint redirects;  /* how many are followed; 0: a redirection is a refusal */
} DownloadOptions;

typedef enum {
	DOWNLOAD_RUNNING,
	DOWNLOAD_EXPIRED, /* the link is spent: download_renew() or download_free() */
	DOWNLOAD_COMPLETE,
	DOWNLOAD_FAILED,
} DownloadState;

typedef struct Download Download;

Download *download_new(HttpClient *client, const DownloadOptions *options,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void download_free(Download *download); /* before its client */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Download, download_free)

gboolean download_renew(
	Download *download, const char *url, GError **error) G_GNUC_WARN_UNUSED_RESULT;

DownloadState download_state(const Download *download);
const GError *download_error(const Download *download); /* of DOWNLOAD_FAILED and _EXPIRED */
gint64 download_written(const Download *download);      /* bytes in the file, or through the pipe */
gint64 download_size(const Download *download);         /* 0 = not known yet */
const char *download_etag(const Download *download);    /* (nullable) */
gboolean download_is_blocked(const Download *download); /* the pipe is full */
