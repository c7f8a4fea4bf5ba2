/* SPDX-License-Identifier: Apache-2.0 */
#include "http/message.h"
#include <llhttp.h>
#include <string.h>

/* What one call of llhttp adds to; lives on the stack of that call. */
typedef struct {
	HttpMessage *message;
	guint8 *body; /* where chunks are put together; NULL while the head is read */
	gsize body_size;
} Taking;

G_STATIC_ASSERT(sizeof(llhttp_t) <= sizeof(((HttpMessage *)NULL)->parser));

/* A trailer is dropped, but not without end. */
enum { TRAILER_SIZE_MAX = 8192 };

static llhttp_t *parser_of(HttpMessage *message)
{
	return (llhttp_t *)(void *)message->parser;
}

static int on_headers_complete(llhttp_t *parser)
{
	/* No protocol is switched to: what follows is this request's body, and then HTTP again. */
	parser->upgrade = 0;
	return HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *data, size_t size)
{
	Taking *taking = parser->data;

	memcpy(taking->body + taking->body_size, data, size);
	taking->body_size += size;
	return 0;
}

/* Called for the head's lines as well, where nothing is counted. */
static int on_trailer(llhttp_t *parser, const char *data, size_t size)
{
	Taking *taking = parser->data;

	if (taking->body == NULL)
		return 0;
	taking->message->trailer_size += size;
	return taking->message->trailer_size > TRAILER_SIZE_MAX ? HPE_USER : 0;
}

static int on_message_complete(llhttp_t *parser)
{
	Taking *taking = parser->data;

	taking->message->is_complete = TRUE;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_header_field = on_trailer,
	.on_header_value = on_trailer,
	.on_chunk_extension_name = on_trailer,
	.on_chunk_extension_value = on_trailer,
	.on_message_complete = on_message_complete,
};

void http_message_init(HttpMessage *message)
{
	llhttp_settings_t *borrowed = (llhttp_settings_t *)(gsize)&settings;

	message->text = NULL;
	message->text_size = 0;
	message->n_empty = 0;
	message->is_complete = FALSE;
	message->rest = 0;
	message->trailer_size = 0;
	llhttp_init(parser_of(message), HTTP_REQUEST, borrowed);
}

void http_message_clear(HttpMessage *message)
{
	g_clear_pointer(&message->text, g_free);
	message->text_size = 0;
}

gboolean http_message_has_begun(const HttpMessage *message)
{
	return message->text_size > 0 || message->n_empty > 0;
}

static HttpVerdict refuse(HttpRefusal *ret_refusal, guint status, const char *reason)
{
	ret_refusal->status = status;
	ret_refusal->reason = reason;
	return HTTP_MESSAGE_REFUSED;
}

static HttpVerdict refuse_error(enum llhttp_errno error, HttpRefusal *ret_refusal)
{
	static const struct {
		enum llhttp_errno error;
		guint status;
		const char *reason;
	} reasons[] = {
		{ HPE_INVALID_METHOD, 501, "the method is not known" },
		{ HPE_INVALID_VERSION, 505, "the version of HTTP is not served" },
		{ HPE_INVALID_URL, 400, "the target is malformed" },
		{ HPE_INVALID_CONTENT_LENGTH, 400, "the Content-Length is malformed" },
		{ HPE_UNEXPECTED_CONTENT_LENGTH, 400,
			"the Content-Length contradicts another line" },
		{ HPE_INVALID_TRANSFER_ENCODING, 400, "the Transfer-Encoding is not chunked" },
		{ HPE_INVALID_CHUNK_SIZE, 400, "the size of a chunk is malformed" },
		{ HPE_USER, 431, "the trailer is too large" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++) {
		if (reasons[i].error == error)
			return refuse(ret_refusal, reasons[i].status, reasons[i].reason);
	}
	return refuse(ret_refusal, 400, "the request is malformed");
}

/* One empty line before a request is forgiven (RFC 9112 section 2.2), as exactly CRLF. */
static gboolean skip_empty_line(HttpMessage *message, const guint8 *data, gsize size, gsize *used)
{
	static const char empty_line[] = "\r\n";

	while (message->text_size == 0 && *used < size && message->n_empty < 2 &&
		data[*used] == (guint8)empty_line[message->n_empty]) {
		message->n_empty++;
		(*used)++;
	}
	if (*used == size || message->text_size > 0)
		return TRUE;
	return message->n_empty != 1 && data[*used] != '\r' && data[*used] != '\n';
}

static void keep_text(HttpMessage *message, const guint8 *data, gsize size)
{
	message->text = g_realloc(message->text, message->text_size + size);
	memcpy(message->text + message->text_size, data, size);
	message->text_size += size;
}

static HttpVerdict judge_head(HttpMessage *message, HttpRefusal *ret_refusal)
{
	const llhttp_t *parser = parser_of(message);
	HttpHead *head = &message->head;

	if (!http_head_parse(message->text, message->text_size, head, ret_refusal))
		return HTTP_MESSAGE_REFUSED;
	/* Two readers, one meaning: otherwise somebody is being deceived. */
	gboolean is_chunked = (parser->flags & F_CHUNKED) != 0;
	guint64 length = (parser->flags & F_CONTENT_LENGTH) != 0 ? parser->content_length : 0;

	if (is_chunked != (head->content_length < 0) ||
		(!is_chunked && length != (guint64)head->content_length))
		return refuse(ret_refusal, 400, "where the body ends is not clear");
	message->rest = MAX(head->content_length, 0);
	message->is_complete = head->content_length == 0;
	return HTTP_MESSAGE_COMPLETE;
}

HttpVerdict http_message_take_head(HttpMessage *message, const guint8 *data, gsize size,
	gsize *ret_used, HttpRefusal *ret_refusal)
{
	llhttp_t *parser = parser_of(message);
	Taking taking = { .message = message };
	gsize used = 0;

	*ret_used = size;
	if (!skip_empty_line(message, data, size, &used))
		return refuse(ret_refusal, 400, "the request does not begin with its method");
	if (used == size)
		return HTTP_MESSAGE_MORE;

	const char *start = (const char *)data + used;
	gsize length = MIN(size - used, HTTP_HEAD_SIZE_MAX - message->text_size);

	parser->data = &taking;
	enum llhttp_errno error = llhttp_execute(parser, start, length);
	parser->data = NULL;
	if (error == HPE_OK) {
		keep_text(message, data + used, length);
		if (message->text_size == HTTP_HEAD_SIZE_MAX)
			return refuse(ret_refusal, 431, "the head is too large");
		return HTTP_MESSAGE_MORE;
	}
	if (error != HPE_PAUSED)
		return refuse_error(error, ret_refusal);

	length = (gsize)(llhttp_get_error_pos(parser) - start);
	keep_text(message, data + used, length);
	*ret_used = used + length;
	return judge_head(message, ret_refusal);
}

static int stop_at_end(llhttp_t *parser)
{
	return HPE_PAUSED;
}

gboolean http_message_foresee_body(
	const HttpMessage *message, const guint8 *data, gsize size, HttpRefusal *ret_refusal)
{
	static llhttp_settings_t only_look = { .on_message_complete = stop_at_end };
	llhttp_t parser;

	if (message->head.content_length >= 0 || size == 0)
		return TRUE;
	/* A copy of the parser's state is thrown away with what it has seen. */
	memcpy(&parser, message->parser, sizeof parser);
	parser.settings = &only_look;
	llhttp_resume(&parser);
	enum llhttp_errno error = llhttp_execute(&parser, (const char *)data, size);
	if (error == HPE_OK || error == HPE_PAUSED)
		return TRUE;
	refuse_error(error, ret_refusal);
	return FALSE;
}

static HttpVerdict take_chunks(HttpMessage *message, const guint8 *data, gsize size,
	guint8 *scratch, gsize *ret_used, gsize *ret_body_size, HttpRefusal *ret_refusal)
{
	llhttp_t *parser = parser_of(message);
	Taking taking = { .message = message, .body = scratch };

	if (llhttp_get_errno(parser) == HPE_PAUSED)
		llhttp_resume(parser);
	parser->data = &taking;
	enum llhttp_errno error = llhttp_execute(parser, (const char *)data, size);
	parser->data = NULL;
	*ret_used = size;
	*ret_body_size = taking.body_size;
	if (error == HPE_OK)
		return HTTP_MESSAGE_MORE;
	if (error != HPE_PAUSED)
		return refuse_error(error, ret_refusal);
	*ret_used = (gsize)(llhttp_get_error_pos(parser) - (const char *)data);
	return HTTP_MESSAGE_COMPLETE;
}

HttpVerdict http_message_take_body(HttpMessage *message, const guint8 *data, gsize size,
	guint8 *scratch, gsize *ret_used, const guint8 **ret_body, gsize *ret_body_size,
	HttpRefusal *ret_refusal)
{
	*ret_used = 0;
	*ret_body_size = 0;
	if (message->is_complete)
		return HTTP_MESSAGE_COMPLETE;
	if (message->head.content_length < 0) {
		*ret_body = scratch;
		return take_chunks(
			message, data, size, scratch, ret_used, ret_body_size, ret_refusal);
	}
	*ret_used = (gsize)MIN((guint64)size, (guint64)message->rest);
	*ret_body = data;
	*ret_body_size = *ret_used;
	message->rest -= (gint64)*ret_used;
	message->is_complete = message->rest == 0;
	return message->is_complete ? HTTP_MESSAGE_COMPLETE : HTTP_MESSAGE_MORE;
}
