/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/call.h"

/* Percent-encoding and query strings (RFC 3986; "+" is a space in a query, as forms write it). */

enum { QUERY_PAIRS_MAX = 1000 };

/* (transfer full): NULL where a "%" is not followed by two hex digits, or the text would hold a NUL
 * or no UTF-8. */
char *url_decode(const char *text, gsize length, gboolean plus_is_space) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): all but letters, digits and "-_.~" encoded. */
char *url_encode(const char *text);

/* (transfer full): of QueryPair, in order; empty for NULL. Malformed text is ROTA_ERROR_INVALID. */
GArray *query_parse(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): the pairs as a query, sorted by name, with @page and @per_page in place of what
 * they said. */
char *query_with_page(const GArray *pairs, gint64 page, gint64 per_page);

/* A number of 1 and more; FALSE with @error as clients know it: `invalid page query: "x"`. */
gboolean query_positive(const char *name, const char *text, gint64 *ret_value,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
