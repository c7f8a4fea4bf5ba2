/* SPDX-License-Identifier: Apache-2.0 */
#include "http/download.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "http/client-private.h"

struct Download {
	HttpClient *client;
	Transfer *transfer; /* (nullable): the try under way */
	char *url;
	int fd;
	gboolean is_pipe;
	gint64 size_max;

	/* What is there. */
	gint64 written;
	gint64 size; /* 0 = not known */
	char *etag;

	/* The try under way, or the last one. */
	gboolean ranged;
	gboolean whole_only; /* the server answered a range with another one */
	RangeVerdict verdict;
	char *moved_to; /* (nullable): this try ends there */
	gint64 skip;    /* bytes of the body still to be dropped */
	gint64 brought; /* bytes this try wrote */
	gint64 retry_after_s;
	GByteArray *rest; /* what the pipe did not take yet */

	/* Tries. */
	gint64 tries, tries_left;
	gint64 interval_s;
	gboolean at_once;
	guint redirects_max, redirects_left;
	gint64 pause_s;
	gint64 again_us; /* when the next try begins; 0 = none is planned */

	DownloadState state;
	GError *error;
};

static const TransferEvents events;

static void fail(Download *download, GError *error)
{
	download->state = DOWNLOAD_FAILED;
	download->again_us = 0;
	g_clear_error(&download->error);
	download->error = error;
}

static gboolean begin_try(Download *download, GError **error)
{
	g_autofree char *range = NULL;
	const char *headers[] = { NULL, NULL };
	TransferRequest request = { .method = "GET", .url = download->url, .headers = headers };

	download->ranged = download->written > 0 && !download->whole_only;
	if (download->ranged) {
		range = g_strdup_printf("Range: bytes=%" G_GINT64_FORMAT "-", download->written);
		headers[0] = range;
	}
	download->again_us = 0;
	download->brought = 0;
	download->skip = 0;
	download->retry_after_s = 0;
	download->verdict = RANGE_RETRY; /* what a try is that ends before its head */
	download->transfer = transfer_begin(download->client, &request, &events, download, error);
	return download->transfer != NULL;
}

/* --- The head --- */

static gboolean check_size(Download *download, gint64 size, GError **error)
{
	if (download->size_max == 0 || size <= download->size_max)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
		"the download is larger than %" G_GINT64_FORMAT " bytes", download->size_max);
	return FALSE;
}

static gboolean is_redirection(guint status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Where @location leads from @url; NULL where that is no URL. */
static char *resolve(const char *url, const char *location)
{
	CURLU *place = curl_url();
	char *resolved = NULL;
	char *copy = NULL;

	if (place && curl_url_set(place, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_set(place, CURLUPART_URL, location, 0) == CURLUE_OK &&
		curl_url_get(place, CURLUPART_URL, &resolved, 0) == CURLUE_OK)
		copy = g_strdup(resolved);
	curl_free(resolved);
	curl_url_cleanup(place);
	return copy;
}

/* The rules for a URL hold for each on the way: none leads from https:// into the open. */
static void follow(Download *download, const TransferHead *head, GError **error)
{
	download->verdict = RANGE_REFUSED;
	if (head->location == NULL || download->redirects_left == 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"the server answered %u to the download, %s", head->answer.status,
			head->location ? "one redirection too many" : "and not where it is");
		return;
	}
	g_autofree char *url = resolve(download->url, head->location);
	if (url == NULL) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"the server redirects to what is no URL");
		return;
	}
	if (!http_url_check(url, error)) {
		g_prefix_error(error, "the server redirects: ");
		return;
	}
	download->redirects_left--;
	download->moved_to = g_steal_pointer(&url);
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "redirected");
}

static gboolean on_head(const TransferHead *head, gpointer data, GError **error)
{
	Download *download = data;
	RangeState state = { .offset = download->written,
		.size = download->size,
		.etag = download->etag,
		.ranged = download->ranged };
	gint64 size = 0;

	download->retry_after_s = head->retry_after_s;
	if (download->redirects_max > 0 && is_redirection(head->answer.status)) {
		follow(download, head, error);
		return FALSE;
	}
	download->verdict = range_judge(&state, &head->answer, &download->skip, &size);
	if (download->verdict != RANGE_TAKE) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE,
			"the server answered %u to the download", head->answer.status);
		return FALSE;
	}
	if (!check_size(download, size, error)) {
		download->verdict = RANGE_REFUSED;
		return FALSE;
	}
	download->size = size;
	if (head->answer.etag != NULL && strlen(head->answer.etag) <= DOWNLOAD_ETAG_MAX) {
		g_free(download->etag);
		download->etag = g_strdup(head->answer.etag);
	}
	return TRUE;
}

/* --- The body --- */

/* Returns how much was taken: all of it by a file, some or none by a pipe; -1 with @error. */
static gssize write_some(Download *download, const guint8 *bytes, gsize size, GError **error)
{
	gsize done = 0;

	while (done < size) {
		gssize n = download->is_pipe ? write(download->fd, bytes + done, size - done)
					     : pwrite(download->fd, bytes + done, size - done,
						       download->written + (gint64)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && download->is_pipe)
			break;
		if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
				"no room for the download: %s", g_strerror(errno));
			return -1;
		}
		if (n < 0) {
			rota_set_errno_error(error, errno, "write the download");
			return -1;
		}
		done += (gsize)n;
	}
	return (gssize)done;
}

static void count_written(Download *download, gint64 n)
{
	download->written += n;
	download->brought += n;
	if (download->brought >= DOWNLOAD_PROGRESS_BYTES) {
		download->tries_left = download->tries;
		download->pause_s = 0;
	}
}

static gboolean check_written(Download *download, gint64 more, GError **error)
{
	gint64 sum = download->written + more;

	if (download->size > 0 && sum > download->size) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"the download is longer than the %" G_GINT64_FORMAT
			" bytes it was said to have",
			download->size);
		return FALSE;
	}
	return check_size(download, sum, error);
}

static gboolean flush_rest(Download *download, GError **error)
{
	gssize n = write_some(download, download->rest->data, download->rest->len, error);

	if (n < 0)
		return FALSE;
	count_written(download, n);
	g_byte_array_remove_range(download->rest, 0, (guint)n);
	return TRUE;
}

static gssize on_body(const guint8 *bytes, gsize size, gpointer data, GError **error)
{
	Download *download = data;
	gsize dropped = (gsize)MIN(download->skip, (gint64)size);
	gssize n;

	if (download->rest->len > 0)
		return TRANSFER_PAUSE;
	n = check_written(download, (gint64)(size - dropped), error)
		    ? write_some(download, bytes + dropped, size - dropped, error)
		    : -1;
	if (n < 0) {
		download->verdict = RANGE_REFUSED;
		return TRANSFER_ABORT;
	}
	download->skip -= (gint64)dropped;
	count_written(download, n);
	g_byte_array_append(
		download->rest, bytes + dropped + n, (guint)(size - dropped) - (guint)n);
	return (gssize)size;
}

/* --- The end of a try --- */

static gint64 next_pause_s(Download *download)
{
	gint64 pause_s = download->pause_s;

	download->pause_s = CLAMP(pause_s * 2, 1, MAX(download->interval_s, 1));
	return MAX(pause_s, MIN(download->retry_after_s, HTTP_RETRY_AFTER_MAX_S));
}

static void plan_another(Download *download, const GError *error)
{
	if (download->tries_left <= 0 || (download->at_once && download->written == 0)) {
		fail(download, g_error_copy(error));
		return;
	}
	download->tries_left--;
	download->again_us = g_get_monotonic_time() + next_pause_s(download) * G_USEC_PER_SEC + 1;
	g_info("download at %" G_GINT64_FORMAT " bytes: %s; trying again", download->written,
		error->message);
}

/* The server has another thing than what is there, or than what was expected of it. */
static void meet_change(Download *download, const GError *error)
{
	if (download->written > 0) {
		fail(download, g_error_new(ROTA_ERROR, ROTA_ERROR_CONFLICT,
				       "the download changed on the server"));
		return;
	}
	download->size = 0;
	g_clear_pointer(&download->etag, g_free);
	plan_another(download, error);
}

static void settle(Download *download)
{
	if (download->size > 0 && download->written < download->size) {
		g_autoptr(GError) error = g_error_new(ROTA_ERROR, ROTA_ERROR_UNAVAILABLE,
			"the answer ended before the download was whole");
		plan_another(download, error);
		return;
	}
	download->size = download->written;
	download->state = DOWNLOAD_COMPLETE;
}

static void move_on(Download *download)
{
	GError *error = NULL;

	g_free(download->url);
	download->url = g_steal_pointer(&download->moved_to);
	if (!begin_try(download, &error))
		fail(download, error);
}

static void on_done(const GError *error, gpointer data)
{
	Download *download = data;

	download->transfer = NULL;
	if (download->moved_to != NULL) {
		move_on(download);
		return;
	}
	if (error == NULL || download->verdict == RANGE_COMPLETE) {
		if (download->rest->len == 0)
			settle(download);
		return; /* else the pipe takes the rest first: turn() settles */
	}
	switch (download->verdict) {
	case RANGE_CHANGED:
		meet_change(download, error);
		return;
	case RANGE_EXPIRED:
		download->state = DOWNLOAD_EXPIRED;
		g_clear_error(&download->error);
		download->error = g_error_copy(error);
		return;
	case RANGE_REFUSED:
		fail(download, g_error_copy(error));
		return;
	case RANGE_UNFIT:
		download->whole_only = TRUE;
		plan_another(download, error);
		return;
	case RANGE_TAKE: /* cut in the middle of the body */
	case RANGE_RETRY:
	default:
		plan_another(download, error);
		return;
	}
}

static const TransferEvents events = { .head = on_head, .body = on_body, .done = on_done };

/* --- Its part in a turn of the client --- */

static guint waits(struct curl_waitfd *ret_waits, gpointer data)
{
	const Download *download = data;

	if (download->rest->len == 0 || download->state != DOWNLOAD_RUNNING)
		return 0;
	*ret_waits = (struct curl_waitfd){ .fd = download->fd, .events = CURL_WAIT_POLLOUT };
	return 1;
}

static gint64 wake_us(gpointer data)
{
	const Download *download = data;

	return download->again_us > 0 ? download->again_us : G_MAXINT64;
}

static void turn(gpointer data)
{
	Download *download = data;
	g_autoptr(GError) error = NULL;

	if (download->state != DOWNLOAD_RUNNING)
		return;
	if (download->rest->len > 0 && !flush_rest(download, &error)) {
		g_clear_pointer(&download->transfer, transfer_cancel);
		fail(download, g_steal_pointer(&error));
		return;
	}
	if (download->rest->len == 0 && download->transfer != NULL)
		transfer_continue(download->transfer);
	else if (download->rest->len == 0 && download->again_us == 0 &&
		 download->state == DOWNLOAD_RUNNING)
		settle(download);
	if (download->again_us > 0 && download->again_us <= g_get_monotonic_time() &&
		download->rest->len == 0 && !begin_try(download, &error))
		fail(download, g_steal_pointer(&error));
}

/* --- For the caller --- */

Download *download_new(HttpClient *client, const DownloadOptions *options, GError **error)
{
	g_autoptr(Download) download = g_new0(Download, 1);
	ClientPart part = { waits, wake_us, turn, download };

	download->client = client;
	download->url = g_strdup(options->url);
	download->fd = options->fd;
	download->is_pipe = options->is_pipe;
	download->size_max = options->size_max;
	download->written = options->offset;
	download->size = options->size;
	download->etag = g_strdup(options->etag);
	download->tries = download->tries_left = options->tries;
	download->interval_s = options->interval_s;
	download->at_once = options->at_once;
	download->redirects_max = download->redirects_left = options->redirects;
	download->rest = g_byte_array_new();
	client_add_part(client, &part);
	if (!begin_try(download, error))
		return NULL;
	return g_steal_pointer(&download);
}

gboolean download_renew(Download *download, const char *url, GError **error)
{
	if (!http_url_check(url, error))
		return FALSE;
	g_free(download->url);
	download->url = g_strdup(url);
	download->state = DOWNLOAD_RUNNING;
	return begin_try(download, error);
}

void download_free(Download *download)
{
	if (download == NULL)
		return;
	g_clear_pointer(&download->transfer, transfer_cancel);
	client_remove_part(download->client, download);
	g_byte_array_unref(download->rest);
	g_clear_error(&download->error);
	g_free(download->url);
	g_free(download->moved_to);
	g_free(download->etag);
	g_free(download);
}

DownloadState download_state(const Download *download)
{
	return download->state;
}

const GError *download_error(const Download *download)
{
	return download->error;
}

gint64 download_written(const Download *download)
{
	return download->written;
}

gint64 download_size(const Download *download)
{
	return download->size;
}

const char *download_etag(const Download *download)
{
	return download->etag;
}

gboolean download_is_blocked(const Download *download)
{
	return download->rest->len > 0;
}
