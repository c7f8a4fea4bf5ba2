/* SPDX-License-Identifier: Apache-2.0 */
/* A download as a stream.
 *
 * The network process writes into the spool, or into a pipe where there is none; this side asks how
 * far it is and reads behind it:
 *
 *     0 ........ at ............ available ............ size
 *       handed out   may be read            still to come
 *
 * With the spool both ends move on their own, and a process that dies is replaced by one that goes
 * on behind what is in the file. With a pipe what is in it is read to its end first, and then the
 * next one goes on there. A spool that runs out of room becomes a pipe in the same way. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "agent/contact-private.h"
#include "agent/spool.h"
#include "base/error.h"
#include "base/file.h"

enum {
	RENEWALS_MAX = 5, /* fresh links in a row that brought nothing */
	CHANGES_MAX = 3,  /* how often what the spool holds may turn out to be another thing */
	PIPE_SIZE = 1024 * 1024,
	PIPE_LIMIT_MS = 10 * 1000, /* for bytes that are said to be in the pipe */
};

#define CONTACT_TYPE_STREAM (contact_stream_get_type())
G_DECLARE_FINAL_TYPE(ContactStream, contact_stream, CONTACT, STREAM, GInputStream)

struct _ContactStream {
	GInputStream parent;
	Contact *contact;
	char *url;
	ContactRefresh refresh;
	gpointer data;
	guint renewals;

	Spool *spool;     /* (nullable) */
	gint64 spool_end; /* what is before this is read from the spool, the rest from the pipe */
	gboolean spool_is_mute; /* its record cannot be written: said once */
	gboolean piped;
	int pipe; /* -1 = none is open */

	guint process; /* the network process that is at it; 0 = none */
	gboolean complete;
	gboolean confirmed; /* the server still has the thing that the spool began with */
	guint changes;
	gint64 at, available;
	gint64 size; /* 0 = not known */
	char *etag;
};

G_DEFINE_TYPE(ContactStream, contact_stream, G_TYPE_INPUT_STREAM)

static gboolean breach(ContactStream *stream, const char *what, GError **error)
{
	contact_end_process(stream->contact);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "the network process %s", what);
	return FALSE;
}

/* What a dead process left in the pipe is good; the next one goes on behind it. */
static void keep_pipe_rest(ContactStream *stream)
{
	int rest = 0;

	if (stream->pipe >= 0 && ioctl(stream->pipe, FIONREAD, &rest) == 0)
		stream->available = MAX(stream->at, stream->spool_end) + rest;
}

/* What is in the pipe need not be asked for. */
static gboolean pipe_has_more(ContactStream *stream)
{
	gint64 before = stream->available;

	keep_pipe_rest(stream);
	if (stream->available == before)
		return FALSE;
	stream->confirmed = TRUE; /* the network process had the server's answer judged first */
	return TRUE;
}

/* Also where the process was replaced by another call of the same contact. */
static gboolean is_fetching(ContactStream *stream)
{
	if (stream->process != 0 && stream->process == contact_process(stream->contact))
		return TRUE;
	if (stream->process != 0 && stream->piped)
		keep_pipe_rest(stream);
	stream->process = 0;
	return FALSE;
}

/* --- Beginning, and beginning again --- */

static gboolean open_pipe(ContactStream *stream, int *ret_write_end, GError **error)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0) {
		rota_set_errno_error(error, errno, "make a pipe");
		return FALSE;
	}
	/* A larger pipe means fewer questions; a refusal does no harm. */
	if (fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE) < 0)
		g_debug("the pipe keeps its size: %s", g_strerror(errno));
	file_close_fd(&stream->pipe);
	stream->pipe = ends[0];
	*ret_write_end = ends[1];
	return TRUE;
}

/* What is in the file counts, not what we were told: the last word of a dead process may be
 * missing. */
static gboolean look_at_spool(ContactStream *stream, GError **error)
{
	gint64 have;

	if (!spool_have(stream->spool, &have, error))
		return FALSE;
	if (have < stream->at)
		return breach(stream, "took back what it wrote", error);
	stream->available = have;
	return TRUE;
}

static gint64 fetch_limit(const ContactStream *stream)
{
	return stream->piped ? 0
			     : MAX(spool_limit(stream->spool,
					   contact_settings(stream->contact)->spool_size_max),
				       1);
}

static gboolean send_fetch(ContactStream *stream, int fd, gboolean *ret_lost, GError **error)
{
	const ContactSettings *settings = contact_settings(stream->contact);
	FetchMessage fetch = { .url = stream->url,
		.offset = stream->available,
		.size = stream->size,
		.size_max = fetch_limit(stream),
		.etag = stream->available > 0 ? stream->etag : NULL,
		.tries = settings->download_tries,
		.interval_s = settings->retry_interval_s,
		.pipe = stream->piped };
	g_autoptr(Message) answer = contact_exchange(stream->contact, MESSAGE_FETCH, &fetch, fd,
		MESSAGE_STARTED, CONTACT_ANSWER_LIMIT_S, ret_lost, error);

	return answer != NULL;
}

static gboolean begin_fetch(ContactStream *stream, gboolean *ret_lost, GError **error)
{
	autofd int write_end = -1;

	*ret_lost = FALSE;
	if (stream->piped && !open_pipe(stream, &write_end, error))
		return FALSE;
	if (!stream->piped && !look_at_spool(stream, error))
		return FALSE;
	if (!send_fetch(
		    stream, stream->piped ? write_end : spool_fd(stream->spool), ret_lost, error))
		return FALSE;
	stream->process = contact_process(stream->contact);
	return TRUE;
}

/* --- When something is in the way --- */

static gboolean recover_from_loss(ContactStream *stream, GError *failure, GError **error)
{
	if (contact_is_stopped(stream->contact)) {
		g_propagate_error(error, failure);
		return FALSE;
	}
	g_warning("download at %" G_GINT64_FORMAT " bytes: %s; starting another network process",
		stream->available, failure->message);
	g_error_free(failure);
	return TRUE;
}

/* Without room the rest comes through a pipe, and a power cut would cost the whole download. */
static gboolean become_piped(ContactStream *stream, const GError *failure, GError **error)
{
	g_message("%s: streaming without a spool", failure->message);
	if (!look_at_spool(stream, error))
		return FALSE;
	stream->piped = TRUE;
	stream->spool_end = stream->available;
	stream->process = 0;
	spool_discard_record(stream->spool);
	return TRUE;
}

static gboolean renew(ContactStream *stream, GError **error)
{
	g_autofree char *url = NULL;
	RenewMessage message = { 0 };
	g_autoptr(Message) answer = NULL;
	g_autoptr(GError) failure = NULL;
	gboolean lost;

	if (stream->refresh == NULL || stream->renewals >= RENEWALS_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_FORBIDDEN,
			"the link of the download is no longer good");
		return FALSE;
	}
	stream->renewals++;
	url = stream->refresh(stream->data, error);
	if (url == NULL) {
		g_prefix_error(error, "ask for a fresh link: ");
		return FALSE;
	}
	g_free(stream->url);
	stream->url = g_steal_pointer(&url);
	if (!is_fetching(stream))
		return TRUE; /* begun from the start, with the fresh link */
	message.url = stream->url;
	answer = contact_exchange(stream->contact, MESSAGE_RENEW, &message, -1, MESSAGE_STARTED,
		CONTACT_ANSWER_LIMIT_S, &lost, &failure);
	if (answer != NULL)
		return TRUE;
	if (lost)
		return recover_from_loss(stream, g_steal_pointer(&failure), error);
	g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}

/* --- News --- */

static gboolean check_progress(
	ContactStream *stream, const ProgressMessage *progress, GError **error)
{
	gint64 have;

	if (progress->written < 0 || progress->size < 0 ||
		(progress->size > 0 && progress->written > progress->size) ||
		(progress->complete && progress->written != progress->size))
		return breach(stream, "told sizes that contradict each other", error);
	if (progress->written < stream->available)
		return breach(stream, "told less than before", error);
	if (stream->piped)
		return TRUE;
	if (!spool_have(stream->spool, &have, error))
		return FALSE;
	return have >= progress->written ? TRUE : breach(stream, "told more than it wrote", error);
}

/* A record that cannot be written costs the way back after a restart, not the download. */
static void note_spool(ContactStream *stream)
{
	g_autoptr(GError) error = NULL;

	if (stream->piped || stream->size == 0 || stream->spool_is_mute)
		return;
	if (spool_note(stream->spool, stream->available, stream->size, stream->etag, &error))
		return;
	g_warning("the spool cannot be recorded: %s", error->message);
	stream->spool_is_mute = TRUE;
}

static gboolean take_progress(
	ContactStream *stream, const ProgressMessage *progress, GError **error)
{
	if (!check_progress(stream, progress, error))
		return FALSE;
	if (progress->written > stream->available || progress->complete) {
		stream->renewals = 0;
		stream->confirmed = TRUE;
	}
	stream->available = progress->written;
	stream->size = progress->size;
	stream->complete = progress->complete;
	g_free(stream->etag);
	stream->etag = g_strdup(progress->etag);
	note_spool(stream);
	return TRUE;
}

/* Nothing was handed out yet, so another thing is as good as the first. */
static gboolean begin_anew(ContactStream *stream, GError **error)
{
	g_message("the download changed on the server: beginning anew");
	stream->changes++;
	stream->process = 0;
	stream->available = 0;
	stream->spool_end = 0;
	stream->size = 0;
	g_clear_pointer(&stream->etag, g_free);
	return stream->spool == NULL || spool_empty(stream->spool, error);
}

static gboolean take_failure(ContactStream *stream, gboolean lost, GError *failure, GError **error)
{
	g_autoptr(GError) owned = failure;

	if (lost)
		return recover_from_loss(stream, g_steal_pointer(&owned), error);
	if (!stream->piped && g_error_matches(owned, ROTA_ERROR, ROTA_ERROR_TOO_LARGE))
		return become_piped(stream, owned, error);
	if (g_error_matches(owned, ROTA_ERROR, ROTA_ERROR_CONFLICT) && stream->at == 0 &&
		stream->changes < CHANGES_MAX)
		return begin_anew(stream, error);
	g_propagate_prefixed_error(error, g_steal_pointer(&owned), "download: ");
	return FALSE;
}

/* One step towards more bytes: FALSE only with an error, else the caller looks again. */
static gboolean advance(ContactStream *stream, GError **error)
{
	WaitMessage wait = { 0 };
	g_autoptr(Message) answer = NULL;
	g_autoptr(GError) failure = NULL;
	gboolean lost;

	if (!is_fetching(stream)) {
		if (begin_fetch(stream, &lost, &failure))
			return TRUE;
		if (lost)
			return recover_from_loss(stream, g_steal_pointer(&failure), error);
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	if (stream->piped && pipe_has_more(stream))
		return TRUE;
	wait.beyond = stream->available;
	answer = contact_exchange(stream->contact, MESSAGE_WAIT, &wait, -1, MESSAGE_PROGRESS,
		CONTACT_ANSWER_LIMIT_S, &lost, &failure);
	if (answer == NULL)
		return take_failure(stream, lost, g_steal_pointer(&failure), error);
	return answer->type == MESSAGE_EXPIRED ? renew(stream, error)
					       : take_progress(stream, answer->data, error);
}

/* --- Reading --- */

static gssize read_spool(ContactStream *stream, void *buffer, gsize size, GError **error)
{
	gssize n;

	do
		n = pread(spool_fd(stream->spool), buffer, size, stream->at);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		rota_set_errno_error(error, errno, "read the spool");
		return -1;
	}
	if (n == 0)
		return breach(stream, "took back what it wrote", error) - 1;
	return n;
}

static gssize read_pipe(ContactStream *stream, void *buffer, gsize size, GError **error)
{
	struct pollfd polled[] = { { stream->pipe, POLLIN, 0 },
		{ contact_settings(stream->contact)->stop_fd, POLLIN, 0 } };
	gssize n;

	if (poll(polled, G_N_ELEMENTS(polled), PIPE_LIMIT_MS) <= 0)
		return breach(stream, "told of bytes that do not come", error) - 1;
	if (polled[1].revents != 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "stopped");
		return -1;
	}
	do
		n = read(stream->pipe, buffer, size);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		rota_set_errno_error(error, errno, "read the pipe");
		return -1;
	}
	if (n == 0)
		return breach(stream, "told of bytes that do not come", error) - 1;
	return n;
}

static gssize stream_read(
	GInputStream *input, void *buffer, gsize size, GCancellable *cancellable, GError **error)
{
	ContactStream *stream = CONTACT_STREAM(input);
	gboolean from_spool;
	gint64 end;
	gssize n;

	while (stream->at == stream->available || !stream->confirmed) {
		if (g_cancellable_set_error_if_cancelled(cancellable, error))
			return -1;
		if (stream->complete && stream->at == stream->available)
			return 0;
		if (!advance(stream, error))
			return -1;
	}
	from_spool = !stream->piped || stream->at < stream->spool_end;
	end = stream->piped && from_spool ? stream->spool_end : stream->available;
	size = MIN(size, (gsize)(end - stream->at));
	n = from_spool ? read_spool(stream, buffer, size, error)
		       : read_pipe(stream, buffer, size, error);
	if (n > 0)
		stream->at += n;
	if (stream->piped && stream->spool != NULL && stream->at >= stream->spool_end) {
		spool_discard(stream->spool);
		g_clear_pointer(&stream->spool, spool_free);
	}
	return n;
}

/* --- Opening and closing --- */

static void end_fetch(ContactStream *stream)
{
	g_autoptr(Message) answer = NULL;
	g_autoptr(GError) error = NULL;

	if (is_fetching(stream))
		answer = contact_exchange(stream->contact, MESSAGE_STOP, NULL, -1, MESSAGE_STOPPED,
			CONTACT_ANSWER_LIMIT_S, NULL, &error);
	if (error != NULL)
		g_info("end the download: %s", error->message);
	stream->process = 0;
}

static gboolean stream_close(GInputStream *input, GCancellable *cancellable, GError **error)
{
	ContactStream *stream = CONTACT_STREAM(input);

	if (stream->contact == NULL)
		return TRUE;
	end_fetch(stream);
	contact_release_download(stream->contact);
	stream->contact = NULL;
	file_close_fd(&stream->pipe);
	g_clear_pointer(&stream->spool, spool_free);
	return TRUE;
}

static void stream_finalize(GObject *object)
{
	ContactStream *stream = CONTACT_STREAM(object);

	g_free(stream->url);
	g_free(stream->etag);
	G_OBJECT_CLASS(contact_stream_parent_class)->finalize(object);
}

static void contact_stream_class_init(ContactStreamClass *class)
{
	G_OBJECT_CLASS(class)->finalize = stream_finalize;
	G_INPUT_STREAM_CLASS(class)->read_fn = stream_read;
	G_INPUT_STREAM_CLASS(class)->close_fn = stream_close;
}

static void contact_stream_init(ContactStream *stream)
{
	stream->pipe = -1;
}

/* A spool that cannot be had is a reason to stream, not to fail. */
static void try_spool(ContactStream *stream, const ContactDownload *download)
{
	const ContactSettings *settings = contact_settings(stream->contact);
	g_autoptr(GError) error = NULL;

	stream->piped = TRUE;
	if (download->spool_name == NULL || settings->spool_size_max == 0 ||
		download->size_expected > settings->spool_size_max)
		return;
	stream->spool = spool_open(settings->data, download->spool_name, &error);
	if (stream->spool == NULL) {
		g_warning("no spool for the download: %s", error->message);
		return;
	}
	stream->piped = FALSE;
	stream->etag = g_strdup(spool_etag(stream->spool));
	stream->size = spool_size(stream->spool);
}

GInputStream *contact_fetch(Contact *contact, const ContactDownload *download, GError **error)
{
	g_autoptr(ContactStream) stream = NULL;

	if (!contact_take_download(contact, error))
		return NULL;
	stream = g_object_new(CONTACT_TYPE_STREAM, NULL);
	stream->contact = contact;
	stream->url = g_strdup(download->url);
	stream->refresh = download->refresh;
	stream->data = download->data;
	try_spool(stream, download);
	if (stream->size == 0)
		stream->size = download->size_expected;
	stream->confirmed = stream->spool == NULL;
	if (stream->spool == NULL)
		return G_INPUT_STREAM(g_steal_pointer(&stream));
	if (!look_at_spool(stream, error))
		return NULL;
	if (stream->available > 0)
		g_message("%" G_GINT64_FORMAT " bytes of the download are here already",
			stream->available);
	stream->complete = stream->size > 0 && stream->available == stream->size;
	stream->confirmed = stream->complete;
	return G_INPUT_STREAM(g_steal_pointer(&stream));
}

gint64 contact_fetch_size(GInputStream *stream)
{
	return CONTACT_STREAM(stream)->size;
}
