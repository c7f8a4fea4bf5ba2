/* SPDX-License-Identifier: Apache-2.0 */
#include "server/artifacts/multipart.h"

#include <string.h>
#include "base/error.h"

/* A delimiter is CRLF "--" boundary. A boundary holds no CR, so a CR stands only at a delimiter's
 * start: when a match breaks off, nothing inside it can be the start of another one, and what was
 * held back is data as a whole. That makes matching across feeds a single counter.
 *
 *   OUTSIDE --delimiter--> AFTER --CRLF--> HEADER --blank line--> INSIDE --delimiter--> AFTER
 *                            `--"--"--> END
 *
 * The CRLF that ends a header, and the very start of the body, may be the CRLF of a delimiter as
 * well: the counter then starts at two, and those two are never given out as data. */
typedef enum {
	OUTSIDE, /* before the first boundary */
	AFTER,   /* right behind a boundary */
	HEADER,
	INSIDE,
	END, /* behind the closing boundary */
} State;

struct MultipartParser {
	const MultipartEvents *events;
	gpointer user_data;
	State state;
	char delimiter[4 + MULTIPART_BOUNDARY_SIZE_MAX + 1];
	gsize delimiter_size;
	guint8 skip[256];     /* Horspool: how far to go on after a byte at the delimiter's end */
	gsize matched;        /* bytes of the delimiter seen at the end of the last feed */
	gsize matched_unreal; /* how many of these are not data should the match break off */
	gsize outside_size;
	guint n_parts;
	char line[MULTIPART_HEADER_SIZE_MAX];
	gsize line_size;
	gsize header_size;
	char *name; /* of the part whose header is being read */
};

/* Moves *@at behind the value that begins there: a token, or a text in quotes. NULL: the quotes are
 * not closed. */
static char *take_value(const char **at)
{
	g_autoptr(GString) value = g_string_new(NULL);
	gboolean quoted = **at == '"';
	const char *ends = quoted ? "\"" : "; \t";

	for (*at += quoted; **at != '\0' && strchr(ends, **at) == NULL; (*at)++) {
		if (quoted && **at == '\\' && (*at)[1] != '\0')
			(*at)++;
		g_string_append_c(value, **at);
	}
	return quoted && **at != '"' ? NULL : g_string_free(g_steal_pointer(&value), FALSE);
}

/* The value of parameter @key in "type/subtype; key=value; key2=\"value\"". */
static char *read_parameter(const char *header, const char *key)
{
	const char *at;

	for (at = strchr(header, ';'); at != NULL; at = strchr(at, ';')) {
		g_autofree char *value = NULL;
		const char *name = at + 1 + strspn(at + 1, " \t");
		gsize size = strcspn(name, "=;");

		at = name + size;
		if (*at != '=')
			continue;
		at++;
		value = take_value(&at);
		if (value == NULL)
			return NULL;
		if (size == strlen(key) && g_ascii_strncasecmp(name, key, size) == 0)
			return g_steal_pointer(&value);
	}
	return NULL;
}

/* RFC 2046: bchars, not ending in a blank. */
static gboolean boundary_is_fit(const char *boundary)
{
	gsize size = strlen(boundary);

	if (size == 0 || size > MULTIPART_BOUNDARY_SIZE_MAX || boundary[size - 1] == ' ')
		return FALSE;
	for (gsize i = 0; i < size; i++)
		if (!g_ascii_isalnum(boundary[i]) && strchr("'()+_,-./:=? ", boundary[i]) == NULL)
			return FALSE;
	return TRUE;
}

static gboolean type_is_multipart(const char *content_type)
{
	static const char *const types[] = { "multipart/form-data", "multipart/mixed" };

	for (guint i = 0; content_type != NULL && i < G_N_ELEMENTS(types); i++) {
		gsize size = strlen(types[i]);

		if (g_ascii_strncasecmp(content_type, types[i], size) == 0 &&
			(content_type[size] == ';' || content_type[size] == ' ' ||
				content_type[size] == '\0'))
			return TRUE;
	}
	return FALSE;
}

MultipartParser *multipart_parser_new(
	const char *content_type, const MultipartEvents *events, gpointer user_data, GError **error)
{
	g_autofree char *boundary = NULL;
	MultipartParser *parser;

	if (!type_is_multipart(content_type)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_MEDIA_TYPE,
			"Content-Type: not multipart/form-data");
		return NULL;
	}
	boundary = read_parameter(content_type, "boundary");
	if (boundary == NULL || !boundary_is_fit(boundary)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"Content-Type: boundary missing or unfit");
		return NULL;
	}
	parser = g_new0(MultipartParser, 1);
	parser->events = events;
	parser->user_data = user_data;
	parser->delimiter_size = (gsize)g_snprintf(
		parser->delimiter, sizeof parser->delimiter, "\r\n--%s", boundary);
	memset(parser->skip, (int)parser->delimiter_size, sizeof parser->skip);
	for (gsize i = 0; i + 1 < parser->delimiter_size; i++)
		parser->skip[(guint8)parser->delimiter[i]] =
			(guint8)(parser->delimiter_size - 1 - i);
	parser->matched = parser->matched_unreal = 2;
	return parser;
}

void multipart_parser_free(MultipartParser *parser)
{
	if (parser == NULL)
		return;
	g_free(parser->name);
	g_free(parser);
}

static gboolean refuse(GError **error, const char *what)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "multipart: %s", what);
	return FALSE;
}

/* What is not a boundary: data of a part, or text before the first one, which nobody reads. */
static gboolean give_out(MultipartParser *parser, const guint8 *data, gsize size, GError **error)
{
	if (size == 0)
		return TRUE;
	if (parser->state == INSIDE)
		return parser->events->data(data, size, parser->user_data, error);
	parser->outside_size += size;
	if (parser->outside_size > MULTIPART_OUTSIDE_SIZE_MAX)
		return refuse(error, "boundary missing");
	return TRUE;
}

static gboolean end_at_delimiter(MultipartParser *parser, GError **error)
{
	State before = parser->state;

	parser->matched = parser->matched_unreal = 0;
	parser->line_size = parser->header_size = 0;
	parser->state = AFTER;
	return before != INSIDE || parser->events->part_end(parser->user_data, error);
}

/* Where in @data a whole delimiter starts; @size if nowhere. */
static gsize find_delimiter(const MultipartParser *parser, const guint8 *data, gsize size)
{
	gsize n = parser->delimiter_size, at = 0;

	while (at + n <= size) {
		guint8 last = data[at + n - 1];

		if (last == (guint8)parser->delimiter[n - 1] &&
			memcmp(data + at, parser->delimiter, n) == 0)
			return at;
		at += parser->skip[last];
	}
	return size;
}

/* How many bytes at the end of @data are the start of a delimiter. */
static gsize matched_at_end(const MultipartParser *parser, const guint8 *data, gsize size)
{
	gsize window = MIN(size, parser->delimiter_size - 1);
	const guint8 *cr = window > 0 ? memrchr(data + size - window, '\r', window) : NULL;
	gsize rest = cr != NULL ? (gsize)(data + size - cr) : 0;

	return rest > 0 && memcmp(cr, parser->delimiter, rest) == 0 ? rest : 0;
}

/* Goes on with a match that the last feed began. */
static gboolean continue_match(
	MultipartParser *parser, const guint8 **data, gsize *size, GError **error)
{
	gsize held, unreal;

	while (*size > 0 && parser->matched < parser->delimiter_size &&
		**data == (guint8)parser->delimiter[parser->matched]) {
		parser->matched++;
		(*data)++;
		(*size)--;
	}
	if (parser->matched == parser->delimiter_size)
		return end_at_delimiter(parser, error);
	if (*size == 0)
		return TRUE;
	held = parser->matched;
	unreal = parser->matched_unreal;
	parser->matched = parser->matched_unreal = 0;
	return give_out(parser, (const guint8 *)parser->delimiter + unreal, held - unreal, error);
}

static gboolean feed_data(MultipartParser *parser, const guint8 **data, gsize *size, GError **error)
{
	const guint8 *start;
	gsize at;

	if (parser->matched > 0)
		return continue_match(parser, data, size, error);
	start = *data;
	at = find_delimiter(parser, start, *size);
	if (at < *size) {
		*data += at + parser->delimiter_size;
		*size -= at + parser->delimiter_size;
		return give_out(parser, start, at, error) && end_at_delimiter(parser, error);
	}
	parser->matched = matched_at_end(parser, start, *size);
	at = *size - parser->matched;
	*data += *size;
	*size = 0;
	return give_out(parser, start, at, error);
}

/* Content-Disposition: form-data; name="size" (other header lines say nothing we need). */
static gboolean take_header_line(MultipartParser *parser, GError **error)
{
	static const char wanted[] = "content-disposition:";

	if (!g_utf8_validate(parser->line, -1, NULL))
		return refuse(error, "part header is not UTF-8");
	if (g_ascii_strncasecmp(parser->line, wanted, strlen(wanted)) != 0)
		return TRUE;
	g_free(parser->name);
	parser->name = read_parameter(parser->line + strlen(wanted), "name");
	return TRUE;
}

static gboolean end_header(MultipartParser *parser, GError **error)
{
	g_autofree char *name = g_steal_pointer(&parser->name);

	if (name == NULL)
		return refuse(error, "part without a name");
	if (++parser->n_parts > MULTIPART_PARTS_MAX)
		return refuse(error, "too many parts");
	parser->state = INSIDE;
	parser->matched = parser->matched_unreal = 2;
	return parser->events->part(name, parser->user_data, error);
}

/* The rest of the line a boundary stands on: nothing, or the two dashes of the last one. */
static gboolean end_boundary_line(MultipartParser *parser, GError **error)
{
	g_strchomp(parser->line);
	if (parser->line[0] != '\0')
		return refuse(error, "text behind a boundary");
	parser->state = HEADER;
	parser->header_size = 0;
	return TRUE;
}

static gboolean end_line(MultipartParser *parser, GError **error)
{
	gboolean blank = parser->line_size == 0;

	parser->line[parser->line_size] = '\0';
	parser->line_size = 0;
	if (parser->state == AFTER)
		return end_boundary_line(parser, error);
	if (blank)
		return end_header(parser, error);
	return take_header_line(parser, error);
}

/* One byte of a line, in AFTER or HEADER. */
static gboolean feed_line_byte(MultipartParser *parser, guint8 byte, GError **error)
{
	if (++parser->header_size >= sizeof parser->line)
		return refuse(error, "part header too long");
	if (parser->line_size > 0 && parser->line[parser->line_size - 1] == '\r') {
		if (byte != '\n')
			return refuse(error, "CR without LF in a part header");
		parser->line_size--;
		return end_line(parser, error);
	}
	if (byte == '\n' || byte == '\0')
		return refuse(error, "LF without CR or NUL in a part header");
	parser->line[parser->line_size++] = (char)byte;
	if (parser->state == AFTER && parser->line_size == 2 &&
		memcmp(parser->line, "--", 2) == 0) {
		parser->state = END;
		parser->outside_size = 0;
	}
	return TRUE;
}

gboolean multipart_parser_feed(
	MultipartParser *parser, const guint8 *data, gsize size, GError **error)
{
	while (size > 0) {
		if (parser->state == END) {
			parser->outside_size += size;
			return parser->outside_size <= MULTIPART_OUTSIDE_SIZE_MAX ||
			       refuse(error, "too much behind the last boundary");
		}
		if (parser->state == OUTSIDE || parser->state == INSIDE) {
			if (!feed_data(parser, &data, &size, error))
				return FALSE;
			continue;
		}
		if (!feed_line_byte(parser, *data, error))
			return FALSE;
		data++;
		size--;
	}
	return TRUE;
}

gboolean multipart_parser_finish(MultipartParser *parser, GError **error)
{
	return parser->state == END || refuse(error, "ends before its last boundary");
}
