/* SPDX-License-Identifier: Apache-2.0 */
/* Cases:
 *  - a body as mender-cli sends it, fed in every chunk size: always the same events
 *  - data that looks like a boundary, and parts without data
 *  - content types without a fit boundary
 *  - broken bodies: each refused with its reason, in every chunk size
 *  - limits: part header, number of parts, text outside */
#include <string.h>
#include "base/error.h"
#include "server/artifacts/multipart.h"

static const char type[] = "multipart/form-data; boundary=XyZ";

static gboolean on_part(const char *name, gpointer user_data, GError **error)
{
	g_string_append_printf(user_data, "<%s>", name);
	return TRUE;
}

static gboolean on_data(const guint8 *data, gsize size, gpointer user_data, GError **error)
{
	g_string_append_len(user_data, (const char *)data, (gssize)size);
	return TRUE;
}

static gboolean on_part_end(gpointer user_data, GError **error)
{
	g_string_append(user_data, "</>");
	return TRUE;
}

static const MultipartEvents events = { on_part, on_data, on_part_end };

/* The events of @body in chunks of @chunk bytes, as text; or NULL with @error. */
static char *parse(const char *body, gsize size, gsize chunk, GError **error)
{
	g_autoptr(GString) seen = g_string_new(NULL);
	g_autoptr(MultipartParser) parser = multipart_parser_new(type, &events, seen, error);

	if (parser == NULL)
		return NULL;
	for (gsize at = 0; at < size; at += chunk) {
		g_autofree guint8 *exact = g_memdup2(body + at, MIN(chunk, size - at));

		if (!multipart_parser_feed(parser, exact, MIN(chunk, size - at), error))
			return NULL;
	}
	if (!multipart_parser_finish(parser, error))
		return NULL;
	return g_string_free(g_steal_pointer(&seen), FALSE);
}

static void assert_events(const char *body, const char *expected)
{
	for (gsize chunk = 1; chunk <= strlen(body); chunk++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *seen = parse(body, strlen(body), chunk, &error);

		g_assert_no_error(error);
		g_assert_cmpstr(seen, ==, expected);
	}
}

static void test_events(void)
{
	assert_events("--XyZ\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\n12\r\n"
		      "--XyZ\r\nContent-Disposition: form-data; name=\"artifact\"; filename=\"a; "
		      "name=\\\"b\"\r\n"
		      "Content-Type: application/octet-stream\r\n\r\nbytes\r\n--XyZ--\r\n",
		"<size>12</><artifact>bytes</>");
	assert_events("before\r\n--XyZ  \r\ncontent-disposition: form-data; "
		      "name=size\r\n\r\n1\r\n--XyZ--after",
		"<size>1</>");
}

static void test_lookalikes(void)
{
	assert_events("--XyZ\r\nContent-Disposition: form-data; "
		      "name=a\r\n\r\n\r\n--Xy\r\r\n--XyY\r\n-\r\n--XyZ\r\n"
		      "Content-Disposition: form-data; name=b\r\n\r\n--XyZ--",
		"<a>\r\n--Xy\r\r\n--XyY\r\n-</><b></>");
	assert_events(
		"--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--XyZ--", "<a></>");
}

static void test_content_types(void)
{
	static const struct {
		const char *type;
		int code; /* -1: fine */
	} rows[] = {
		{ "multipart/form-data; boundary=\"a b\"", -1 },
		{ "Multipart/Mixed; charset=x; Boundary=ab", -1 },
		{ "multipart/form-data; boundary=\"a", ROTA_ERROR_INVALID },
		{ "multipart/form-data; boundary=", ROTA_ERROR_INVALID },
		{ "multipart/form-data; boundary=a\x01"
		  "b",
			ROTA_ERROR_INVALID },
		{ "multipart/form-data; boundary=\"a \"", ROTA_ERROR_INVALID },
		{ "multipart/form-data", ROTA_ERROR_INVALID },
		{ "multipart/form-data; x", ROTA_ERROR_INVALID },
		{ "multipart/form-database; boundary=a", ROTA_ERROR_MEDIA_TYPE },
		{ "application/json", ROTA_ERROR_MEDIA_TYPE },
		{ NULL, ROTA_ERROR_MEDIA_TYPE },
	};
	g_autofree char *long_boundary = g_strnfill(71, 'a');
	g_autofree char *long_type =
		g_strconcat("multipart/form-data; boundary=", long_boundary, NULL);

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(MultipartParser) parser =
			multipart_parser_new(rows[i].type, &events, NULL, &error);

		g_assert_cmpint(parser != NULL, ==, rows[i].code == -1);
		if (parser == NULL)
			g_assert_error(error, ROTA_ERROR, rows[i].code);
	}
	g_assert_null(multipart_parser_new(long_type, &events, NULL, NULL));
}

static void test_broken(void)
{
	static const struct {
		const char *body, *reason;
	} rows[] = {
		{ "", "multipart: ends before its last boundary" },
		{ "--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\nx",
			"multipart: ends before its last boundary" },
		{ "--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--XyZ",
			"multipart: ends before its last boundary" },
		{ "--XyZ\r\nContent-Disposition: form-data; name=a\r\n",
			"multipart: ends before its last boundary" },
		{ "--XyZ\r\nContent-Type: text/plain\r\n\r\nx\r\n--XyZ--",
			"multipart: part without a name" },
		{ "--XyZa\r\n", "multipart: text behind a boundary" },
		{ "--XyZ\nContent-Disposition: form-data; name=a\r\n\r\n",
			"multipart: LF without CR or NUL in a part header" },
		{ "--XyZ\r\nContent\rx", "multipart: CR without LF in a part header" },
		{ "--XyZ\r\nContent-Disposition: form-data; name=\xff\r\n",
			"multipart: part header is not UTF-8" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		for (gsize chunk = 1; chunk <= 64; chunk++) {
			g_autoptr(GError) error = NULL;
			g_autofree char *seen =
				parse(rows[i].body, strlen(rows[i].body), chunk, &error);

			g_assert_null(seen);
			g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
			g_assert_cmpstr(error->message, ==, rows[i].reason);
		}
	}
}

static void assert_refused(const GString *body, const char *reason)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *seen = parse(body->str, body->len, 4096, &error);

	g_assert_null(seen);
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
	g_assert_cmpstr(error->message, ==, reason);
}

static void test_limits(void)
{
	g_autofree char *much = g_strnfill(MULTIPART_OUTSIDE_SIZE_MAX + 100, 'x');
	g_autoptr(GString) header = g_string_new("--XyZ\r\n");
	g_autoptr(GString) parts = g_string_new(NULL);
	g_autoptr(GString) before = g_string_new(much);
	g_autoptr(GString) after = g_string_new("--XyZ--");

	g_string_append_len(header, much, MULTIPART_HEADER_SIZE_MAX);
	assert_refused(header, "multipart: part header too long");
	for (guint i = 0; i <= MULTIPART_PARTS_MAX; i++)
		g_string_append(
			parts, "\r\n--XyZ\r\nContent-Disposition: form-data; name=a\r\n\r\n");
	assert_refused(parts, "multipart: too many parts");
	assert_refused(before, "multipart: boundary missing");
	g_string_append(after, much);
	assert_refused(after, "multipart: too much behind the last boundary");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/multipart/events", test_events);
	g_test_add_func("/multipart/lookalikes", test_lookalikes);
	g_test_add_func("/multipart/content-types", test_content_types);
	g_test_add_func("/multipart/broken", test_broken);
	g_test_add_func("/multipart/limits", test_limits);
	return g_test_run();
}
