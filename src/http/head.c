/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"
#include <string.h>

/* What a byte may be part of. */
enum {
	NAME = 1,   /* a method or a header's name: a token of RFC 9110 section 5.6.2 */
	TARGET = 2, /* visible ASCII, but for "#" */
	VALUE = 4,  /* a header's value: no control byte but the tab */
	ANY = NAME | TARGET | VALUE,
};

static const guint8 parts[256] = {
	['\t'] = VALUE,
	[' '] = VALUE,
	['!'] = ANY,
	['"'] = TARGET | VALUE,
	['#'] = NAME | VALUE,
	['$' ... '\''] = ANY,
	['(' ... ')'] = TARGET | VALUE,
	['*' ... '+'] = ANY,
	[','] = TARGET | VALUE,
	['-' ... '.'] = ANY,
	['/'] = TARGET | VALUE,
	['0' ... '9'] = ANY,
	[':' ... '@'] = TARGET | VALUE,
	['A' ... 'Z'] = ANY,
	['[' ... ']'] = TARGET | VALUE,
	['^' ... '`'] = ANY,
	['a' ... 'z'] = ANY,
	['{'] = TARGET | VALUE,
	['|'] = ANY,
	['}'] = TARGET | VALUE,
	['~'] = ANY,
	[0x80 ... 0xff] = VALUE,
};

static gboolean is_all(const char *text, guint8 part)
{
	while ((parts[(guchar)*text] & part) != 0)
		text++;
	return *text == '\0';
}

/* Eight bytes at a time while none of them can be a control byte: tokens are long. */
static gboolean is_value(const char *text, gsize length)
{
	const guint64 ones = G_GUINT64_CONSTANT(0x0101010101010101);
	const guint64 tops = ones << 7;
	gsize at = 0;

	for (; at + sizeof(guint64) <= length; at += sizeof(guint64)) {
		guint64 word, deleted;

		memcpy(&word, text + at, sizeof word);
		deleted = word ^ (ones * 0x7f);
		/* A borrow shows a byte below the space, or one that is equal to DEL. */
		if ((((word - ones * 0x20) & ~word) | ((deleted - ones) & ~deleted)) & tops)
			break;
	}
	return is_all(text + at, VALUE);
}

static gboolean is_token(const char *text)
{
	return *text != '\0' && is_all(text, NAME);
}

static gboolean refuse(HttpRefusal *ret_refusal, guint status, const char *reason)
{
	ret_refusal->status = status;
	ret_refusal->reason = reason;
	return FALSE;
}

/* Cuts the next line off at its CRLF. NULL where a line does not end in exactly that. */
static char *take_line(char **cursor, const char *end)
{
	char *line = *cursor;
	char *newline = memchr(line, '\n', (gsize)(end - line));

	if (newline == NULL || newline == line || newline[-1] != '\r')
		return NULL;
	newline[-1] = '\0';
	*cursor = newline + 1;
	/* A NUL further left would end the text early; a bare CR is part of nothing, see above. */
	return strlen(line) == (gsize)(newline - 1 - line) ? line : NULL;
}

/* Every "%" starts two hex digits, and none of them spells NUL: nobody further in is cut short. */
static gboolean are_escapes_sound(const char *text)
{
	for (const char *percent = strchr(text, '%'); percent != NULL;
		percent = strchr(percent + 1, '%')) {
		if (!g_ascii_isxdigit(percent[1]) || !g_ascii_isxdigit(percent[2]))
			return FALSE;
		if (percent[1] == '0' && percent[2] == '0')
			return FALSE;
	}
	return TRUE;
}

/* An absolute target is served only when it names the host of the Host line; then it is cut down to
 * its path. @ret_authority is where its host starts, to be compared later. */
static gboolean split_absolute(char **target, const char **ret_authority)
{
	static const char *const schemes[] = { "http://", "https://" };

	*ret_authority = NULL;
	for (gsize i = 0; i < G_N_ELEMENTS(schemes); i++) {
		gsize length = strlen(schemes[i]);

		if (g_ascii_strncasecmp(*target, schemes[i], length) != 0)
			continue;
		char *authority = *target + length;
		char *path = strchr(authority, '/');

		if (path == NULL || path == authority)
			return FALSE;
		/* The authority moves over the scheme to make room for its NUL before the path. */
		memmove(*target, authority, (gsize)(path - authority));
		(*target)[path - authority] = '\0';
		*ret_authority = *target;
		*target = path;
		return TRUE;
	}
	return TRUE;
}

static gboolean parse_target(
	char *target, HttpHead *head, const char **ret_authority, HttpRefusal *ret_refusal)
{
	if (strlen(target) > HTTP_TARGET_SIZE_MAX)
		return refuse(ret_refusal, 414, "the target is too long");
	if (!is_all(target, TARGET))
		return refuse(ret_refusal, 400, "the target holds a byte it may not");
	if (!split_absolute(&target, ret_authority))
		return refuse(ret_refusal, 400, "the target is malformed");
	if (!are_escapes_sound(target))
		return refuse(ret_refusal, 400, "the target holds a bad escape");
	if (*target != '/' && !(strcmp(target, "*") == 0 && strcmp(head->method, "OPTIONS") == 0))
		return refuse(ret_refusal, 400, "the target is not a path");

	char *question = strchr(target, '?');

	if (question != NULL)
		*question++ = '\0';
	head->path = target;
	head->query = question;
	return TRUE;
}

/* METHOD SP target SP HTTP/1.x and nothing else: exactly two spaces. */
static gboolean parse_request_line(
	char *line, HttpHead *head, const char **ret_authority, HttpRefusal *ret_refusal)
{
	char *target = strchr(line, ' ');
	char *version = target == NULL ? NULL : strchr(target + 1, ' ');

	if (version == NULL)
		return refuse(ret_refusal, 400, "the request line is malformed");
	*target++ = '\0';
	*version++ = '\0';
	if (!is_token(line))
		return refuse(ret_refusal, 400, "the method is malformed");
	head->method = line;
	if (strcmp(version, "HTTP/1.1") == 0)
		head->minor_version = 1;
	else if (strcmp(version, "HTTP/1.0") == 0)
		head->minor_version = 0;
	else if (g_str_has_prefix(version, "HTTP/") && strchr(version, ' ') == NULL)
		return refuse(ret_refusal, 505, "the version of HTTP is not served");
	else
		return refuse(ret_refusal, 400, "the request line is malformed");
	return parse_target(target, head, ret_authority, ret_refusal);
}

static gboolean parse_header_line(char *line, HttpHead *head, HttpRefusal *ret_refusal)
{
	if (*line == ' ' || *line == '\t')
		return refuse(ret_refusal, 400, "a header line is folded");
	if (head->n_lines == HTTP_HEAD_LINES_MAX)
		return refuse(ret_refusal, 431, "there are too many header lines");

	char *colon = strchr(line, ':');

	if (colon == NULL)
		return refuse(ret_refusal, 400, "a header line has no colon");
	*colon = '\0';
	if (!is_token(line))
		return refuse(ret_refusal, 400, "a header's name is malformed");

	char *value = colon + 1;
	while (*value == ' ' || *value == '\t')
		value++;
	char *end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	if (!is_value(value, (gsize)(end - value)))
		return refuse(ret_refusal, 400, "a header's value holds a byte it may not");
	head->lines[head->n_lines++] = (HttpHeaderLine){ .name = line, .value = value };
	return TRUE;
}

/* --- What the lines say together --- */

/* Lines whose meaning for us would be unclear if they came twice; the table is in this order. */
enum { HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, EXPECT, AUTHORIZATION, N_KNOWN };

static const struct {
	const char *name;
	gsize length;
	const char *twice; /* the reason when it is not there once; NULL: it may come again */
} known_lines[N_KNOWN] = {
	{ "host", 4, "there is more than one Host line" },
	{ "content-length", 14, "there is more than one Content-Length line" },
	{ "transfer-encoding", 17, "there is more than one Transfer-Encoding line" },
	{ "connection", 10, NULL },
	{ "expect", 6, "there is more than one Expect line" },
	{ "authorization", 13, "there is more than one Authorization line" },
};

static gboolean has_list_member(const char *list, const char *member)
{
	gsize length = strlen(member);

	while (*list != '\0') {
		gsize skipped = strspn(list, ", \t");
		gsize word = strcspn(list + skipped, ", \t");

		if (word == length && g_ascii_strncasecmp(list + skipped, member, length) == 0)
			return TRUE;
		list += skipped + word;
	}
	return FALSE;
}

static gboolean parse_content_length(const char *value, gint64 *ret_length)
{
	gint64 length = 0;

	/* 18 digits stay below 2^63 without any further check. */
	if (*value == '\0' || strlen(value) > 18)
		return FALSE;
	for (; *value != '\0'; value++) {
		if (!g_ascii_isdigit(*value))
			return FALSE;
		length = length * 10 + (*value - '0');
	}
	*ret_length = length;
	return TRUE;
}

static guint known_line(const char *name)
{
	gsize length = strlen(name);
	guint known = 0;

	while (known < N_KNOWN && (length != known_lines[known].length ||
					  g_ascii_strcasecmp(name, known_lines[known].name) != 0))
		known++;
	return known;
}

static void judge_connection(HttpHead *head, const char *value)
{
	if (has_list_member(value, "close"))
		head->keep_alive = FALSE;
	else if (head->minor_version == 0 && has_list_member(value, "keep-alive"))
		head->keep_alive = TRUE;
}

static gboolean find_known(HttpHead *head, const char *found[N_KNOWN], HttpRefusal *ret_refusal)
{
	head->keep_alive = head->minor_version == 1;
	for (guint i = 0; i < head->n_lines; i++) {
		const HttpHeaderLine *line = &head->lines[i];
		guint known = known_line(line->name);

		if (known == N_KNOWN)
			continue;
		if (found[known] != NULL && known_lines[known].twice != NULL)
			return refuse(ret_refusal, 400, known_lines[known].twice);
		found[known] = line->value;
		if (known == CONNECTION)
			judge_connection(head, line->value);
	}
	return TRUE;
}

static gboolean is_host(const char *text)
{
	/* A port, an IPv6 address in brackets or a name; user information and paths have no place.
	 */
	if (*text == '\0')
		return FALSE;
	for (; *text != '\0'; text++) {
		if (!g_ascii_isalnum(*text) && strchr("-._~:[]", *text) == NULL)
			return FALSE;
	}
	return TRUE;
}

static gboolean judge_host(
	const HttpHead *head, const char *host, const char *authority, HttpRefusal *ret_refusal)
{
	if (host == NULL && head->minor_version == 1)
		return refuse(ret_refusal, 400, "there is no Host line");
	if (host != NULL && !is_host(host))
		return refuse(ret_refusal, 400, "the Host line is malformed");
	if (authority != NULL && (host == NULL || g_ascii_strcasecmp(authority, host) != 0))
		return refuse(ret_refusal, 400, "the target names another host");
	return TRUE;
}

static gboolean judge_framing(
	HttpHead *head, const char *length, const char *coding, HttpRefusal *ret_refusal)
{
	head->content_length = 0;
	if (coding != NULL) {
		if (length != NULL)
			return refuse(ret_refusal, 400,
				"Content-Length and Transfer-Encoding contradict each other");
		if (head->minor_version == 0 || g_ascii_strcasecmp(coding, "chunked") != 0)
			return refuse(ret_refusal, 400, "the Transfer-Encoding is not chunked");
		head->content_length = -1;
		return TRUE;
	}
	if (length != NULL && !parse_content_length(length, &head->content_length))
		return refuse(ret_refusal, 400, "the Content-Length is malformed");
	return TRUE;
}

static gboolean judge_expectation(HttpHead *head, const char *expectation, HttpRefusal *ret_refusal)
{
	head->expects_continue = FALSE;
	if (expectation == NULL || head->minor_version == 0)
		return TRUE;
	if (g_ascii_strcasecmp(expectation, "100-continue") != 0)
		return refuse(ret_refusal, 417, "the expectation is not known");
	head->expects_continue = head->content_length != 0;
	return TRUE;
}

gboolean http_head_parse(char *block, gsize size, HttpHead *ret_head, HttpRefusal *ret_refusal)
{
	const char *end = block + size;
	const char *authority = NULL;
	const char *found[N_KNOWN] = { NULL };

	ret_head->n_lines = 0;
	if (size > HTTP_HEAD_SIZE_MAX)
		return refuse(ret_refusal, 431, "the head is too large");

	char *line = take_line(&block, end);
	if (line == NULL)
		return refuse(ret_refusal, 400, "a line of the head is malformed");
	if (!parse_request_line(line, ret_head, &authority, ret_refusal))
		return FALSE;
	while ((line = take_line(&block, end)) != NULL && *line != '\0') {
		if (!parse_header_line(line, ret_head, ret_refusal))
			return FALSE;
	}
	if (line == NULL || block != end)
		return refuse(ret_refusal, 400, "a line of the head is malformed");

	return find_known(ret_head, found, ret_refusal) &&
	       judge_host(ret_head, found[HOST], authority, ret_refusal) &&
	       judge_framing(
		       ret_head, found[CONTENT_LENGTH], found[TRANSFER_ENCODING], ret_refusal) &&
	       judge_expectation(ret_head, found[EXPECT], ret_refusal);
}

const char *http_head_find(const HttpHead *head, const char *name)
{
	for (guint i = 0; i < head->n_lines; i++) {
		const char *other = head->lines[i].name;

		/* Most differ in their first letter. */
		if (((*other ^ *name) & ~0x20) == 0 && g_ascii_strcasecmp(other, name) == 0)
			return head->lines[i].value;
	}
	return NULL;
}
