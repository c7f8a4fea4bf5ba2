/* SPDX-License-Identifier: Apache-2.0 */
#include "server/artifacts/range.h"

#include <string.h>

/* Digits at *@at, which is moved behind them. FALSE: there are none, or too many. */
static gboolean read_number(const char **at, guint64 *ret_number)
{
	guint64 number = 0;
	const char *start = *at;

	for (; g_ascii_isdigit(**at); (*at)++)
		if (!g_uint64_checked_mul(&number, number, 10) ||
			!g_uint64_checked_add(&number, number, (guint64)(**at - '0')))
			return FALSE;
	*ret_number = number;
	return *at > start;
}

/* "bytes=A-B", "bytes=A-" or "bytes=-N": @ret_first or @ret_last is G_MAXUINT64 where it is not
 * said. */
static gboolean read_bounds(const char *header, guint64 *ret_first, guint64 *ret_last)
{
	const char *at = header;

	if (g_ascii_strncasecmp(at, "bytes=", 6) != 0)
		return FALSE;
	at += 6;
	*ret_first = *ret_last = G_MAXUINT64;
	if (*at != '-' && !read_number(&at, ret_first))
		return FALSE;
	if (*at++ != '-')
		return FALSE;
	if (*at != '\0' && !read_number(&at, ret_last))
		return FALSE;
	return *at == '\0' && (*ret_first != G_MAXUINT64 || *ret_last != G_MAXUINT64) &&
	       (*ret_first == G_MAXUINT64 || *ret_first <= *ret_last);
}

RangeKind range_read(const char *header, guint64 size, guint64 *ret_offset, guint64 *ret_length)
{
	guint64 first, last;

	*ret_offset = 0;
	*ret_length = size;
	if (header == NULL || !read_bounds(header, &first, &last))
		return RANGE_WHOLE;
	if (first == G_MAXUINT64) { /* the last N bytes */
		if (last == 0 || size == 0)
			return RANGE_UNSATISFIABLE;
		*ret_length = MIN(last, size);
		*ret_offset = size - *ret_length;
		return RANGE_PART;
	}
	if (first >= size)
		return RANGE_UNSATISFIABLE;
	*ret_offset = first;
	*ret_length = MIN(last, size - 1) - first + 1;
	return RANGE_PART;
}
