/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of devices: by the query of the first version, by the filters of the second. */
#include <string.h>
#include "base/error.h"
#include "server/inventory/handlers.h"
#include "server/inventory/search.h"
#include "server/rows.h"

static GArray *sorts_new(void)
{
	GArray *sorts = g_array_new(FALSE, FALSE, sizeof(SearchSort));

	g_array_set_clear_func(sorts, search_sort_clear);
	return sorts;
}

/* --- Version 1: everything stands in the query --- */

/* "scope/name" or "name", which is in inventory. */
static void split_name(const char *text, char **ret_scope, char **ret_name)
{
	const char *slash = strchr(text, '/');

	*ret_scope =
		slash != NULL ? g_strndup(text, (gsize)(slash - text)) : g_strdup(SCOPE_INVENTORY);
	*ret_name = g_strdup(slash != NULL ? slash + 1 : text);
}

/* "[scope/]name[:asc|desc]" */
static gboolean read_sort_text(const char *text, GArray *sorts, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 2);
	SearchSort sort = { 0 };

	if (parts[0] == NULL || parts[0][0] == '\0' ||
		(parts[1] != NULL && !g_str_equal(parts[1], "asc") &&
			!g_str_equal(parts[1], "desc"))) {
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_INVALID, "sort: not name:asc or name:desc");
		return FALSE;
	}
	split_name(parts[0], &sort.scope, &sort.name);
	sort.descending = g_strcmp0(parts[1], "desc") == 0;
	g_array_append_val(sorts, sort);
	return TRUE;
}

/* A value of the query is a text, and a number as well where it reads as one. */
static Predicate *read_equality(const char *key, const char *text)
{
	const char *bare = g_str_has_prefix(text, "eq:") ? text + 3 : text;
	g_autofree char *scope = NULL;
	g_autofree char *name = NULL;
	g_autoptr(GPtrArray) operands = g_ptr_array_new();
	AttributeValue as_text = attribute_value_of(bare), as_number = { 0 };
	char *end;

	split_name(key, &scope, &name);
	g_ptr_array_add(operands, &as_text);
	as_number.number = g_ascii_strtod(bare, &end);
	if (*bare != '\0' && *end == '\0')
		g_ptr_array_add(operands, &as_number);
	return predicate_new_equal(scope, name, operands);
}

static Predicate *group_exists(const char *text, GError **error)
{
	g_autoptr(json_t) object = NULL;

	if (!g_str_equal(text, "true") && !g_str_equal(text, "false")) {
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_INVALID, "has_group: neither true nor false");
		return NULL;
	}
	object = json_pack("{s:s, s:s, s:s, s:b}", "scope", SCOPE_SYSTEM, "attribute", "group",
		"type", "$exists", "value", (int)g_str_equal(text, "true"));
	return predicate_read(object, error);
}

static gboolean read_pair(
	const QueryPair *pair, GPtrArray *predicates, GArray *sorts, GError **error)
{
	Predicate *predicate;

	if (g_str_equal(pair->name, "page") || g_str_equal(pair->name, "per_page"))
		return TRUE;
	if (g_str_equal(pair->name, "sort"))
		return read_sort_text(pair->value, sorts, error);
	if (g_str_equal(pair->name, "has_group"))
		predicate = group_exists(pair->value, error);
	else
		predicate = read_equality(
			g_str_equal(pair->name, "group") ? SCOPE_SYSTEM "/group" : pair->name,
			pair->value);
	if (predicate == NULL)
		return FALSE;
	g_ptr_array_add(predicates, predicate);
	return TRUE;
}

static gboolean check_counts(const GPtrArray *predicates, const GArray *sorts, GError **error)
{
	if (predicates->len <= SEARCH_PREDICATES_MAX && sorts->len <= SEARCH_SORTS_MAX)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "more than %d filters or %d sorts",
		SEARCH_PREDICATES_MAX, SEARCH_SORTS_MAX);
	return FALSE;
}

/* @shown: (nullable) */
static gboolean answer_page(Call *call, const DeviceSet *set, const GArray *sorts,
	const GArray *shown, const Paging *paging, GError **error)
{
	g_autoptr(GArray) numbers = search_page(call, set, sorts, paging, error);

	if (numbers == NULL)
		return FALSE;
	call_set_paging(call, paging, (gint64)roaring_bitmap_get_cardinality(set), FALSE);
	return search_answer(call, numbers, shown, error);
}

gboolean list_devices(Call *call, GError **error)
{
	const GArray *pairs = call_query_pairs(call);
	g_autoptr(GPtrArray) predicates =
		g_ptr_array_new_with_free_func((GDestroyNotify)predicate_free);
	g_autoptr(GArray) sorts = sorts_new();
	g_autoptr(DeviceSet) set =
		device_sets_all(app_device_sets(call_app(call)), call_tenant(call));
	Paging paging;

	if (!call_paging(call, &paging, error))
		return FALSE;
	for (guint i = 0; i < pairs->len; i++)
		if (!read_pair(&g_array_index(pairs, QueryPair, i), predicates, sorts, error))
			return FALSE;
	if (!check_counts(predicates, sorts, error) || !search_narrow(call, set, predicates, error))
		return FALSE;
	return answer_page(call, set, sorts, NULL, &paging, error);
}

gboolean get_device(Call *call, GError **error)
{
	g_autoptr(InventoryDevice) device = inventory_get_device(
		call_transaction(call), call_tenant(call), call_parameter(call, "id"), error);
	json_t *object = device != NULL ? search_device_to_json(call, device, NULL, error) : NULL;

	if (object == NULL)
		return FALSE;
	if (device->tags_version != NULL)
		call_set_header(
			call, "ETag", call_strdup_printf(call, "\"%s\"", device->tags_version));
	call_set_json(call, object);
	return TRUE;
}

/* --- Version 2: a body of filters --- */
typedef struct {
	gint64 page;
	gint64 per_page;
	json_t *filters;
	json_t *sort;
	json_t *attributes;
	char **device_ids;
	char *text;
} SearchRequest;

static const JsonField search_request_fields[] = {
	JSON_FIELD(SearchRequest, page, JSON_NUMBER, OPTIONAL),
	JSON_FIELD(SearchRequest, per_page, JSON_NUMBER, OPTIONAL),
	JSON_FIELD(SearchRequest, filters, JSON_VALUE, OPTIONAL),
	JSON_FIELD(SearchRequest, sort, JSON_VALUE, OPTIONAL),
	JSON_FIELD(SearchRequest, attributes, JSON_VALUE, OPTIONAL),
	JSON_FIELD(SearchRequest, device_ids, JSON_TEXTS, OPTIONAL),
	JSON_FIELD(SearchRequest, text, JSON_TEXT, OPTIONAL),
	{ 0 },
};
const JsonRecord search_request_record = { sizeof(SearchRequest), search_request_fields };

static gboolean refuse(GError **error, const char *what)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s", what);
	return FALSE;
}

static gboolean read_filters(const json_t *filters, GPtrArray *predicates, GError **error)
{
	if (filters != NULL && !json_is_array(filters))
		return refuse(error, "filters: not a list");
	for (gsize i = 0; i < json_array_size(filters); i++) {
		Predicate *predicate = predicate_read(json_array_get(filters, i), error);

		if (predicate == NULL) {
			g_prefix_error(error, "filters[%" G_GSIZE_FORMAT "].", i);
			return FALSE;
		}
		g_ptr_array_add(predicates, predicate);
	}
	return TRUE;
}

/* [{"scope","attribute","order"?}]: what lists are sorted by, and what of a device is shown. */
static gboolean read_names(const json_t *list, const char *what, GArray *names, GError **error)
{
	if (list != NULL && !json_is_array(list)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not a list", what);
		return FALSE;
	}
	for (gsize i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *scope = json_string_value(json_object_get(one, "scope"));
		const char *name = json_string_value(json_object_get(one, "attribute"));
		const char *order = json_string_value(json_object_get(one, "order"));
		SearchSort sort;

		if (scope == NULL || name == NULL ||
			(order != NULL && !g_str_equal(order, "asc") &&
				!g_str_equal(order, "desc"))) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
				"%s[%" G_GSIZE_FORMAT
				"]: scope, attribute or order missing or unknown",
				what, i);
			return FALSE;
		}
		sort = (SearchSort){ g_strdup(scope), g_strdup(name),
			g_strcmp0(order, "desc") == 0 };
		g_array_append_val(names, sort);
	}
	return TRUE;
}

static gboolean read_page(const SearchRequest *request, Paging *ret_paging, GError **error)
{
	ret_paging->page = request->page != 0 ? request->page : 1;
	ret_paging->per_page = request->per_page != 0 ? request->per_page : PAGING_DEFAULT;
	if (ret_paging->page < 1 || ret_paging->per_page < 1 || ret_paging->page > G_MAXINT32)
		return refuse(error, "page or per_page: not a positive number");
	if (ret_paging->per_page > PAGING_MAX)
		return refuse(error, "parameter \"per_page\" above limit (max: 500)");
	return TRUE;
}

static void keep_named(Call *call, char **ids, DeviceSet *set)
{
	g_autoptr(DeviceSet) named = roaring_bitmap_create();
	guint32 number;

	for (guint i = 0; ids[i] != NULL; i++)
		if (hot_device_row(app_hot(call_app(call)), call_tenant(call), ids[i], &number))
			roaring_bitmap_add(named, number);
	roaring_bitmap_and_inplace(set, named);
}

gboolean search_devices(Call *call, GError **error)
{
	const SearchRequest *request = call_body(call);
	g_autoptr(GPtrArray) predicates =
		g_ptr_array_new_with_free_func((GDestroyNotify)predicate_free);
	g_autoptr(GArray) sorts = sorts_new();
	g_autoptr(GArray) shown = sorts_new();
	g_autoptr(DeviceSet) set =
		device_sets_all(app_device_sets(call_app(call)), call_tenant(call));
	Paging paging;

	if (!read_page(request, &paging, error) ||
		!read_filters(request->filters, predicates, error) ||
		!read_names(request->sort, "sort", sorts, error) ||
		!read_names(request->attributes, "attributes", shown, error) ||
		!check_counts(predicates, sorts, error))
		return FALSE;
	if (request->device_ids != NULL && request->device_ids[0] != NULL)
		keep_named(call, request->device_ids, set);
	if (!search_narrow(call, set, predicates, error) ||
		(request->text != NULL && !search_text(call, set, request->text, error)))
		return FALSE;
	return answer_page(
		call, set, sorts, request->attributes != NULL ? shown : NULL, &paging, error);
}

/* --- Names --- */
gboolean list_attribute_names(Call *call, GError **error)
{
	g_autoptr(json_t) array = json_array();
	g_autoptr(GError) failure = NULL;
	g_autoptr(Rows) rows = transaction_query(call_transaction(call), error,
		QUERY_INVENTORY_NAMES_USED, DB_TEXT, call_tenant(call), DB_END);

	if (rows == NULL)
		return FALSE;
	while (rows_next(rows, &failure))
		json_array_append_new(
			array, json_pack("{s:s, s:s, s:I}", "name", rows_text(rows, 1), "scope",
				       rows_text(rows, 0), "count", (json_int_t)rows_int(rows, 2)));
	if (!rows_ended(g_steal_pointer(&failure), error))
		return FALSE;
	call_set_json(call, g_steal_pointer(&array));
	return TRUE;
}
