/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/last-update.h"
#include "base/clock.h"
#include "base/json.h"
#include <string.h>

#define STORE_LAST_UPDATE "rota-last-update"
#define STORE_HISTORY "rota-update-history"

static json_t *text_or_null(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

/* (transfer full): a list; empty where there is none, or none that can be read. */
static json_t *load_list(Store *store)
{
	json_t *list = last_update_history(store);

	if (json_is_array(list))
		return list;
	json_decref(list);
	return json_array();
}

/* Sixteen reasons in full would be more than whoever watches reads at once. */
static json_t *shortened(const json_t *last)
{
	json_t *copy = json_copy((json_t *)(guintptr)last);
	const char *reason = json_string_value(json_object_get(last, "reason"));
	g_autofree char *cut = g_strndup(reason, LAST_UPDATE_HISTORY_REASON_MAX);
	g_autofree char *valid = reason != NULL ? g_utf8_make_valid(cut, -1) : NULL;

	if (valid != NULL)
		json_object_set_new(copy, "reason", json_string(valid));
	return copy;
}

static void add_to_history(Store *store, StoreChanges *changes, const json_t *last)
{
	g_autoptr(json_t) history = load_list(store);
	g_autofree char *text = NULL;

	json_array_insert_new(history, 0, shortened(last));
	while (json_array_size(history) > LAST_UPDATE_HISTORY_MAX)
		json_array_remove(history, json_array_size(history) - 1);
	text = json_to_text(history);
	store_changes_set(changes, STORE_HISTORY, text);
}

void last_update_add(Store *store, StoreChanges *changes, const UpdateRecord *record)
{
	g_autofree char *now = clock_format_rfc3339(clock_now_us());
	g_autoptr(json_t) last = json_pack("{s:o, s:o, s:s, s:o, s:s}", "deployment",
		text_or_null(record->id), "artifact", text_or_null(record->artifact.name), "result",
		record->own.failed ? "failure" : "success", "reason",
		text_or_null(record->own.failed ? record->own.reason : NULL), "at", now);
	g_autofree char *text = json_to_text(last);

	store_changes_set(changes, STORE_LAST_UPDATE, text);
	add_to_history(store, changes, last);
}

static json_t *load(Store *store, const char *key)
{
	g_autofree char *text = NULL;

	if (!store_get(store, key, &text, NULL) || text == NULL)
		return NULL;
	return json_parse_strict(text, strlen(text), NULL);
}

json_t *last_update_load(Store *store)
{
	return load(store, STORE_LAST_UPDATE);
}

json_t *last_update_history(Store *store)
{
	return load(store, STORE_HISTORY);
}
