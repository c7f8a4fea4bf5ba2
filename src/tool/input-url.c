/* SPDX-License-Identifier: Apache-2.0 */
/* The download runs in the reader's own thread, whenever the reader wants bytes and there are none:
 *
 *     server -> libcurl -> Download -> pipe -> read()
 *
 * The kernel's buffers, that of the connection and that of the pipe, keep the server busy while the
 * reader unpacks and hashes. */
#include "tool/input-url.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"
#include "http/download.h"

enum { PIPE_SIZE = 1024 * 1024 };

#define INPUT_TYPE_URL (input_url_get_type())
G_DECLARE_FINAL_TYPE(InputUrl, input_url, INPUT, URL, GInputStream)

struct _InputUrl {
	GInputStream parent;
	char *url;
	HttpProxies proxies;
	HttpClient *client;
	Download *download;
	int pipe[2];
	gboolean renewed; /* a spent link was asked for anew, once */
};

G_DEFINE_FINAL_TYPE(InputUrl, input_url, G_TYPE_INPUT_STREAM)

static void input_url_init(InputUrl *self)
{
	self->pipe[0] = self->pipe[1] = -1;
}

static void input_url_finalize(GObject *object)
{
	InputUrl *self = INPUT_URL(object);

	g_clear_pointer(&self->download, download_free);
	g_clear_pointer(&self->client, http_client_free);
	http_proxies_clear(&self->proxies);
	file_close_fd(&self->pipe[0]);
	file_close_fd(&self->pipe[1]);
	g_free(self->url);
	G_OBJECT_CLASS(input_url_parent_class)->finalize(object);
}

/* A link that a redirection led to is for a short time, as those of object stores are: behind the
 * first address there is a fresh one. */
static gboolean meet_spent_link(InputUrl *self, GError **error)
{
	if (self->renewed || download_written(self->download) == 0) {
		g_propagate_error(error, g_error_copy(download_error(self->download)));
		return FALSE;
	}
	self->renewed = TRUE;
	return download_renew(self->download, self->url, error);
}

/* One turn; FALSE with @error where nothing more will come, though more should. */
static gboolean work(InputUrl *self, GError **error)
{
	switch (download_state(self->download)) {
	case DOWNLOAD_RUNNING:
		return http_client_run(self->client, self->pipe[0],
			g_get_monotonic_time() + G_USEC_PER_SEC, error);
	case DOWNLOAD_EXPIRED:
		return meet_spent_link(self, error);
	case DOWNLOAD_FAILED:
		g_propagate_error(error, g_error_copy(download_error(self->download)));
		return FALSE;
	case DOWNLOAD_COMPLETE:
	default:
		return TRUE;
	}
}

static gssize input_url_read(
	GInputStream *stream, void *buffer, gsize size, GCancellable *cancellable, GError **error)
{
	InputUrl *self = INPUT_URL(stream);

	for (;;) {
		gboolean complete = download_state(self->download) == DOWNLOAD_COMPLETE;
		ssize_t got = TEMP_FAILURE_RETRY(read(self->pipe[0], buffer, size));

		if (got > 0)
			return got;
		if (got == 0 || errno != EAGAIN) {
			rota_set_errno_error(error, got == 0 ? EPIPE : errno, "read the download");
			return -1;
		}
		if (complete)
			return 0;
		if (g_cancellable_set_error_if_cancelled(cancellable, error) || !work(self, error))
			return -1;
	}
}

static void input_url_class_init(InputUrlClass *class)
{
	G_OBJECT_CLASS(class)->finalize = input_url_finalize;
	G_INPUT_STREAM_CLASS(class)->read_fn = input_url_read;
}

/* --- opening --- */

gboolean input_is_url(const char *path)
{
	return g_str_has_prefix(path, "https://") || g_str_has_prefix(path, "http://");
}

static gboolean read_authorities(const char *path, char **ret_pem, GError **error)
{
	*ret_pem = NULL;
	if (!path)
		return TRUE;
	g_autoptr(GBytes) bytes = file_read(path, INPUT_URL_AUTHORITIES_MAX, error);
	if (!bytes)
		return FALSE;
	gsize size;
	const char *data = g_bytes_get_data(bytes, &size);
	*ret_pem = g_strndup(data ? data : "", size);
	return TRUE;
}

static gboolean open_client(InputUrl *self, const InputUrlOptions *options, GError **error)
{
	g_auto(GStrv) environment = g_get_environ();
	g_autofree char *authorities = NULL;
	HttpClientOptions client = {
		.proxies = &self->proxies,
		.user_agent = "rota-artifact",
		.idle_limit_s = options->idle_limit_s,
		.session_fd = -1,
	};

	if (!http_proxies_read((const char *const *)environment, &self->proxies, error) ||
		!read_authorities(options->ca_file, &authorities, error))
		return FALSE;
	client.authorities = authorities;
	self->client = http_client_new(&client, error);
	return self->client != NULL;
}

static gboolean open_pipe(InputUrl *self, GError **error)
{
	if (pipe2(self->pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
		rota_set_errno_error(error, errno, "make a pipe");
		return FALSE;
	}
	/* A smaller one does as well, with more turns. */
	if (fcntl(self->pipe[1], F_SETPIPE_SZ, PIPE_SIZE) < 0)
		g_debug("the pipe stays small: %s", g_strerror(errno));
	return TRUE;
}

static gboolean begin(InputUrl *self, const InputUrlOptions *options, GError **error)
{
	DownloadOptions download = {
		.url = self->url,
		.fd = self->pipe[1],
		.is_pipe = TRUE,
		.size_max = (gint64)MIN(options->size_max, (guint64)G_MAXINT64),
		.tries = INPUT_URL_TRIES,
		.interval_s = INPUT_URL_PAUSE_S,
		.at_once = TRUE,
		.redirects = INPUT_URL_REDIRECTS_MAX,
	};

	self->download = download_new(self->client, &download, error);
	return self->download != NULL;
}

GInputStream *input_url_open(const char *url, const InputUrlOptions *options, GError **error)
{
	g_autoptr(InputUrl) self = g_object_new(INPUT_TYPE_URL, NULL);

	self->url = g_strdup(url);
	if (!open_client(self, options, error) || !open_pipe(self, error) ||
		!begin(self, options, error))
		return NULL;
	while (download_written(self->download) == 0 &&
		download_state(self->download) != DOWNLOAD_COMPLETE)
		if (!work(self, error))
			return NULL;
	return G_INPUT_STREAM(g_steal_pointer(&self));
}
