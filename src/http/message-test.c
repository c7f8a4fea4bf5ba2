/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: every request of tests/vectors/http/requests.json, whole, byte by byte and cut at every
 * place, gets the same verdict, and the expected one; names and values come out as sent; limits of
 * head, lines and target; bodies of known length and of chunks, in any pieces; a trailer is dropped
 * and bounded; a malformed body is foreseen; what follows a request is left alone; heads that
 * llhttp lets pass and we do not. */
/* shows: MS7 */
#include "http/message.h"
#include <jansson.h>
#include <string.h>

typedef struct {
	guint n_served;
	guint status; /* of the refusal that ended it; 0: none */
	GString *bodies;
	gsize n_left;
} Outcome;

/* Takes requests off @data in pieces of @piece bytes until all is taken or one is refused. */
static Outcome take_all(const char *data, gsize size, gsize piece)
{
	Outcome outcome = { .bodies = g_string_new(NULL) };
	guint8 scratch[4096];
	gsize at = 0, end = MIN(piece, size);
	gboolean in_body = FALSE;
	HttpMessage message;

	g_assert_cmpuint(size, <=, G_MAXINT);
	http_message_init(&message);
	for (;;) {
		/* A copy of just that piece, so that a read beyond it is seen by the sanitizers. */
		g_autofree guint8 *copy = g_memdup2(data + at, end - at);
		const guint8 *body = NULL;
		gsize used = 0, body_size = 0;
		HttpRefusal refusal = { 0 };
		HttpVerdict verdict;

		g_assert_cmpuint(end - at, <=, sizeof scratch);
		if (!in_body)
			verdict = http_message_take_head(&message, copy, end - at, &used, &refusal);
		else
			verdict = http_message_take_body(&message, copy, end - at, scratch, &used,
				&body, &body_size, &refusal);
		g_string_append_len(outcome.bodies, (const char *)body, (gssize)body_size);
		at += used;
		if (verdict == HTTP_MESSAGE_REFUSED) {
			outcome.status = refusal.status;
			break;
		}
		if (verdict == HTTP_MESSAGE_COMPLETE && in_body) {
			outcome.n_served++;
			in_body = FALSE;
			http_message_clear(&message);
			http_message_init(&message);
		} else if (verdict == HTTP_MESSAGE_COMPLETE) {
			in_body = TRUE;
			continue;
		}
		if (at == size)
			break;
		if (at == end)
			end = MIN(end + piece, size);
	}
	outcome.n_left = size - at;
	http_message_clear(&message);
	return outcome;
}

static void clear(Outcome *outcome)
{
	g_string_free(outcome->bodies, TRUE);
}

/* --- The table of known requests --- */

/* What the words of the file mean: how many are served, and with which status it may end. */
static const struct {
	const char *words;
	guint n_served;
	guint statuses[3];
} expectations[] = {
	{ "served", 1, { 0 } },
	{ "as without it", 1, { 0 } },
	{ "served as HTTP/1.1", 1, { 0 } },
	{ "served or 4xx", 1, { 0 } },
	{ "both served, in order", 2, { 0 } },
	{ "400 close", 0, { 400 } },
	{ "400 or 404", 0, { 400 } },
	{ "400 or 501 close", 0, { 400, 501 } },
	{ "400 or 505 close", 0, { 400, 505 } },
	{ "400 or 413 close", 0, { 400, 413 } },
	{ "first served, then 400 close", 1, { 400 } },
};

/* The file spells bytes as the code points 0 to 255. */
static GString *bytes_of(const json_t *text)
{
	const char *cursor = json_string_value(text);
	const char *end = cursor + json_string_length(text);
	GString *bytes = g_string_new(NULL);

	while (cursor < end) {
		gunichar point = g_utf8_get_char_validated(cursor, end - cursor);

		/* GLib reads NUL as the end of a text; here it is a byte. */
		if (*cursor == '\0') {
			g_string_append_c(bytes, '\0');
			cursor++;
			continue;
		}
		g_assert_cmpuint(point, <, 256);
		g_string_append_c(bytes, (char)point);
		cursor += g_unichar_to_utf8(point, NULL);
	}
	return bytes;
}

static void check_known(const char *name, const GString *bytes, const char *words)
{
	for (gsize piece = 1; piece <= bytes->len; piece++) {
		Outcome outcome = take_all(bytes->str, bytes->len, piece);
		gsize i = 0;

		while (i < G_N_ELEMENTS(expectations) && strcmp(words, expectations[i].words) != 0)
			i++;
		g_assert_cmpuint(i, <, G_N_ELEMENTS(expectations));
		g_test_message("%s in pieces of %" G_GSIZE_FORMAT ": %u served, then %u", name,
			piece, outcome.n_served, outcome.status);
		g_assert_cmpuint(outcome.n_served, ==, expectations[i].n_served);
		g_assert_true(outcome.status == expectations[i].statuses[0] ||
			      outcome.status == expectations[i].statuses[1]);
		clear(&outcome);
	}
}

static void test_known_requests(void)
{
	g_autofree char *path =
		g_build_filename(g_getenv("ROTA_VECTORS"), "http", "requests.json", NULL);
	json_auto_t *file = json_load_file(path, JSON_ALLOW_NUL, NULL);
	json_t *requests = json_object_get(file, "requests");
	json_t *entry;
	gsize i;

	g_assert_cmpuint(json_array_size(requests), >, 40);
	json_array_foreach (requests, i, entry) {
		GString *bytes = bytes_of(json_object_get(entry, "raw"));

		check_known(json_string_value(json_object_get(entry, "name")), bytes,
			json_string_value(json_object_get(entry, "expect")));
		g_string_free(bytes, TRUE);
	}
}

/* --- One request at a time --- */

static guint status_of(const char *text)
{
	Outcome outcome = take_all(text, strlen(text), 4096);
	guint status = outcome.status;

	if (status == 0)
		g_assert_cmpuint(outcome.n_served, ==, 1);
	clear(&outcome);
	return status;
}

static void test_more_refusals(void)
{
	static const struct {
		const char *text;
		guint status;
	} cases[] = {
		{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0 },
		{ "GET / HTTP/1.0\r\n\r\n", 0 },
		{ "GET /\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 505 },
		{ "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 501 },
		{ "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET /%2 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET /?q=%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
		{ "GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
		{ "GET https://a:8/x HTTP/1.1\r\nHost: A:8\r\n\r\n", 0 },
		{ "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400 },
		{ "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nAuthorization: x\r\n\r\n",
			400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\r\n\r\n", 0 },
		{ "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 0 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nContent-Length: 0\r\n\r\n",
			417 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
			400 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_test_message("%s", cases[i].text);
		g_assert_cmpuint(status_of(cases[i].text), ==, cases[i].status);
	}
}

static void test_facts(void)
{
	static const char text[] =
		"PUT /a/b%20c?d=e?f HTTP/1.1\r\nHost: a\r\nX-One:  two \t\r\nx-empty:\r\n"
		"Connection: x, Close\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\nrest";
	HttpRefusal refusal;
	HttpMessage message;
	gsize used;

	http_message_init(&message);
	g_assert_cmpint(http_message_take_head(
				&message, (const guint8 *)text, sizeof text - 1, &used, &refusal),
		==, HTTP_MESSAGE_COMPLETE);
	g_assert_cmpstr(text + used, ==, "rest");
	g_assert_cmpstr(message.head.method, ==, "PUT");
	g_assert_cmpstr(message.head.path, ==, "/a/b%20c");
	g_assert_cmpstr(message.head.query, ==, "d=e?f");
	g_assert_cmpstr(http_head_find(&message.head, "x-ONE"), ==, "two");
	g_assert_cmpstr(http_head_find(&message.head, "X-Empty"), ==, "");
	g_assert_null(http_head_find(&message.head, "X"));
	g_assert_cmpint(message.head.content_length, ==, 7);
	g_assert_false(message.head.keep_alive);
	g_assert_true(message.head.expects_continue);
	http_message_clear(&message);
}

/* llhttp refuses these as well: here the second reading is asked alone. */
static void test_bytes_of_a_value(void)
{
	static const char before[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
	char block[128];
	HttpHead head;
	HttpRefusal refusal;

	for (guint place = 1; place < 39; place++) {
		for (guint byte = 0; byte < 256; byte++) {
			gsize size = (gsize)g_snprintf(block, sizeof block, "%s%*s\r\n\r\n", before,
				40, "0123456789012345678901234567890123456789");
			gboolean is_good = byte == '\t' || (byte >= ' ' && byte != 0x7f);

			block[strlen(before) + place] = (char)byte;
			g_assert_cmpint(http_head_parse(block, size, &head, &refusal), ==, is_good);
		}
	}
}

/* --- Limits --- */

static guint status_with_filling(const char *before, gsize n_filling, const char *after)
{
	GString *text = g_string_new(before);

	for (gsize i = 0; i < n_filling; i++)
		g_string_append_c(text, 'a');
	g_string_append(text, after);

	Outcome outcome = take_all(text->str, text->len, 1000);
	guint status = outcome.status;

	clear(&outcome);
	g_string_free(text, TRUE);
	return status;
}

static void test_limits(void)
{
	static const char line[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
	static const char end[] = "\r\n\r\n";
	gsize room = HTTP_HEAD_SIZE_MAX - strlen(line) - strlen(end);

	g_assert_cmpuint(status_with_filling(line, room - 1, end), ==, 0);
	g_assert_cmpuint(status_with_filling(line, room + 1, end), ==, 431);
	g_assert_cmpuint(status_with_filling(line, 1 << 20, ""), ==, 431);
	g_assert_cmpuint(status_with_filling(
				 "GET /", HTTP_TARGET_SIZE_MAX - 1, " HTTP/1.1\r\nHost: a\r\n\r\n"),
		==, 0);
	g_assert_cmpuint(
		status_with_filling("GET /", HTTP_TARGET_SIZE_MAX, " HTTP/1.1\r\nHost: a\r\n\r\n"),
		==, 414);
}

static void test_number_of_lines(void)
{
	for (guint n = HTTP_HEAD_LINES_MAX - 1; n <= HTTP_HEAD_LINES_MAX + 1; n++) {
		GString *text = g_string_new("GET / HTTP/1.1\r\nHost: a\r\n");

		for (guint i = 1; i < n; i++)
			g_string_append(text, "X: y\r\n");
		g_string_append(text, "\r\n");
		g_assert_cmpuint(status_of(text->str), ==, n > HTTP_HEAD_LINES_MAX ? 431 : 0);
		g_string_free(text, TRUE);
	}
}

/* --- Bodies --- */

static void test_bodies_in_pieces(void)
{
	static const char text[] =
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		"1\r\n \r\n6;name=value\r\nworld!\r\n0\r\nX-Trailer: dropped\r\n\r\n"
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

	for (gsize piece = 1; piece < sizeof text; piece++) {
		Outcome outcome = take_all(text, sizeof text - 1, piece);

		g_assert_cmpuint(outcome.status, ==, 0);
		g_assert_cmpuint(outcome.n_served, ==, 3);
		g_assert_cmpstr(outcome.bodies->str, ==, "hello world!");
		clear(&outcome);
	}
}

static void test_a_bad_body_is_foreseen(void)
{
	static const struct {
		const char *text;
		guint status;
	} cases[] = {
		{ "", 0 },
		{ "zz\r\n", 400 },
		{ "2\r\nokay", 400 },
		{ "2\r\nok\r", 0 },
		{ "0\r\n\r\nnot looked at", 0 },
	};
	static const char head[] =
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		HttpRefusal refusal = { 0 };
		HttpMessage message;
		gsize used;

		http_message_init(&message);
		g_assert_cmpint(http_message_take_head(&message, (const guint8 *)head,
					sizeof head - 1, &used, &refusal),
			==, HTTP_MESSAGE_COMPLETE);
		g_assert_cmpint(http_message_foresee_body(&message, (const guint8 *)cases[i].text,
					strlen(cases[i].text), &refusal),
			==, cases[i].status == 0);
		g_assert_cmpuint(refusal.status, ==, cases[i].status);
		http_message_clear(&message);
	}
}

static void test_trailers_are_bounded(void)
{
	static const char before[] =
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ";

	g_assert_cmpuint(status_with_filling(before, 1000, "\r\n\r\n"), ==, 0);
	g_assert_cmpuint(status_with_filling(before, 100000, "\r\n\r\n"), ==, 431);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/http/message/known-requests", test_known_requests);
	g_test_add_func("/http/message/more-refusals", test_more_refusals);
	g_test_add_func("/http/message/facts", test_facts);
	g_test_add_func("/http/message/bytes-of-a-value", test_bytes_of_a_value);
	g_test_add_func("/http/message/limits", test_limits);
	g_test_add_func("/http/message/number-of-lines", test_number_of_lines);
	g_test_add_func("/http/message/bodies-in-pieces", test_bodies_in_pieces);
	g_test_add_func("/http/message/a-bad-body-is-foreseen", test_a_bad_body_is_foreseen);
	g_test_add_func("/http/message/trailers-are-bounded", test_trailers_are_bounded);
	return g_test_run();
}
