/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"
#include "base/error.h"
#include "http/loop.h"
#include "http/request.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 4096,
	N_LOOPS_MAX = 64,
	N_FILES_KEPT_FREE = 512, /* for the database, files and what else is not a connection */
	DRAIN_LOOK_US = 10000,
};

struct HttpServer {
	HttpShared shared;
	GPtrArray *loops; /* HttpLoop */
	guint16 port;
};

void http_server_settings_set_defaults(HttpServerSettings *settings)
{
	*settings = (HttpServerSettings){
		.head_timeout_s = 10,
		.handshake_timeout_s = 10,
		.idle_timeout_s = 75,
		.body_rate_min = 1024,
		.write_timeout_s = 30,
		.n_connections_max = 18000,
		.n_handshakes_max = 256,
		.drain_timeout_s = 5,
	};
}

/* --- Listening --- */

static gboolean set_options(int fd, int family)
{
	int on = 1, off = 0;

	if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0)
		return FALSE;
	/* What is accepted inherits TCP_NODELAY: small answers must not wait for an
	 * acknowledgement. */
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	       setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

static gboolean share_port(int fd)
{
	int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
}

/* The first socket of a server is bound before it agrees to share its port: a port that another
 * server holds, even another Rota, is refused rather than shared with it request by request. */
static gboolean bind_socket(
	int fd, const struct sockaddr_storage *address, socklen_t size, gboolean is_first)
{
	const struct sockaddr *plain = (const struct sockaddr *)address;

	if (is_first)
		return bind(fd, plain, size) == 0 && share_port(fd);
	return share_port(fd) && bind(fd, plain, size) == 0;
}

static guint16 port_of(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof address;

	if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		return 0;
	return g_ntohs(address.ss_family == AF_INET6
			       ? ((const struct sockaddr_in6 *)(const void *)&address)->sin6_port
			       : ((const struct sockaddr_in *)(const void *)&address)->sin_port);
}

/* The first socket may get its port from the system; the others then ask for that one. */
static void set_port(struct sockaddr_storage *address, guint16 port)
{
	if (address->ss_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)address)->sin6_port = g_htons(port);
	else
		((struct sockaddr_in *)(void *)address)->sin_port = g_htons(port);
}

static int listen_on(
	const struct sockaddr_storage *address, socklen_t size, gboolean is_first, GError **error)
{
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		rota_set_errno_error(error, errno, "socket");
		return -1;
	}
	if (!set_options(fd, address->ss_family) || !bind_socket(fd, address, size, is_first) ||
		listen(fd, BACKLOG) != 0) {
		rota_set_errno_error(error, errno, "listen");
		close(fd);
		return -1;
	}
	return fd;
}

/* --- Starting --- */

static void cap_connections(HttpServerSettings *settings)
{
	struct rlimit limit;
	gsize n_files;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	/* What the system allows, where it was not given already. */
	if (limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
			return;
	}
	n_files = (gsize)limit.rlim_cur;
	if (n_files > N_FILES_KEPT_FREE * 2 &&
		settings->n_connections_max > n_files - N_FILES_KEPT_FREE)
		settings->n_connections_max = n_files - N_FILES_KEPT_FREE;
}

static gboolean load_tls(HttpServer *server, const HttpServerSettings *settings, GError **error)
{
	if (settings->certificate_path == NULL)
		return TRUE;
	server->shared.tls = http_tls_new(
		settings->certificate_path, settings->key_path, settings->client_ca_path, error);
	return server->shared.tls != NULL;
}

static gboolean make_loops(HttpServer *server, GSocketAddress *address, GError **error)
{
	guint n_loops = server->shared.settings.n_loops;
	struct sockaddr_storage native = { 0 };
	gssize size = g_socket_address_get_native_size(address);

	if (size < 0 || (gsize)size > sizeof native ||
		!g_socket_address_to_native(address, &native, sizeof native, error))
		return FALSE;
	/* The cores this process may use, not all there are. */
	if (n_loops == 0)
		n_loops = uv_available_parallelism();
	for (guint i = 0; i < MIN(n_loops, N_LOOPS_MAX); i++) {
		int fd = listen_on(&native, (socklen_t)size, i == 0, error);

		if (fd < 0)
			return FALSE;
		if (i == 0) {
			server->port = port_of(fd);
			set_port(&native, server->port);
		}
		HttpLoop *loop = http_loop_new(&server->shared, i, fd, error);
		if (loop == NULL)
			return FALSE;
		g_ptr_array_add(server->loops, loop);
	}
	return TRUE;
}

HttpServer *http_server_start(
	const HttpServerSettings *settings, const HttpApplication *application, GError **error)
{
	g_autoptr(HttpServer) server = g_new0(HttpServer, 1);

	server->loops = g_ptr_array_new();
	server->shared.settings = *settings;
	server->shared.application = *application;
	cap_connections(&server->shared.settings);
	if (!load_tls(server, settings, error) || !make_loops(server, settings->address, error))
		return NULL;
	/* A client that goes away while it is written to is an error of that write, no signal. */
	signal(SIGPIPE, SIG_IGN);
	for (guint i = 0; i < server->loops->len; i++)
		http_loop_start(g_ptr_array_index(server->loops, i));
	return g_steal_pointer(&server);
}

guint16 http_server_port(const HttpServer *server)
{
	return server->port;
}

gboolean http_server_reload(HttpServer *server, GError **error)
{
	return server->shared.tls == NULL || http_tls_reload(server->shared.tls, error);
}

/* --- Ending --- */

void http_server_drain(HttpServer *server)
{
	gint64 until = g_get_monotonic_time() +
		       (gint64)server->shared.settings.drain_timeout_s * G_USEC_PER_SEC;

	g_atomic_int_set(&server->shared.is_draining, TRUE);
	for (guint i = 0; i < server->loops->len; i++)
		http_loop_wake(g_ptr_array_index(server->loops, i));
	while (g_atomic_int_get(&server->shared.n_connections) > 0 &&
		g_get_monotonic_time() < until)
		g_usleep(DRAIN_LOOK_US);
	for (guint i = 0; i < server->loops->len; i++)
		http_loop_stop(g_ptr_array_index(server->loops, i));
}

void http_server_free(HttpServer *server)
{
	if (server == NULL)
		return;
	for (guint i = 0; i < server->loops->len; i++)
		http_loop_stop(g_ptr_array_index(server->loops, i));
	for (guint i = 0; i < server->loops->len; i++)
		http_loop_free(g_ptr_array_index(server->loops, i));
	g_ptr_array_unref(server->loops);
	http_tls_free(server->shared.tls);
	g_free(server);
}

/* --- Counts --- */

static guint64 get(const guint64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void http_server_counts(const HttpServer *server, HttpServerCounts *ret_counts)
{
	*ret_counts = (HttpServerCounts){ 0 };
	for (guint i = 0; i < server->loops->len; i++) {
		const HttpLoop *loop = g_ptr_array_index(server->loops, i);

		ret_counts->n_accepted += get(&loop->counts.n_accepted);
		ret_counts->n_requests += get(&loop->counts.n_requests);
		ret_counts->n_refused_heads += get(&loop->counts.n_refused_heads);
		ret_counts->n_timeouts += get(&loop->counts.n_timeouts);
		ret_counts->n_shed += get(&loop->counts.n_shed);
		ret_counts->n_open += get(&loop->counts.n_open);
	}
}
