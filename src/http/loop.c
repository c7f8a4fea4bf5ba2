/* SPDX-License-Identifier: Apache-2.0 */
#include "http/loop.h"
#include "base/error.h"
#include "http/connection.h"
#include "http/request.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	N_ACCEPTS_AT_ONCE = 32,
	ACCEPT_PAUSE_MS = 50,
	HANDSHAKE_GRACE_MS = 1000, /* a handshake younger than this is not given up for a new one */
	LINGER_MS = 2000,
	REST_MS = 1000,
	BODY_HALF_WINDOW_MS = 5000,
};

typedef struct {
	HttpRequest *request;
	HttpPosted function;
	gpointer data;
} Post;

void http_loop_count(guint64 *counter, gint64 by)
{
	__atomic_fetch_add(counter, (guint64)by, __ATOMIC_RELAXED);
}

gboolean http_loop_is_draining(const HttpLoop *loop)
{
	return g_atomic_int_get(&loop->shared->is_draining);
}

const char *http_loop_date(HttpLoop *loop)
{
	gint64 now_s = g_get_real_time() / G_USEC_PER_SEC;

	if (now_s != loop->date_s) {
		time_t now = (time_t)now_s;
		struct tm parts;

		gmtime_r(&now, &parts);
		/* The C locale's names, whatever the process's locale is. */
		static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
		static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
			"Aug", "Sep", "Oct", "Nov", "Dec" };

		g_snprintf(loop->date, sizeof loop->date, "%s, %02d %s %04d %02d:%02d:%02d GMT",
			days[parts.tm_wday % 7], parts.tm_mday, months[parts.tm_mon % 12],
			(parts.tm_year + 1900) % 10000, parts.tm_hour, parts.tm_min, parts.tm_sec);
		loop->date_s = now_s;
	}
	return loop->date;
}

/* --- Accepting --- */

static void on_listener(uv_poll_t *poll, int status, int events);

static void on_accept_pause(uv_timer_t *timer)
{
	HttpLoop *loop = timer->data;

	if (loop->listener_fd >= 0)
		uv_poll_start(&loop->listener, UV_READABLE, on_listener);
}

static void pause_accepting(HttpLoop *loop)
{
	uv_poll_stop(&loop->listener);
	uv_timer_start(&loop->accept_pause, on_accept_pause, ACCEPT_PAUSE_MS, 0);
}

/* Room for one more handshake, made where need be by giving up the one that has stalled longest. */
static gboolean has_room_for_handshake(HttpLoop *loop)
{
	const HttpServerSettings *settings = &loop->shared->settings;

	if (loop->n_handshakes < settings->n_handshakes_max)
		return TRUE;
	HttpDeadline *oldest = http_deadlines_oldest(&loop->deadlines, HTTP_DEADLINE_HANDSHAKE);
	guint64 began_ms =
		oldest == NULL
			? G_MAXUINT64
			: oldest->at_ms - loop->deadlines.timeouts_ms[HTTP_DEADLINE_HANDSHAKE];

	if (oldest == NULL || began_ms + HANDSHAKE_GRACE_MS > uv_now(&loop->uv))
		return FALSE;
	http_deadline_clear(oldest);
	http_connection_deadline_passed(oldest, HTTP_DEADLINE_HANDSHAKE);
	return TRUE;
}

/* Beyond the maximum a few more are let in to be told so; beyond those the door is shut. */
static void admit(HttpLoop *loop, int fd, const struct sockaddr *peer)
{
	gsize n_open = (gsize)g_atomic_int_get(&loop->shared->n_connections);
	gsize n_max = loop->shared->settings.n_connections_max;
	gboolean is_shed = n_open >= n_max;

	if (is_shed)
		http_loop_count(&loop->counts.n_shed, 1);
	if (n_open >= n_max + n_max / 64 + 16) {
		close(fd);
		return;
	}
	http_loop_count(&loop->counts.n_accepted, 1);
	http_connection_open(loop, fd, peer, is_shed);
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
	HttpLoop *loop = poll->data;

	for (guint i = 0; i < N_ACCEPTS_AT_ONCE; i++) {
		struct sockaddr_storage peer = { 0 };
		socklen_t peer_size = sizeof peer;

		if (!has_room_for_handshake(loop)) {
			pause_accepting(loop);
			return;
		}
		int fd = accept4(loop->listener_fd, (struct sockaddr *)&peer, &peer_size,
			SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
				      errno == ENOBUFS)) {
			g_warning("accept: %s", g_strerror(errno));
			pause_accepting(loop);
			return;
		}
		if (fd < 0)
			return;
		admit(loop, fd, (const struct sockaddr *)&peer);
	}
}

static void close_listener(HttpLoop *loop)
{
	if (loop->listener_fd < 0)
		return;
	uv_timer_stop(&loop->accept_pause);
	uv_poll_stop(&loop->listener);
	close(loop->listener_fd);
	loop->listener_fd = -1;
}

/* --- Connections to look at again --- */

static void on_again(uv_idle_t *idle)
{
	HttpLoop *loop = idle->data;
	HttpConnection *connection = g_steal_pointer(&loop->again);

	uv_idle_stop(idle);
	while (connection != NULL) {
		HttpConnection *next = g_steal_pointer(&connection->next_again);

		connection->is_again = FALSE;
		http_connection_run(connection);
		connection = next;
	}
}

void http_loop_again(HttpLoop *loop, HttpConnection *connection)
{
	if (connection->is_again)
		return;
	connection->is_again = TRUE;
	connection->next_again = loop->again;
	loop->again = connection;
	uv_idle_start(&loop->again_idle, on_again);
}

/* --- What other threads say --- */

static void run_posts(HttpLoop *loop, GArray *posts)
{
	for (guint i = 0; i < posts->len; i++) {
		const Post *post = &g_array_index(posts, Post, i);

		http_request_run_post(post->request, post->function, post->data);
	}
	g_array_unref(posts);
}

static void close_handle(uv_handle_t *handle, void *data)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void close_everything(HttpLoop *loop)
{
	close_listener(loop);
	while (loop->connections != NULL)
		http_connection_close(loop->connections);
	uv_walk(&loop->uv, close_handle, NULL);
}

static void on_wake(uv_async_t *async)
{
	HttpLoop *loop = async->data;
	GArray *posts = NULL;

	uv_mutex_lock(&loop->mutex);
	if (loop->posts->len > 0) {
		posts = loop->posts;
		loop->posts = g_array_new(FALSE, FALSE, sizeof(Post));
	}
	gboolean stop = loop->stop;
	uv_mutex_unlock(&loop->mutex);

	if (posts != NULL)
		run_posts(loop, posts);
	if (stop) {
		close_everything(loop);
		return;
	}
	if (http_loop_is_draining(loop) && loop->listener_fd >= 0) {
		close_listener(loop);
		for (HttpConnection *connection = loop->connections; connection != NULL;) {
			HttpConnection *next = connection->next;

			http_connection_drain(connection);
			connection = next;
		}
	}
}

void http_loop_wake(HttpLoop *loop)
{
	uv_mutex_lock(&loop->mutex);
	if (!loop->has_ended)
		uv_async_send(&loop->wake);
	uv_mutex_unlock(&loop->mutex);
}

void http_loop_stop(HttpLoop *loop)
{
	uv_mutex_lock(&loop->mutex);
	loop->stop = TRUE;
	if (!loop->has_ended)
		uv_async_send(&loop->wake);
	uv_mutex_unlock(&loop->mutex);
}

void http_loop_post(HttpLoop *loop, HttpRequest *request, HttpPosted function, gpointer data)
{
	Post post = { .request = request, .function = function, .data = data };

	uv_mutex_lock(&loop->mutex);
	gboolean has_ended = loop->has_ended;
	if (!has_ended) {
		g_array_append_val(loop->posts, post);
		if (loop->posts->len == 1)
			uv_async_send(&loop->wake);
	}
	uv_mutex_unlock(&loop->mutex);
	/* The thread is gone and the request with it; what was posted learns that here. */
	if (has_ended)
		http_request_run_post(request, function, data);
}

/* --- Life --- */

static gpointer run(gpointer data)
{
	HttpLoop *loop = data;

	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_mutex_lock(&loop->mutex);
	loop->has_ended = TRUE;
	GArray *posts = loop->posts;
	loop->posts = g_array_new(FALSE, FALSE, sizeof(Post));
	uv_mutex_unlock(&loop->mutex);
	run_posts(loop, posts);
	return NULL;
}

static void set_timeouts(HttpLoop *loop)
{
	const HttpServerSettings *settings = &loop->shared->settings;
	guint *timeouts_ms = loop->deadlines.timeouts_ms;

	timeouts_ms[HTTP_DEADLINE_HANDSHAKE] = settings->handshake_timeout_s * 1000;
	timeouts_ms[HTTP_DEADLINE_HEAD] = settings->head_timeout_s * 1000;
	timeouts_ms[HTTP_DEADLINE_REST] = REST_MS;
	timeouts_ms[HTTP_DEADLINE_IDLE] = settings->idle_timeout_s * 1000;
	timeouts_ms[HTTP_DEADLINE_BODY] = BODY_HALF_WINDOW_MS;
	timeouts_ms[HTTP_DEADLINE_WRITE] = settings->write_timeout_s * 1000;
	timeouts_ms[HTTP_DEADLINE_LINGER] = LINGER_MS;
}

HttpLoop *http_loop_new(HttpShared *shared, guint index, int listener_fd, GError **error)
{
	HttpLoop *loop = g_new0(HttpLoop, 1);
	int result = uv_loop_init(&loop->uv);

	if (result != 0) {
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_IO, "event loop: %s", uv_strerror(result));
		close(listener_fd);
		g_free(loop);
		return NULL;
	}
	loop->shared = shared;
	loop->index = index;
	loop->listener_fd = listener_fd;
	loop->output = g_string_sized_new(2 * HTTP_OUTPUT_SIZE);
	loop->posts = g_array_new(FALSE, FALSE, sizeof(Post));
	uv_mutex_init(&loop->mutex);
	http_deadlines_init(&loop->deadlines, &loop->uv, http_connection_deadline_passed);
	set_timeouts(loop);
	uv_timer_init(&loop->uv, &loop->accept_pause);
	uv_idle_init(&loop->uv, &loop->again_idle);
	uv_async_init(&loop->uv, &loop->wake, on_wake);
	uv_poll_init(&loop->uv, &loop->listener, listener_fd);
	loop->accept_pause.data = loop->again_idle.data = loop->wake.data = loop->listener.data =
		loop;
	uv_poll_start(&loop->listener, UV_READABLE, on_listener);
	return loop;
}

void http_loop_start(HttpLoop *loop)
{
	char name[16];

	g_snprintf(name, sizeof name, "http-%u", loop->index);
	loop->thread = g_thread_new(name, run, loop);
}

void http_loop_free(HttpLoop *loop)
{
	if (loop->thread != NULL) {
		g_thread_join(loop->thread);
	} else {
		close_everything(loop);
		uv_run(&loop->uv, UV_RUN_DEFAULT);
	}
	uv_loop_close(&loop->uv);
	http_request_free_spares(loop);
	g_array_unref(loop->posts);
	uv_mutex_destroy(&loop->mutex);
	g_string_free(loop->output, TRUE);
	g_free(loop);
}
