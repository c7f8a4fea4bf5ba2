/* SPDX-License-Identifier: Apache-2.0 */
/* The engine with the smallest application that shows all it does, for tests/system/test_http.py
 * and tests/bench/poll.py:
 *
 *   http-test-server [--OPTION NUMBER]... CERTIFICATE KEY [CLIENT_CA]     prints its port
 *
 *   GET /, /2        200 "ok" at once            GET /nothing    204 at once
 *   GET /later       200 from another thread     GET /big        200, as long as the query says
 *   GET /file        200, the file the query names
 *   GET /client      200, what the client's certificate says; 403 without a good one
 *   POST /echo       200, the body               POST /          200, the length of the body
 *   POST /slowly     as /, pausing after each piece
 *   POST /refused    413 before the body is read
 */
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/log.h"
#include "http/server.h"

enum { BODY_MAX = 1 << 20, BIG_MAX = 64 << 20, LATER_US = 20000, PAUSE_US = 1000 };

typedef struct {
	guint64 n_bytes;
	Buffer body;
	gboolean keeps, pauses;
} Visit;

static void answer_text(HttpRequest *request, guint status, const char *text)
{
	g_autoptr(GBytes) body = g_bytes_new(text, strlen(text));

	http_request_answer(request, status, "text/plain", body);
}

/* --- Bodies --- */

static void resume(HttpRequest *request, gboolean gone, gpointer data)
{
	if (!gone)
		http_request_resume(request);
}

static gpointer resume_soon(gpointer data)
{
	g_usleep(PAUSE_US);
	http_request_post(data, resume, NULL);
	return NULL;
}

static gboolean take_data(HttpRequest *request, const guint8 *data, gsize size, gpointer sink)
{
	Visit *visit = sink;

	visit->n_bytes += size;
	if (visit->keeps && !buffer_append(&visit->body, data, size, NULL)) {
		answer_text(request, 413, "too large");
		return FALSE;
	}
	if (visit->pauses) {
		http_request_pause(request);
		http_request_hold(request);
		g_thread_unref(g_thread_new("resume", resume_soon, request));
	}
	return TRUE;
}

static void take_end(HttpRequest *request, gpointer sink)
{
	Visit *visit = sink;
	g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, visit->n_bytes);

	if (visit->keeps) {
		g_autoptr(GBytes) body = buffer_steal(&visit->body);

		http_request_answer(request, 200, "application/octet-stream", body);
		return;
	}
	answer_text(request, 200, text);
}

static void read_body(HttpRequest *request, gboolean keeps, gboolean pauses)
{
	static const HttpBodySink sink = { .data = take_data, .end = take_end };
	Visit *visit = g_new0(Visit, 1);

	buffer_init(&visit->body, "the body", BODY_MAX);
	visit->keeps = keeps;
	visit->pauses = pauses;
	http_request_set_data(request, visit);
	http_request_read_body(request, &sink, visit);
}

static void count_body(HttpRequest *request)
{
	read_body(request, FALSE, FALSE);
}

static void echo(HttpRequest *request)
{
	read_body(request, TRUE, FALSE);
}

static void count_slowly(HttpRequest *request)
{
	read_body(request, FALSE, TRUE);
}

static void refuse_body(HttpRequest *request)
{
	answer_text(request, 413, "too large");
}

/* --- Answers --- */

static void answer_ok(HttpRequest *request)
{
	answer_text(request, 200, "ok");
}

static void answer_nothing(HttpRequest *request)
{
	http_request_answer(request, 204, NULL, NULL);
}

static void answer_posted(HttpRequest *request, gboolean gone, gpointer data)
{
	if (!gone)
		answer_text(request, 200, "later");
}

static gpointer think(gpointer data)
{
	g_usleep(LATER_US);
	http_request_post(data, answer_posted, NULL);
	return NULL;
}

static void answer_later(HttpRequest *request)
{
	http_request_hold(request);
	g_thread_unref(g_thread_new("think", think, request));
}

static void answer_big(HttpRequest *request)
{
	const char *query = http_request_query(request);
	gsize size = MIN(query == NULL ? 0 : g_ascii_strtoull(query, NULL, 10), BIG_MAX);
	char *data = g_malloc(size + 1);

	for (gsize i = 0; i < size; i++)
		data[i] = (char)('a' + i % 26);
	g_autoptr(GBytes) body = g_bytes_new_take(data, size);
	http_request_answer(request, 200, "text/plain", body);
}

static void answer_file(HttpRequest *request)
{
	const char *path = http_request_query(request);
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	struct stat about;

	if (fd < 0 || fstat(fd, &about) != 0) {
		answer_text(request, 404, "no such file");
		return;
	}
	http_request_answer_file(
		request, 200, "application/octet-stream", fd, 0, (guint64)about.st_size);
}

static void answer_client(HttpRequest *request)
{
	const char *digest = http_request_client_certificate(request);
	const char *name = http_request_client_name(request);
	g_autofree char *text = g_strdup_printf("%s %s", digest, name == NULL ? "" : name);

	answer_text(request, digest == NULL ? 403 : 200, digest == NULL ? "unknown" : text);
}

static const struct {
	HttpMethod method;
	const char *path;
	void (*answer)(HttpRequest *request);
} routes[] = {
	{ HTTP_GET, "/", answer_ok },
	{ HTTP_GET, "/2", answer_ok },
	{ HTTP_GET, "/nothing", answer_nothing },
	{ HTTP_GET, "/later", answer_later },
	{ HTTP_GET, "/big", answer_big },
	{ HTTP_GET, "/file", answer_file },
	{ HTTP_GET, "/client", answer_client },
	{ HTTP_POST, "/", count_body },
	{ HTTP_POST, "/echo", echo },
	{ HTTP_POST, "/slowly", count_slowly },
	{ HTTP_POST, "/refused", refuse_body },
};

static void on_head(HttpRequest *request, gpointer app)
{
	HttpMethod method = http_request_method(request);

	if (method == HTTP_HEAD)
		method = HTTP_GET;
	for (gsize i = 0; i < G_N_ELEMENTS(routes); i++) {
		if (routes[i].method == method &&
			strcmp(routes[i].path, http_request_path(request)) == 0) {
			routes[i].answer(request);
			return;
		}
	}
	answer_text(request, 404, "no such path");
}

static void on_gone(HttpRequest *request, gpointer app)
{
	Visit *visit = http_request_data(request);

	if (visit != NULL)
		buffer_clear(&visit->body);
	g_free(visit);
}

/* --- The program --- */

typedef struct {
	HttpServer *server;
	GMainLoop *loop;
} Program;

static gboolean on_term(gpointer data)
{
	Program *program = data;

	http_server_drain(program->server);
	g_main_loop_quit(program->loop);
	return G_SOURCE_REMOVE;
}

static gboolean on_hup(gpointer data)
{
	Program *program = data;
	g_autoptr(GError) error = NULL;

	if (!http_server_reload(program->server, &error))
		g_warning("reload: %s", error->message);
	return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
	int n_loops = 1, head_s = 10, handshake_s = 10, idle_s = 75, write_s = 30, rate = 1024;
	int n_connections = 18000, n_handshakes = 256, drain_s = 5, port = 0;
	GOptionEntry options[] = {
		{ "loops", 0, 0, G_OPTION_ARG_INT, &n_loops, "event loops", "N" },
		{ "head", 0, 0, G_OPTION_ARG_INT, &head_s, "head deadline", "S" },
		{ "handshake", 0, 0, G_OPTION_ARG_INT, &handshake_s, "handshake deadline", "S" },
		{ "idle", 0, 0, G_OPTION_ARG_INT, &idle_s, "idle deadline", "S" },
		{ "write", 0, 0, G_OPTION_ARG_INT, &write_s, "write deadline", "S" },
		{ "rate", 0, 0, G_OPTION_ARG_INT, &rate, "least rate of a body", "BYTES" },
		{ "connections", 0, 0, G_OPTION_ARG_INT, &n_connections, "most connections", "N" },
		{ "handshakes", 0, 0, G_OPTION_ARG_INT, &n_handshakes, "most handshakes", "N" },
		{ "drain", 0, 0, G_OPTION_ARG_INT, &drain_s, "drain deadline", "S" },
		{ "port", 0, 0, G_OPTION_ARG_INT, &port, "port, 0 for any", "PORT" },
		{ NULL },
	};
	g_autoptr(GError) error = NULL;
	g_autoptr(GOptionContext) context = g_option_context_new("CERTIFICATE KEY [CLIENT_CA]");
	g_autoptr(GSocketAddress) address = NULL;
	g_autoptr(HttpServer) server = NULL;
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
	HttpApplication application = { .head = on_head, .gone = on_gone };
	HttpServerSettings settings;

	g_option_context_add_main_entries(context, options, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		fprintf(stderr, "%s\n", error->message);
		return 2;
	}
	address = g_inet_socket_address_new_from_string("127.0.0.1", (guint)port);
	http_server_settings_set_defaults(&settings);
	settings.address = address;
	settings.n_loops = (guint)n_loops;
	settings.certificate_path = argc > 1 ? argv[1] : NULL;
	settings.key_path = argc > 2 ? argv[2] : NULL;
	settings.client_ca_path = argc > 3 ? argv[3] : NULL;
	settings.head_timeout_s = (guint)head_s;
	settings.handshake_timeout_s = (guint)handshake_s;
	settings.idle_timeout_s = (guint)idle_s;
	settings.write_timeout_s = (guint)write_s;
	settings.body_rate_min = (guint)rate;
	settings.n_connections_max = (gsize)n_connections;
	settings.n_handshakes_max = (guint)n_handshakes;
	settings.drain_timeout_s = (guint)drain_s;
	server = http_server_start(&settings, &application, &error);
	if (server == NULL) {
		fprintf(stderr, "%s\n", error->message);
		return 1;
	}
	printf("%u\n", http_server_port(server));
	fflush(stdout);

	Program program = { .server = server, .loop = loop };
	g_unix_signal_add(SIGTERM, on_term, &program);
	g_unix_signal_add(SIGHUP, on_hup, &program);
	g_main_loop_run(loop);
	return 0;
}
