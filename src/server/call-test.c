/* SPDX-License-Identifier: Apache-2.0 */
/* The generic layer with routes of the test's own, behind the real HTTP engine (without TLS) and on
 * a real store.
 *
 * Cases:
 *  - chain: a call goes loop, reader, worker, writer, loop; what was set on the way is answered
 *  - undone: a handler that fails leaves nothing in the store
 *  - refusal: a refused call that succeeded keeps what it wrote
 *  - body: the raw body, its JSON, its table; too large, missing, of another kind
 *  - stream: a body of 8 MiB is read slower than it comes, whole and in order
 *  - stream-steady: a reader just as fast as its client, never done with what is there, costs no
 *    memory
 *  - stream-cut: a client that goes away is an error of the stream, and the call still ends
 *  - file: a part of a file, and no body for HEAD
 *  - owned: what a call owns goes with it, last first
 *  - pages: links and totals
 *  - rewound: what a handler said of the answer is void when the store undid it
 *  - again: a handler that the store runs a second time answers with the second run alone
 *  - lost: clients that leave before their answer harm nobody */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "server/app-run.h"
#include "server/call-private.h"
#include "server/counters.h"
#include "server/database-engine.h"
#include "server/layer.h"

/* --- Handlers --- */

static gboolean chain_last(Call *call, GError **error)
{
	g_assert_null(call_transaction(call));
	call_set_status(call, 201);
	return TRUE;
}

static gboolean chain_write(Call *call, GError **error)
{
	gint64 number;

	g_assert_nonnull(call_transaction(call));
	if (!counter_next(call_transaction(call), "", "chain", &number, error))
		return FALSE;
	call_set_header(call, "X-Writer", "yes");
	return call_continue(call, RUN_LOOP, chain_last);
}

static gboolean chain_work(Call *call, GError **error)
{
	g_assert_null(call_transaction(call));
	g_assert_cmpstr(call_data(call), ==, "from the reader");
	call_set_header(call, "X-Worker", "yes");
	return call_continue(call, RUN_WRITE, chain_write);
}

static gboolean chain_read(Call *call, GError **error)
{
	g_assert_nonnull(call_transaction(call));
	call_set_data(call, g_strdup("from the reader"), g_free);
	return call_continue(call, RUN_WORKER, chain_work);
}

static gboolean chain(Call *call, GError **error)
{
	g_assert_null(call_transaction(call));
	call_set_json(call, json_pack("{s:s}", "id", call_parameter(call, "id")));
	return call_continue(call, RUN_READ, chain_read);
}

static gboolean count_and(Call *call, GError **error)
{
	const char *end = call_query(call, "end");
	gint64 number;

	if (!counter_next(call_transaction(call), "", "count", &number, error))
		return FALSE;
	call_set_json(call, json_integer(number));
	if (g_strcmp0(end, "refuse") == 0)
		call_set_refusal(call, ROTA_ERROR_UNAUTHORIZED, "on purpose");
	if (g_strcmp0(end, "fail") != 0)
		return TRUE;
	call_set_error_detail(call, "number", json_integer(number));
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "on purpose");
	return FALSE;
}

static gint n_runs; /* of run_twice() */

/* What PostgreSQL says of a job that lost against another one. */
static gboolean lose(Transaction *transaction, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(
		transaction, error, QUERY_COUNTER_NEXT, DB_TEXT, "", DB_TEXT, "lost", DB_END);

	g_assert_nonnull(rows);
	rows->connection->failure = FAILURE_RETRY;
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "lost");
	return FALSE;
}

static gboolean run_twice(Call *call, GError **error)
{
	gint64 number;

	if (!counter_next(call_transaction(call), "", "twice", &number, error))
		return FALSE;
	if (g_atomic_int_add(&n_runs, 1) > 0) {
		call_set_json(call, json_integer(number));
		return TRUE;
	}
	call_set_status(call, 201);
	call_set_header(call, "X-First-Run", "yes");
	call_set_refusal(call, ROTA_ERROR_CONFLICT, "by the first run");
	return lose(call_transaction(call), error);
}

typedef struct {
	char *name;
	gint64 number;
} Body;
static const JsonField body_fields[] = {
	JSON_FIELD(Body, name, JSON_TEXT, REQUIRED),
	JSON_FIELD(Body, number, JSON_NUMBER, OPTIONAL),
	{ 0 },
};
static const JsonRecord body_record = { sizeof(Body), body_fields };

static gboolean echo(Call *call, GError **error)
{
	const Body *body = call_body(call);
	json_t *value = call_body_json(call, error);

	g_assert_nonnull(value);
	g_assert_true(value == call_body_json(call, error));
	call_set_json(call,
		json_pack("{s:s, s:I, s:i}", "name", body->name, "number", (json_int_t)body->number,
			"size", (int)g_bytes_get_size(call_body_bytes(call))));
	return TRUE;
}

static gint n_broken; /* streams that were cut */

static gboolean stream(Call *call, GError **error)
{
	g_autoptr(Sha256) sum = sha256_new();
	g_autofree guint8 *piece = g_malloc(100000);
	g_autofree char *hex = NULL;
	gssize size;

	while ((size = g_input_stream_read(call_body_stream(call), piece, 100000, NULL, error)) >
		0) {
		sha256_update(sum, piece, (gsize)size);
		g_usleep(2000);
	}
	if (size < 0) {
		g_atomic_int_inc(&n_broken);
		return FALSE;
	}
	hex = sha256_finish_hex(sum);
	call_set_text(call, "text/plain", hex);
	return TRUE;
}

enum { STEADY_PIECE = 64 * 1024 };
static gint n_pieces; /* that were read */

/* Reads a piece a millisecond, and says so. */
static gboolean steady(Call *call, GError **error)
{
	g_autofree guint8 *piece = g_malloc(STEADY_PIECE);
	gsize size = STEADY_PIECE;

	while (size == STEADY_PIECE) {
		if (!g_input_stream_read_all(
			    call_body_stream(call), piece, STEADY_PIECE, &size, NULL, error))
			return FALSE;
		g_atomic_int_inc(&n_pieces);
		g_usleep(1000);
	}
	return TRUE;
}

static gboolean send_file(Call *call, GError **error)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	call_set_status(call, 206);
	call_set_file(call, "application/octet-stream", fd, 1, 3);
	return TRUE;
}

static GString *freed; /* words of what was freed, in order */

static void note_freed(gpointer word)
{
	g_string_append(freed, word);
	g_free(word);
}

static gboolean own(Call *call, GError **error)
{
	call_own(call, g_strdup("a"), note_freed);
	call_own(call, g_strdup("b"), note_freed);
	call_set_data(call, g_strdup("0"), note_freed);
	return TRUE;
}

static gboolean pages(Call *call, GError **error)
{
	Paging paging;

	if (!call_paging(call, &paging, error))
		return FALSE;
	call_set_paging(call, &paging, 45, FALSE);
	return TRUE;
}

#define ROW(method, path, mode, body_max, body, handler)                                           \
	{                                                                                          \
		method, path, CALLER_ANYONE, NULL, mode, NULL, body_max, body, handler             \
	}

static const Route routes[] = {
	ROW(HTTP_POST, "/chain/{id}", RUN_LOOP, 0, NULL, chain),
	ROW(HTTP_POST, "/count", RUN_WRITE, 0, NULL, count_and),
	ROW(HTTP_POST, "/twice", RUN_WRITE, 0, NULL, run_twice),
	ROW(HTTP_POST, "/echo", RUN_LOOP, 100, &body_record, echo),
	ROW(HTTP_POST, "/steady", RUN_STREAM, 1024 * 1024 * 1024, NULL, steady),
	ROW(HTTP_POST, "/stream", RUN_STREAM, 64 * 1024 * 1024, NULL, stream),
	ROW(HTTP_GET, "/file", RUN_WORKER, 0, NULL, send_file),
	ROW(HTTP_GET, "/own", RUN_LOOP, 0, NULL, own),
	ROW(HTTP_GET, "/pages", RUN_LOOP, 0, NULL, pages),
	{ 0 },
};

/* --- A server of the case's own --- */

typedef struct {
	char *folder;
	App *app;
	Router *router;
	Layer *layer;
	HttpServer *server;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GSocketAddress) address = g_inet_socket_address_new_from_string("127.0.0.1", 0);
	AppPlaces places = { 0 };
	HttpApplication application;
	HttpServerSettings settings;
	g_autoptr(GError) error = NULL;

	places.folder = fixture->folder = g_dir_make_tmp("rota-call-XXXXXX", NULL);
	fixture->app = app_open(&places, &error);
	g_assert_no_error(error);
	fixture->router = router_new();
	g_assert_true(router_add(fixture->router, routes, &error));
	fixture->layer = layer_new(fixture->app, fixture->router, NULL);
	application = layer_application(fixture->layer);
	http_server_settings_set_defaults(&settings);
	settings.address = address;
	settings.n_loops = 2;
	fixture->server = http_server_start(&settings, &application, &error);
	g_assert_no_error(error);
	freed = g_string_new(NULL);
	g_atomic_int_set(&n_broken, 0);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	http_server_drain(fixture->server);
	layer_free(fixture->layer);
	app_free(fixture->app);
	http_server_free(fixture->server);
	router_free(fixture->router);
	g_string_free(freed, TRUE);
	g_assert_true(file_remove_tree(fixture->folder, NULL));
	g_free(fixture->folder);
}

/* --- A client --- */

static GSocketConnection *connect_to(const Fixture *fixture)
{
	g_autoptr(GSocketClient) client = g_socket_client_new();
	GSocketConnection *connection = g_socket_client_connect_to_host(
		client, "127.0.0.1", http_server_port(fixture->server), NULL, NULL);

	g_assert_nonnull(connection);
	return connection;
}

static void send_text(GSocketConnection *connection, const char *text, gsize size)
{
	GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));

	g_assert_true(g_output_stream_write_all(out, text, size, NULL, NULL, NULL));
}

/* (transfer full): all that comes until the server closes. */
static char *receive(GSocketConnection *connection)
{
	GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(connection));
	GString *text = g_string_new(NULL);
	char piece[4096];
	gssize size;

	while ((size = g_input_stream_read(in, piece, sizeof piece, NULL, NULL)) > 0)
		g_string_append_len(text, piece, size);
	return g_string_free(text, FALSE);
}

/* (transfer full): the answer to one request. @body: (nullable) */
static char *ask(const Fixture *fixture, const char *method, const char *target, const char *body)
{
	g_autoptr(GSocketConnection) connection = connect_to(fixture);
	g_autofree char *head = g_strdup_printf("%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
						"Content-Type: application/json\r\n"
						"Content-Length: %zu\r\n\r\n",
		method, target, body ? strlen(body) : 0);

	send_text(connection, head, strlen(head));
	if (body)
		send_text(connection, body, strlen(body));
	return receive(connection);
}

static void assert_answer(const Fixture *fixture, const char *method, const char *target,
	const char *body, guint status, const char *words)
{
	g_autofree char *answer = ask(fixture, method, target, body);
	g_autofree char *line = g_strdup_printf("HTTP/1.1 %u ", status);

	g_test_message("%s %s: %s", method, target, answer);
	g_assert_true(g_str_has_prefix(answer, line));
	g_assert_nonnull(strstr(answer, words));
}

/* --- Cases --- */

static void test_chain(Fixture *fixture, gconstpointer data)
{
	g_autofree char *answer = ask(fixture, "POST", "/chain/a%20b", NULL);

	g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 201 "));
	g_assert_nonnull(strstr(answer, "X-Worker: yes\r\n"));
	g_assert_nonnull(strstr(answer, "X-Writer: yes\r\n"));
	g_assert_nonnull(strstr(answer, "{\"id\":\"a b\"}"));
}

static void test_undone(Fixture *fixture, gconstpointer data)
{
	assert_answer(fixture, "POST", "/count", NULL, 200, "\r\n\r\n1");
	assert_answer(fixture, "POST", "/count?end=fail", NULL, 409, "\"number\":2");
	assert_answer(fixture, "POST", "/count?end=fail", NULL, 409, "\"error\":\"on purpose\"");
	assert_answer(fixture, "POST", "/count", NULL, 200, "\r\n\r\n2");
}

static void test_rewound(void)
{
	Call call = { .answer.fd = -1 };

	call_set_header(&call, "X-Before", "1");
	call_set_error_detail(&call, "before", json_true());
	answer_mark(&call);
	for (guint i = 0; i < 2; i++) {
		call_set_status(&call, 201);
		call_set_header(&call, "X-First", "1");
		call_set_text(&call, "text/plain", "first");
		call_set_error_detail(&call, "first", json_true());
		call_set_error_json(&call, json_object());
		call_set_refusal(&call, ROTA_ERROR_CONFLICT, "first");
		answer_rewind(&call);
		g_assert_cmpuint(call.answer.status, ==, 0);
		g_assert_cmpuint(call.answer.headers->len, ==, 1);
		g_assert_null(call.answer.content_type);
		g_assert_null(call.answer.body);
		g_assert_cmpuint(json_object_size(call.answer.error_detail), ==, 1);
		g_assert_null(call.answer.error_json);
		g_assert_null(call.refusal);
	}
	answer_clear(&call.answer);
	answer_mark_clear(&call.mark);
	call_free_owned(&call);
}

static void test_again(Fixture *fixture, gconstpointer data)
{
	g_autofree char *answer = NULL;

	g_atomic_int_set(&n_runs, 0);
	answer = ask(fixture, "POST", "/twice", NULL);
	g_assert_cmpint(g_atomic_int_get(&n_runs), ==, 2);
	g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 200 "));
	g_assert_null(strstr(answer, "X-First-Run"));
	g_assert_true(g_str_has_suffix(answer, "\r\n\r\n1"));
}

static void test_refusal(Fixture *fixture, gconstpointer data)
{
	assert_answer(fixture, "POST", "/count?end=refuse", NULL, 401, "on purpose");
	assert_answer(fixture, "POST", "/count", NULL, 200, "\r\n\r\n2");
}

static void test_body(Fixture *fixture, gconstpointer data)
{
	g_autofree char *large = g_strnfill(101, ' ');

	assert_answer(fixture, "POST", "/echo", "{\"name\":\"x\",\"number\":7}", 200,
		"{\"name\":\"x\",\"number\":7,\"size\":23}");
	assert_answer(fixture, "POST", "/echo", "{\"number\":7}", 400, "name: missing");
	assert_answer(fixture, "POST", "/echo", "{", 400, "\"request_id\"");
	assert_answer(fixture, "POST", "/echo", NULL, 400, "the body is empty");
	assert_answer(fixture, "POST", "/echo", large, 413, "larger than 100 bytes");
	assert_answer(fixture, "GET", "/echo", NULL, 405, "Allow: POST, OPTIONS\r\n");
	assert_answer(fixture, "POST", "/echo?a=%zz", "{\"name\":\"x\"}", 400, "\"error\"");
}

enum { STREAM_SIZE = 8 * 1024 * 1024 };

static void test_stream(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GSocketConnection) connection = connect_to(fixture);
	g_autofree guint8 *body = g_malloc(STREAM_SIZE);
	g_autofree char *hex = NULL;
	g_autofree char *answer = NULL;
	g_autofree char *head = g_strdup_printf("POST /stream HTTP/1.1\r\nHost: x\r\n"
						"Connection: close\r\nContent-Length: %d\r\n\r\n",
		STREAM_SIZE);

	for (guint i = 0; i < STREAM_SIZE; i++)
		body[i] = (guint8)(i * 2654435761u >> 13);
	hex = sha256_hex_of(body, STREAM_SIZE);
	send_text(connection, head, strlen(head));
	send_text(connection, (const char *)body, STREAM_SIZE);
	answer = receive(connection);
	g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 200 "));
	g_assert_true(g_str_has_suffix(answer, hex));
}

/* Waits until all that was begun has ended. */
static void wait_for_quiet(const Fixture *fixture)
{
	LayerCounts counts;
	guint n_tries = 0;

	do {
		g_usleep(10000);
		layer_counts(fixture->layer, &counts);
	} while (counts.n_streams > 0 && n_tries++ < 3000);
	g_assert_cmpuint(counts.n_streams, ==, 0);
}

enum {
	STEADY_PIECES = 2000,
	STEADY_AHEAD = 9, /* pieces between the client and the reader: below what may wait */
	STEADY_GROWTH_MAX = 48 * 1024 * 1024,
};

static gint64 resident_bytes(void)
{
	g_autofree char *text = NULL;
	gint64 pages = 0;

	g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
	g_assert_cmpint(sscanf(text, "%*d %" G_GINT64_FORMAT, &pages), ==, 1);
	return pages * sysconf(_SC_PAGESIZE);
}

static void test_stream_steady(Fixture *fixture, gconstpointer data)
{
	g_autoptr(GSocketConnection) connection = connect_to(fixture);
	g_autofree char *piece = g_malloc0(STEADY_PIECE);
	g_autofree char *answer = NULL;
	g_autofree char *head = g_strdup_printf("POST /steady HTTP/1.1\r\nHost: x\r\n"
						"Connection: close\r\nContent-Length: %d\r\n\r\n",
		STEADY_PIECES * STEADY_PIECE);
	gint64 before = resident_bytes();

	g_atomic_int_set(&n_pieces, 0);
	send_text(connection, head, strlen(head));
	for (gint i = 0; i < STEADY_PIECES; i++) {
		while (i >= g_atomic_int_get(&n_pieces) + STEADY_AHEAD)
			g_usleep(100);
		send_text(connection, piece, STEADY_PIECE);
	}
	g_assert_cmpint(resident_bytes() - before, <, STEADY_GROWTH_MAX);
	answer = receive(connection);
	g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 204 "));
}

static void test_stream_cut(Fixture *fixture, gconstpointer data)
{
	const char *head = "POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc";

	for (guint i = 0; i < 4; i++) {
		GSocketConnection *connection = connect_to(fixture);

		send_text(connection, head, strlen(head));
		g_usleep(50000);
		g_object_unref(connection);
	}
	wait_for_quiet(fixture);
	g_assert_cmpint(g_atomic_int_get(&n_broken), ==, 4);
	assert_answer(fixture, "POST", "/count", NULL, 200, "\r\n\r\n1");
}

static void test_file(Fixture *fixture, gconstpointer data)
{
	g_autofree char *head = ask(fixture, "HEAD", "/file", NULL);

	assert_answer(fixture, "GET", "/file", NULL, 206, "\r\n\r\nELF");
	g_assert_nonnull(strstr(head, "Content-Length: 3\r\n"));
	g_assert_true(g_str_has_suffix(head, "\r\n\r\n"));
}

static void test_owned(Fixture *fixture, gconstpointer data)
{
	assert_answer(fixture, "GET", "/own", NULL, 204, "X-MEN-RequestID: ");
	http_server_drain(fixture->server);
	g_assert_cmpstr(freed->str, ==, "0ba");
}

static void test_pages(Fixture *fixture, gconstpointer data)
{
	assert_answer(fixture, "GET", "/pages?b=1&a=x%26y&page=2", NULL, 204,
		"Link: </pages?a=x%26y&b=1&page=3&per_page=20>; rel=\"next\"\r\n");
	assert_answer(fixture, "GET", "/pages?page=2", NULL, 204, "X-Total-Count: 45\r\n");
	assert_answer(
		fixture, "GET", "/pages?page=1", NULL, 204, "page=3&per_page=20>; rel=\"last\"");
	assert_answer(fixture, "GET", "/pages?per_page=501", NULL, 400, "above limit (max: 500)");
}

static void test_lost(Fixture *fixture, gconstpointer data)
{
	const char *head = "POST /chain/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";

	for (guint i = 0; i < 200; i++) {
		GSocketConnection *connection = connect_to(fixture);

		send_text(connection, head, strlen(head));
		if (i % 2)
			g_usleep(i * 20);
		g_object_unref(connection);
	}
	assert_answer(fixture, "POST", "/chain/2", NULL, 201, "{\"id\":\"2\"}");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
	g_test_add("/server/call/" name, Fixture, NULL, set_up, function, tear_down)
	ADD("chain", test_chain);
	ADD("undone", test_undone);
	ADD("refusal", test_refusal);
	g_test_add_func("/server/call/rewound", test_rewound);
	ADD("body", test_body);
	ADD("stream", test_stream);
	ADD("stream-steady", test_stream_steady);
	ADD("stream-cut", test_stream_cut);
	ADD("file", test_file);
	ADD("owned", test_owned);
	ADD("pages", test_pages);
	ADD("again", test_again);
	ADD("lost", test_lost);
	return g_test_run();
}
