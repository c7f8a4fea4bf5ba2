/* SPDX-License-Identifier: Apache-2.0 */
#include "http/range.h"
#include <curl/curl.h>
#include <string.h>

/* A run of digits that fits; moves @text behind it. */
static gboolean read_number(const char **text, gint64 *ret_number)
{
	char *end;
	guint64 number;

	if (!g_ascii_isdigit(**text))
		return FALSE;
	number = g_ascii_strtoull(*text, &end, 10);
	if (number > G_MAXINT64 - 1 || end - *text > 19)
		return FALSE;
	*text = end;
	*ret_number = (gint64)number;
	return TRUE;
}

gboolean content_range_parse(
	const char *value, gint64 *ret_first, gint64 *ret_last, gint64 *ret_size)
{
	gint64 first, last, size = 0;

	if (g_ascii_strncasecmp(value, "bytes ", 6) != 0)
		return FALSE;
	value += 6;
	if (!read_number(&value, &first) || *value++ != '-' || !read_number(&value, &last) ||
		*value++ != '/' || last < first)
		return FALSE;
	if (strcmp(value, "*") != 0 &&
		(!read_number(&value, &size) || *value != '\0' || last >= size))
		return FALSE;
	*ret_first = first;
	*ret_last = last;
	*ret_size = size;
	return TRUE;
}

static gboolean is_another(const RangeState *state, const RangeAnswer *answer, gint64 size)
{
	if (state->size > 0 && size > 0 && size != state->size)
		return TRUE;
	return state->etag != NULL && answer->etag != NULL &&
	       strcmp(state->etag, answer->etag) != 0;
}

static RangeVerdict judge_whole(
	const RangeState *state, const RangeAnswer *answer, gint64 *ret_skip, gint64 *ret_size)
{
	gint64 size = MAX(answer->length, 0);

	if (is_another(state, answer, size))
		return RANGE_CHANGED;
	if (answer->length >= 0 && answer->length < state->offset)
		return RANGE_CHANGED;
	*ret_skip = state->offset;
	*ret_size = size > 0 ? size : state->size;
	return RANGE_TAKE;
}

static RangeVerdict judge_part(
	const RangeState *state, const RangeAnswer *answer, gint64 *ret_skip, gint64 *ret_size)
{
	gint64 first, last, size;

	if (!state->ranged)
		return RANGE_REFUSED;
	if (answer->content_range == NULL ||
		!content_range_parse(answer->content_range, &first, &last, &size))
		return RANGE_UNFIT;
	if (is_another(state, answer, size))
		return RANGE_CHANGED;
	if (first > state->offset || last < state->offset)
		return RANGE_UNFIT;
	if (answer->length >= 0 && answer->length != last - first + 1)
		return RANGE_UNFIT;
	*ret_skip = state->offset - first;
	*ret_size = size > 0 ? size : state->size;
	return RANGE_TAKE;
}

static RangeVerdict judge_beyond(const RangeState *state)
{
	if (state->size > 0 && state->offset == state->size)
		return RANGE_COMPLETE;
	return state->ranged ? RANGE_CHANGED : RANGE_REFUSED;
}

RangeVerdict range_judge(
	const RangeState *state, const RangeAnswer *answer, gint64 *ret_skip, gint64 *ret_size)
{
	if (answer->encoding != NULL && g_ascii_strcasecmp(answer->encoding, "identity") != 0)
		return RANGE_REFUSED;
	switch (answer->status) {
	case 200:
		return judge_whole(state, answer, ret_skip, ret_size);
	case 206:
		return judge_part(state, answer, ret_skip, ret_size);
	case 416:
		return judge_beyond(state);
	case 401:
	case 403:
	case 404:
	case 410:
		return RANGE_EXPIRED;
	case 408:
	case 425:
	case 429:
		return RANGE_RETRY;
	default:
		return answer->status >= 500 ? RANGE_RETRY : RANGE_REFUSED;
	}
}

gint64 retry_after_parse(const char *value, gint64 now_s, gint64 most)
{
	const char *end = value;
	gint64 seconds;

	if (read_number(&end, &seconds) && *end == '\0')
		return MIN(seconds, most);
	seconds = (gint64)curl_getdate(value, NULL);
	return seconds > now_s ? MIN(seconds - now_s, most) : 0;
}
