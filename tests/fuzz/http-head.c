/* SPDX-License-Identifier: Apache-2.0 */
/* Requests off the wire: whole or cut in two, the same bytes mean the same requests, the same
 * bodies and the same refusal; heads that are served hold what the application may rely on. The
 * first byte says where the cut is. */
#include <stdint.h>
#include <string.h>
#include "http/message.h"

enum { SIZE_MAX_FUZZED = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was understood, as text. */
typedef struct {
	HttpMessage message;
	GString *story;
	gboolean in_body, is_over;
	gboolean is_foreseen; /* its body was seen to be malformed before it was taken */
} Reader;

static void check_head(const HttpHead *head)
{
	g_assert_true(*head->path == '/' || strcmp(head->path, "*") == 0);
	g_assert_null(strpbrk(head->path, "? \r\n#"));
	g_assert_cmpuint(head->n_lines, <=, HTTP_HEAD_LINES_MAX);
	g_assert_true(head->minor_version == 0 || http_head_find(head, "Host") != NULL);
	for (guint i = 0; i < head->n_lines; i++) {
		g_assert_cmpuint(strlen(head->lines[i].name), >, 0);
		g_assert_null(strpbrk(head->lines[i].name, ": \t\r\n"));
		g_assert_null(strpbrk(head->lines[i].value, "\r\n"));
	}
}

static void start(Reader *reader)
{
	http_message_init(&reader->message);
	reader->in_body = FALSE;
}

static void note_head(Reader *reader)
{
	const HttpHead *head = &reader->message.head;

	check_head(head);
	g_string_append_printf(reader->story, "[%s %s %" G_GINT64_FORMAT " %u]", head->method,
		head->path, head->content_length, head->n_lines);
	reader->in_body = TRUE;
}

static void read_piece(Reader *reader, const uint8_t *data, size_t size)
{
	g_autofree uint8_t *copy = g_memdup2(data, size);
	g_autofree uint8_t *scratch = g_malloc(size + 1);
	size_t at = 0;

	while (at < size && !reader->is_over) {
		const guint8 *body = NULL;
		gsize used = 0, body_size = 0;
		HttpRefusal refusal;
		HttpVerdict verdict =
			reader->in_body
				? http_message_take_body(&reader->message, copy + at, size - at,
					  scratch, &used, &body, &body_size, &refusal)
				: http_message_take_head(
					  &reader->message, copy + at, size - at, &used, &refusal);

		at += used;
		if (verdict == HTTP_MESSAGE_REFUSED) {
			g_string_append_printf(reader->story, "refused %u", refusal.status);
			reader->is_over = TRUE;
			return;
		}
		g_string_append_len(reader->story, (const char *)body, (gssize)body_size);
		if (verdict == HTTP_MESSAGE_MORE)
			continue;
		if (!reader->in_body) {
			note_head(reader);
			reader->is_foreseen = !http_message_foresee_body(
				&reader->message, copy + at, size - at, &refusal);
			continue;
		}
		g_assert_false(reader->is_foreseen);
		http_message_clear(&reader->message);
		start(reader);
	}
}

static GString *tell(const uint8_t *data, size_t size, size_t cut, gboolean *ret_refused)
{
	Reader reader = { .story = g_string_new(NULL) };

	start(&reader);
	read_piece(&reader, data, cut);
	read_piece(&reader, data + cut, size - cut);
	http_message_clear(&reader.message);
	*ret_refused = reader.is_over;
	return reader.story;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > SIZE_MAX_FUZZED)
		return 0;

	size_t cut = data[0] * (size - 1) / 256;
	gboolean whole_refused = FALSE, pieces_refused = FALSE;
	GString *whole = tell(data + 1, size - 1, 0, &whole_refused);
	GString *pieces = tell(data + 1, size - 1, cut, &pieces_refused);

	/* A body that is refused later may have been handed out in part before. */
	g_assert_cmpint(whole_refused, ==, pieces_refused);
	if (!whole_refused)
		g_assert_true(g_string_equal(whole, pieces));
	g_string_free(whole, TRUE);
	g_string_free(pieces, TRUE);
	return 0;
}
