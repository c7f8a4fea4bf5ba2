/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte says in what chunks the rest is fed; the data of the parts must not depend on it.
 */
#include <string.h>
#include "server/artifacts/multipart.h"

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

static gboolean parse(const guint8 *data, gsize size, gsize chunk, GString *seen)
{
	static const MultipartEvents events = { on_part, on_data, on_part_end };
	g_autoptr(MultipartParser) parser =
		multipart_parser_new("multipart/form-data; boundary=b", &events, seen, NULL);

	for (gsize at = 0; at < size; at += chunk)
		if (!multipart_parser_feed(parser, data + at, MIN(chunk, size - at), NULL))
			return FALSE;
	return multipart_parser_finish(parser, NULL);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	g_autoptr(GString) whole = g_string_new(NULL);
	g_autoptr(GString) parts = g_string_new(NULL);
	gboolean good, good_in_chunks;

	if (size == 0)
		return 0;
	good = parse(data + 1, size - 1, size, whole);
	good_in_chunks = parse(data + 1, size - 1, 1 + data[0] % 32, parts);
	g_assert_true(good == good_in_chunks);
	if (good)
		g_assert_true(g_string_equal(whole, parts));
	return 0;
}
