/* SPDX-License-Identifier: Apache-2.0 */
#include "server/audit/audit.h"

#include "base/clock.h"
#include "base/error.h"
#include "server/counters.h"

gboolean audit_write(Transaction *transaction, const AuditEntry *entry, GError **error)
{
	g_autofree char *details = entry->details ? json_to_text(entry->details) : g_strdup("{}");
	gint64 number;

	if (!counter_next(transaction, entry->tenant, "audit", &number, error))
		return FALSE;
	return transaction_run(transaction, NULL, error, QUERY_AUDIT_ADD, DB_TEXT, entry->tenant,
		DB_INT, number, DB_INT, entry->time_us, DB_TEXT, entry->action, DB_TEXT,
		entry->actor_type, DB_TEXT, entry->actor_id ? entry->actor_id : "", DB_TEXT,
		entry->actor_email ? entry->actor_email : "", DB_TEXT, entry->object_type, DB_TEXT,
		entry->object_id ? entry->object_id : "", DB_TEXT, details, DB_TEXT,
		entry->request_id ? entry->request_id : "", DB_END);
}

gboolean audit_call(Call *call, const char *action, const char *object_type, const char *object_id,
	const json_t *details, GError **error)
{
	const char *user = call_user_id(call);
	const char *device = call_device_id(call);
	AuditEntry entry = {
		.tenant = call_tenant(call),
		.actor_type = user     ? "user"
			      : device ? "device"
				       : "system",
		.actor_id = user ? user : device,
		.actor_email = call_user_email(call),
		.action = action,
		.object_type = object_type,
		.object_id = object_id,
		.details = details,
		.request_id = call_request_id(call),
		.time_us = clock_now_us(),
	};

	return audit_write(call_transaction(call), &entry, error);
}

/* --- Reading --- */

typedef struct {
	gint64 after_us, before_us;
	const char *actor_id, *actor_email, *actor_type, *object_type, *object_id;
} Filter;

static const char *text_or_all(Call *call, const char *name)
{
	const char *value = call_query(call, name);

	return value ? value : "";
}

/* Unix seconds, inclusive. */
static gboolean read_time(
	Call *call, const char *name, gint64 fallback_us, gint64 *ret_us, GError **error)
{
	const char *text = call_query(call, name);
	gint64 seconds;

	*ret_us = fallback_us;
	if (!text)
		return TRUE;
	if (!g_ascii_string_to_signed(text, 10, 0, G_MAXINT32 * (gint64)1000, &seconds, NULL)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "invalid %s query: \"%.64s\"",
			name, text);
		return FALSE;
	}
	*ret_us = seconds * G_USEC_PER_SEC;
	return TRUE;
}

static gboolean read_filter(Call *call, Filter *ret_filter, GError **error)
{
	*ret_filter = (Filter){
		.actor_id = text_or_all(call, "actor_id"),
		.actor_email = text_or_all(call, "actor_email"),
		.actor_type = text_or_all(call, "actor_type"),
		.object_type = text_or_all(call, "object_type"),
		.object_id = text_or_all(call, "object_id"),
	};
	if (!read_time(call, "created_after", 0, &ret_filter->after_us, error) ||
		!read_time(call, "created_before", G_MAXINT64 - G_USEC_PER_SEC,
			&ret_filter->before_us, error))
		return FALSE;
	ret_filter->before_us += G_USEC_PER_SEC - 1;
	return TRUE;
}

static Rows *query_entries(
	Call *call, QueryId query, const Filter *filter, const Paging *paging, GError **error)
{
	return transaction_query(call_transaction(call), error, query, DB_TEXT, call_tenant(call),
		DB_INT, filter->after_us, DB_INT, filter->before_us, DB_TEXT, filter->actor_id,
		DB_TEXT, filter->actor_email, DB_TEXT, filter->actor_type, DB_TEXT,
		filter->object_type, DB_TEXT, filter->object_id, DB_INT, paging->per_page, DB_INT,
		(paging->page - 1) * paging->per_page, DB_END);
}

static gboolean count_entries(Call *call, const Filter *filter, gint64 *ret_count, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(call_transaction(call), error, QUERY_AUDIT_COUNT,
		DB_TEXT, call_tenant(call), DB_INT, filter->after_us, DB_INT, filter->before_us,
		DB_TEXT, filter->actor_id, DB_TEXT, filter->actor_email, DB_TEXT,
		filter->actor_type, DB_TEXT, filter->object_type, DB_TEXT, filter->object_id,
		DB_END);

	if (!rows || !rows_next(rows, error))
		return FALSE;
	*ret_count = rows_int(rows, 0);
	return TRUE;
}

static json_t *entry_json(Rows *rows)
{
	g_autofree char *time = clock_format_rfc3339(rows_int(rows, 1));
	const char *email = rows_text(rows, 5);
	const char *details_text = rows_text(rows, 8);
	const char *type = rows_text(rows, 6);
	json_t *entry = json_pack("{s:I, s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}}", "number",
		(json_int_t)rows_int(rows, 0), "time", time, "action", rows_text(rows, 2), "actor",
		"type", rows_text(rows, 3), "id", rows_text(rows, 4), "object", "id",
		rows_text(rows, 7), "type", type);
	json_t *details = json_loads(details_text, 0, NULL);

	if (*email)
		json_object_set_new(json_object_get(entry, "actor"), "email", json_string(email));
	if (json_object_size(details))
		json_object_set(json_object_get(entry, "object"), type, details);
	json_decref(details);
	return entry;
}

static gboolean list_entries(Call *call, GError **error)
{
	const char *sort = call_query(call, "sort");
	QueryId query = sort && g_str_equal(sort, "asc") ? QUERY_AUDIT_PAGE_OLDEST
							 : QUERY_AUDIT_PAGE_NEWEST;
	g_autoptr(json_t) list = json_array();
	g_autoptr(Rows) rows = NULL;
	g_autoptr(GError) failure = NULL;
	gint64 total;
	Paging paging;
	Filter filter;

	if (!call_paging(call, &paging, error) || !read_filter(call, &filter, error) ||
		!count_entries(call, &filter, &total, error))
		return FALSE;
	rows = query_entries(call, query, &filter, &paging, error);
	if (!rows)
		return FALSE;
	while (rows_next(rows, &failure))
		json_array_append_new(list, entry_json(rows));
	if (failure) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	call_set_paging(call, &paging, total, FALSE);
	call_set_json(call, g_steal_pointer(&list));
	return TRUE;
}

const Route audit_routes[] = {
	{ HTTP_GET, "/api/management/v1/auditlogs/logs", CALLER_USER, "audit.read", RUN_READ, NULL,
		0, NULL, list_entries },
	{ 0 },
};
