/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "server/call.h"
#include "server/query.h"

/* Pages as Mender's clients ask for them and are told of them (server-api.md 0.4). */

gboolean call_paging(Call *call, Paging *ret_paging, GError **error)
{
	const char *page = call_query(call, "page");
	const char *per_page = call_query(call, "per_page");
	Paging paging = { .page = 1, .per_page = PAGING_DEFAULT };

	if (page && !query_positive("page", page, &paging.page, error))
		return FALSE;
	if (per_page && !query_positive("per_page", per_page, &paging.per_page, error))
		return FALSE;
	if (paging.per_page > PAGING_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"parameter \"per_page\" above limit (max: %d)", PAGING_MAX);
		return FALSE;
	}
	*ret_paging = paging;
	return TRUE;
}

gboolean call_paging_forgiving(Call *call, Paging *ret_paging, GError **error)
{
	const char *page = call_query(call, "page");
	const char *per_page = call_query(call, "per_page");
	Paging paging = { .page = 1, .per_page = PAGING_DEFAULT };
	gint64 size;

	if (page && !query_positive("page", page, &paging.page, error))
		return FALSE;
	if (per_page &&
		!g_ascii_string_to_signed(per_page, 10, G_MININT64, G_MAXINT64, &size, NULL))
		return query_positive("per_page", per_page, &size, error);
	if (per_page && size >= 1 && size <= PAGING_MAX)
		paging.per_page = size;
	*ret_paging = paging;
	return TRUE;
}

static void add_link(Call *call, const Paging *paging, gint64 page, const char *relation)
{
	g_autofree char *query = query_with_page(call_query_pairs(call), page, paging->per_page);
	g_autofree char *link =
		g_strdup_printf("<%s?%s>; rel=\"%s\"", call_path(call), query, relation);

	call_set_header(call, "Link", link);
}

void call_set_paging(Call *call, const Paging *paging, gint64 total, gboolean more)
{
	gint64 last = total < 0 ? 0 : MAX(1, (total + paging->per_page - 1) / paging->per_page);

	if (total >= 0)
		call_set_header(call, "X-Total-Count",
			call_strdup_printf(call, "%" G_GINT64_FORMAT, total));
	add_link(call, paging, 1, "first");
	if (paging->page > 1)
		add_link(call, paging, paging->page - 1, "prev");
	if (total >= 0 ? paging->page < last : more)
		add_link(call, paging, paging->page + 1, "next");
	if (total >= 0)
		add_link(call, paging, last, "last");
}
