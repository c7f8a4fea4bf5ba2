/* SPDX-License-Identifier: Apache-2.0 */
/* A search is set arithmetic: each condition becomes a set of device numbers, read from an index;
 * the sets are intersected; a page is cut from what is left. Conditions on status and group are
 * answered from the sets in memory, conditions on other things the server itself knows by going
 * over the devices. */
#include "server/inventory/search.h"

#include <float.h>
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "server/inventory/known.h"
#include "server/rows.h"

/* --- One condition, from the store --- */

/* Adds the numbers of all rows to @set; takes @rows. */
static gboolean collect(Rows *taken, DeviceSet *set, GError **error)
{
	g_autoptr(Rows) rows = taken;
	g_autoptr(GError) failure = NULL;

	if (rows == NULL)
		return FALSE;
	while (rows_next(rows, &failure))
		roaring_bitmap_add(set, (guint32)rows_int(rows, 0));
	return rows_ended(g_steal_pointer(&failure), error);
}

/* The same for rows of a number and a value, for those that meet the condition; takes @rows. */
static gboolean collect_matching(
	Rows *taken, const Predicate *predicate, gboolean are_texts, DeviceSet *set, GError **error)
{
	g_autoptr(Rows) rows = taken;
	g_autoptr(GError) failure = NULL;
	g_autofree char *last = NULL; /* texts come in order: equal ones are judged once */
	gboolean matches = FALSE;

	if (rows == NULL)
		return FALSE;
	while (rows_next(rows, &failure)) {
		AttributeValue value = { 0 };

		if (!are_texts)
			value.number = rows_real(rows, 1);
		else
			value = attribute_value_of(rows_text(rows, 1));
		if (!are_texts || g_strcmp0(value.text, last) != 0) {
			if (!predicate_matches(predicate, &value, &matches, error))
				return FALSE;
			g_free(last);
			last = g_strdup(value.text);
		}
		if (matches)
			roaring_bitmap_add(set, (guint32)rows_int(rows, 0));
	}
	return rows_ended(g_steal_pointer(&failure), error);
}

static Rows *query_numbers(
	Call *call, const Predicate *predicate, double least, double most, GError **error)
{
	return transaction_query(call_transaction(call), error, QUERY_INVENTORY_WITH_NUMBERS,
		DB_TEXT, call_tenant(call), DB_TEXT, predicate_scope(predicate), DB_TEXT,
		predicate_name(predicate), DB_REAL, least, DB_REAL, most, DB_END);
}

static Rows *query_text(Call *call, const Predicate *predicate, const char *text, GError **error)
{
	g_autofree char *key = attribute_text_key(text);

	return transaction_query(call_transaction(call), error, QUERY_INVENTORY_WITH_TEXT, DB_TEXT,
		call_tenant(call), DB_TEXT, predicate_scope(predicate), DB_TEXT,
		predicate_name(predicate), DB_TEXT, key, DB_END);
}

static gboolean collect_equal(
	Call *call, const Predicate *predicate, DeviceSet *set, GError **error)
{
	const GArray *operands = predicate_operands(predicate);

	for (guint i = 0; i < operands->len; i++) {
		const AttributeValue *operand = &g_array_index(operands, AttributeValue, i);
		Rows *rows = operand->text != NULL
				     ? query_text(call, predicate, operand->text, error)
				     : query_numbers(call, predicate, operand->number,
					       operand->number, error);

		if (!collect(rows, set, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean collect_texts(
	Call *call, const Predicate *predicate, DeviceSet *set, GError **error)
{
	return collect_matching(
		transaction_query(call_transaction(call), error, QUERY_INVENTORY_TEXTS, DB_TEXT,
			call_tenant(call), DB_TEXT, predicate_scope(predicate), DB_TEXT,
			predicate_name(predicate), DB_END),
		predicate, TRUE, set, error);
}

static gboolean collect_ordered(
	Call *call, const Predicate *predicate, DeviceSet *set, GError **error)
{
	const AttributeValue *operand =
		&g_array_index(predicate_operands(predicate), AttributeValue, 0);
	gboolean below = predicate_kind(predicate) == PREDICATE_LESS ||
			 predicate_kind(predicate) == PREDICATE_LESS_OR_EQUAL;

	if (operand->text != NULL)
		return collect_texts(call, predicate, set, error);
	return collect_matching(query_numbers(call, predicate, below ? -DBL_MAX : operand->number,
					below ? operand->number : DBL_MAX, error),
		predicate, FALSE, set, error);
}

static gboolean collect_stored(
	Call *call, const Predicate *predicate, DeviceSet *set, GError **error)
{
	switch (predicate_kind(predicate)) {
	case PREDICATE_EQUAL:
		return collect_equal(call, predicate, set, error);
	case PREDICATE_REGEX:
		return collect_texts(call, predicate, set, error);
	case PREDICATE_EXISTS:
		return collect(transaction_query(call_transaction(call), error,
				       QUERY_INVENTORY_WITH_ATTRIBUTE, DB_TEXT, call_tenant(call),
				       DB_TEXT, predicate_scope(predicate), DB_TEXT,
				       predicate_name(predicate), DB_END),
			set, error);
	default:
		return collect_ordered(call, predicate, set, error);
	}
}

/* --- One condition on what the server itself knows --- */

static gboolean text_matches(
	const Predicate *predicate, const char *text, gboolean *ret_matches, GError **error)
{
	const AttributeValue value = attribute_value_of(text);

	return predicate_matches(predicate, &value, ret_matches, error);
}

static gboolean collect_status(
	Call *call, const Predicate *predicate, DeviceSet *set, GError **error)
{
	DeviceSets *sets = app_device_sets(call_app(call));

	for (DeviceStatus status = 0; status < DEVICE_GONE; status++) {
		g_autoptr(DeviceSet) members = NULL;
		gboolean matches;

		if (!text_matches(predicate, device_status_name(status), &matches, error))
			return FALSE;
		if (!matches)
			continue;
		members = device_sets_with_status(sets, call_tenant(call), status);
		roaring_bitmap_or_inplace(set, members);
	}
	return TRUE;
}

static gboolean collect_groups(
	Call *call, const Predicate *predicate, DeviceSet *set, GError **error)
{
	DeviceSets *sets = app_device_sets(call_app(call));
	g_auto(GStrv) groups = device_sets_groups(sets, call_tenant(call), N_DEVICE_STATUSES);

	for (guint i = 0; groups[i] != NULL; i++) {
		g_autoptr(DeviceSet) members = NULL;
		gboolean matches;

		if (!text_matches(predicate, groups[i], &matches, error))
			return FALSE;
		if (!matches)
			continue;
		members = device_sets_in_group(sets, call_tenant(call), groups[i]);
		roaring_bitmap_or_inplace(set, members);
	}
	return TRUE;
}

typedef struct {
	Hot *hot;
	const Predicate *predicate;
	const KnownAttribute *known;
	DeviceSet *set;
} KnownVisit;

static gboolean visit_known(const InventoryDevice *device, gpointer data, GError **error)
{
	const KnownVisit *visit = data;
	g_autofree char *text = visit->known->value(device, visit->hot);
	gboolean matches;

	if (text == NULL)
		return TRUE;
	if (!text_matches(visit->predicate, text, &matches, error))
		return FALSE;
	if (matches)
		roaring_bitmap_add(visit->set, device->number);
	return TRUE;
}

static gboolean collect_known(Call *call, const Predicate *predicate, const KnownAttribute *known,
	DeviceSet *set, GError **error)
{
	KnownVisit visit = { app_hot(call_app(call)), predicate, known, set };

	if (g_str_equal(known->name, "status"))
		return collect_status(call, predicate, set, error);
	if (g_str_equal(known->name, "group"))
		return collect_groups(call, predicate, set, error);
	return inventory_each_device(
		call_transaction(call), call_tenant(call), visit_known, &visit, error);
}

/* --- Conditions --- */

static gboolean collect_any(Call *call, const Predicate *predicate, DeviceSet *set, GError **error)
{
	const KnownAttribute *known =
		known_attribute_find(predicate_scope(predicate), predicate_name(predicate));

	return known != NULL ? collect_known(call, predicate, known, set, error)
			     : collect_stored(call, predicate, set, error);
}

/* Adds the devices that lack the attribute. */
static gboolean add_missing(Call *call, const Predicate *predicate, DeviceSet *set, GError **error)
{
	g_autoptr(DeviceSet) missing =
		device_sets_all(app_device_sets(call_app(call)), call_tenant(call));
	g_autoptr(DeviceSet) present = roaring_bitmap_create();
	g_autoptr(json_t) object =
		json_pack("{s:s, s:s, s:s, s:b}", "scope", predicate_scope(predicate), "attribute",
			predicate_name(predicate), "type", "$exists", "value", TRUE);
	g_autoptr(Predicate) exists = predicate_read(object, error);

	if (exists == NULL || !collect_any(call, exists, present, error))
		return FALSE;
	roaring_bitmap_andnot_inplace(missing, present);
	roaring_bitmap_or_inplace(set, missing);
	return TRUE;
}

DeviceSet *search_predicate(Call *call, const Predicate *predicate, GError **error)
{
	g_autoptr(DeviceSet) set = roaring_bitmap_create();
	g_autoptr(DeviceSet) all = NULL;

	if (!collect_any(call, predicate, set, error))
		return NULL;
	if (predicate_takes_missing(predicate) && !add_missing(call, predicate, set, error))
		return NULL;
	if (!predicate_is_negated(predicate))
		return g_steal_pointer(&set);
	all = device_sets_all(app_device_sets(call_app(call)), call_tenant(call));
	roaring_bitmap_andnot_inplace(all, set);
	return g_steal_pointer(&all);
}

gboolean search_narrow(Call *call, DeviceSet *set, const GPtrArray *predicates, GError **error)
{
	for (guint i = 0; i < predicates->len; i++) {
		g_autoptr(DeviceSet) matching =
			search_predicate(call, g_ptr_array_index(predicates, i), error);

		if (matching == NULL) {
			g_prefix_error(error, "filters[%u].", i);
			return FALSE;
		}
		roaring_bitmap_and_inplace(set, matching);
	}
	return TRUE;
}

static char *make_word_pattern(const char *word)
{
	GString *pattern = g_string_new("%");

	for (const char *at = word; *at != '\0'; at++) {
		if (strchr("%_\\", *at) != NULL)
			g_string_append_c(pattern, '\\');
		g_string_append_c(pattern, g_ascii_tolower(*at));
	}
	g_string_append_c(pattern, '%');
	return g_string_free(pattern, FALSE);
}

/* A word may also be a device's whole id or its group. */
static void collect_named(Call *call, const char *word, DeviceSet *set)
{
	g_autoptr(DeviceSet) members =
		device_sets_in_group(app_device_sets(call_app(call)), call_tenant(call), word);
	guint32 number;

	roaring_bitmap_or_inplace(set, members);
	if (hot_device_row(app_hot(call_app(call)), call_tenant(call), word, &number))
		roaring_bitmap_add(set, number);
}

gboolean search_text(Call *call, DeviceSet *set, const char *text, GError **error)
{
	g_auto(GStrv) words = g_strsplit_set(text, " \t\r\n", SEARCH_WORDS_MAX);

	for (guint i = 0; words[i] != NULL; i++) {
		g_autofree char *pattern = make_word_pattern(words[i]);
		g_autoptr(DeviceSet) matching = roaring_bitmap_create();

		if (words[i][0] == '\0')
			continue;
		collect_named(call, words[i], matching);
		if (!collect(transaction_query(call_transaction(call), error,
				     QUERY_INVENTORY_WITH_WORD, DB_TEXT, call_tenant(call), DB_TEXT,
				     pattern, DB_END),
			    matching, error))
			return FALSE;
		roaring_bitmap_and_inplace(set, matching);
	}
	return TRUE;
}

/* --- Order and pages --- */

void search_sort_clear(gpointer data)
{
	SearchSort *sort = data;

	g_free(sort->scope);
	g_free(sort->name);
}

/* A device and what it is sorted by. */
typedef struct {
	guint32 number;
	AttributeValue *keys; /* one for each sort */
	guint64 present;      /* bit i: key i is there */
} Candidate;

typedef struct {
	GArray *candidates; /* of Candidate, by number until they are sorted */
	const GArray *sorts;
} Ordering;

static void clear_ordering(Ordering *ordering)
{
	for (guint i = 0; i < ordering->candidates->len; i++) {
		Candidate *candidate = &g_array_index(ordering->candidates, Candidate, i);

		for (guint j = 0; j < ordering->sorts->len; j++)
			g_free(candidate->keys[j].text);
		g_free(candidate->keys);
	}
	g_array_unref(ordering->candidates);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Ordering, clear_ordering)

static bool add_candidate(guint32 number, void *data)
{
	Ordering *ordering = data;
	Candidate candidate = { number, g_new0(AttributeValue, ordering->sorts->len), 0 };

	g_array_append_val(ordering->candidates, candidate);
	return true;
}

static int compare_numbers(const void *a, const void *b)
{
	guint32 first = ((const Candidate *)a)->number, second = ((const Candidate *)b)->number;

	return first < second ? -1 : first > second;
}

/* Takes what @value owns. */
static void set_key(Ordering *ordering, guint32 number, guint sort, AttributeValue value)
{
	Candidate wanted = { .number = number };
	Candidate *candidate = bsearch(&wanted, ordering->candidates->data,
		ordering->candidates->len, sizeof wanted, compare_numbers);

	if (candidate == NULL || (candidate->present & 1u << sort) != 0) {
		g_free(value.text);
		return;
	}
	candidate->keys[sort] = value;
	candidate->present |= 1u << sort;
}

typedef struct {
	Ordering *ordering;
	guint sort;
	const KnownAttribute *known;
	Hot *hot;
} KeyVisit;

static gboolean visit_key(const InventoryDevice *device, gpointer data, GError **error)
{
	const KeyVisit *visit = data;
	AttributeValue value = { .text = visit->known->value(device, visit->hot) };

	if (value.text != NULL)
		set_key(visit->ordering, device->number, visit->sort, value);
	return TRUE;
}

static gboolean load_stored_keys(Call *call, Ordering *ordering, guint index, GError **error)
{
	const SearchSort *sort = &g_array_index(ordering->sorts, SearchSort, index);
	g_autoptr(GError) failure = NULL;
	g_autoptr(Rows) rows = transaction_query(call_transaction(call), error,
		QUERY_INVENTORY_FIRST_VALUES, DB_TEXT, call_tenant(call), DB_TEXT, sort->scope,
		DB_TEXT, sort->name, DB_END);

	if (rows == NULL)
		return FALSE;
	while (rows_next(rows, &failure)) {
		AttributeValue value = { g_strdup(rows_text(rows, 1)), rows_real(rows, 2) };

		set_key(ordering, (guint32)rows_int(rows, 0), index, value);
	}
	return rows_ended(g_steal_pointer(&failure), error);
}

static gboolean load_keys(Call *call, Ordering *ordering, guint index, GError **error)
{
	const SearchSort *sort = &g_array_index(ordering->sorts, SearchSort, index);
	KeyVisit visit = { ordering, index, known_attribute_find(sort->scope, sort->name),
		app_hot(call_app(call)) };

	if (visit.known == NULL)
		return load_stored_keys(call, ordering, index, error);
	return inventory_each_device(
		call_transaction(call), call_tenant(call), visit_key, &visit, error);
}

static const AttributeValue *key_of(const Candidate *candidate, guint sort)
{
	return (candidate->present & 1u << sort) != 0 ? &candidate->keys[sort] : NULL;
}

static int compare_candidates(gconstpointer a, gconstpointer b, gpointer data)
{
	const Ordering *ordering = data;
	const GArray *sorts = ordering->sorts;

	for (guint i = 0; i < sorts->len; i++) {
		int order = attribute_value_compare(key_of(a, i), key_of(b, i));

		if (order != 0)
			return g_array_index(sorts, SearchSort, i).descending ? -order : order;
	}
	return compare_numbers(a, b);
}

static GArray *sorted_page(Call *call, const DeviceSet *set, const GArray *sorts, guint64 first,
	guint64 n, GError **error)
{
	g_auto(Ordering) ordering = { g_array_new(FALSE, FALSE, sizeof(Candidate)), sorts };
	GArray *numbers;

	roaring_iterate(set, add_candidate, &ordering);
	for (guint i = 0; i < sorts->len; i++)
		if (!load_keys(call, &ordering, i, error))
			return NULL;
	g_array_sort_with_data(ordering.candidates, compare_candidates, &ordering);
	numbers = g_array_new(FALSE, FALSE, sizeof(guint32));
	for (guint64 i = first; i < first + n && i < ordering.candidates->len; i++)
		g_array_append_val(
			numbers, g_array_index(ordering.candidates, Candidate, i).number);
	return numbers;
}

GArray *search_page(
	Call *call, const DeviceSet *set, const GArray *sorts, const Paging *paging, GError **error)
{
	guint64 first = (guint64)(paging->page - 1) * (guint64)paging->per_page;
	guint64 size = roaring_bitmap_get_cardinality(set);
	guint64 n = first < size ? MIN((guint64)paging->per_page, size - first) : 0;
	GArray *numbers;

	if (sorts->len > 0 && n > 0)
		return sorted_page(call, set, sorts, first, n, error);
	numbers = g_array_sized_new(FALSE, TRUE, sizeof(guint32), (guint)n);
	g_array_set_size(numbers, (guint)n);
	if (n > 0)
		roaring_bitmap_range_uint32_array(set, first, n, (guint32 *)(void *)numbers->data);
	return numbers;
}

/* --- What is shown --- */

static gboolean is_shown(const GArray *shown, const char *scope, const char *name)
{
	for (guint i = 0; shown != NULL && i < shown->len; i++) {
		const SearchSort *one = &g_array_index(shown, SearchSort, i);

		if (g_str_equal(one->scope, scope) && g_str_equal(one->name, name))
			return TRUE;
	}
	return shown == NULL;
}

static void add_known(
	Call *call, const InventoryDevice *device, const GArray *shown, json_t *attributes)
{
	for (const KnownAttribute *known = known_attributes; known->name != NULL; known++) {
		g_autofree char *value = known->value(device, app_hot(call_app(call)));

		if (value != NULL && is_shown(shown, known->scope, known->name))
			json_array_append_new(
				attributes, json_pack("{s:s, s:s, s:s}", "name", known->name,
						    "value", value, "scope", known->scope));
	}
}

json_t *search_device_to_json(
	Call *call, const InventoryDevice *device, const GArray *shown, GError **error)
{
	g_autoptr(GPtrArray) stored = inventory_attributes(
		call_transaction(call), call_tenant(call), device->number, NULL, error);
	g_autofree char *updated_at = clock_format_rfc3339(device->updated_us);
	json_t *attributes;

	if (stored == NULL)
		return NULL;
	attributes = json_array();
	for (guint i = 0; i < stored->len; i++) {
		const Attribute *attribute = g_ptr_array_index(stored, i);

		if (is_shown(shown, attribute->scope, attribute->name))
			json_array_append_new(attributes, attribute_to_json(attribute));
	}
	add_known(call, device, shown, attributes);
	return json_pack("{s:s, s:o, s:s}", "id", device->id, "attributes", attributes,
		"updated_ts", updated_at);
}

gboolean search_answer(Call *call, const GArray *numbers, const GArray *shown, GError **error)
{
	g_autoptr(json_t) array = json_array();

	for (guint i = 0; i < numbers->len; i++) {
		g_autoptr(GError) failure = NULL;
		g_autoptr(InventoryDevice) device = inventory_get_numbered(call_transaction(call),
			call_tenant(call), g_array_index(numbers, guint32, i), &failure);
		json_t *object;

		/* Memory may be a moment behind the store, or ahead of a reader's view. */
		if (g_error_matches(failure, ROTA_ERROR, ROTA_ERROR_NOT_FOUND))
			continue;
		if (device == NULL) {
			g_propagate_error(error, g_steal_pointer(&failure));
			return FALSE;
		}
		object = search_device_to_json(call, device, shown, error);
		if (object == NULL)
			return FALSE;
		json_array_append_new(array, object);
	}
	call_set_json(call, g_steal_pointer(&array));
	return TRUE;
}
