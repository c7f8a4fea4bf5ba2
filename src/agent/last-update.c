/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/last-update.h"
#include "base/clock.h"
#include "base/json.h"
#include <string.h>

#define STORE_LAST_UPDATE "rota-last-update"

static json_t *text_or_null(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

void last_update_add(StoreChanges *changes, const UpdateRecord *record)
{
	g_autofree char *now = clock_format_rfc3339(clock_now_us());
	g_autoptr(json_t) last = json_pack("{s:o, s:o, s:s, s:o, s:s}", "deployment",
		text_or_null(record->id), "artifact", text_or_null(record->artifact.name), "result",
		record->own.failed ? "failure" : "success", "reason",
		text_or_null(record->own.failed ? record->own.reason : NULL), "at", now);
	g_autofree char *text = json_to_text(last);

	store_changes_set(changes, STORE_LAST_UPDATE, text);
}

json_t *last_update_load(Store *store)
{
	g_autofree char *text = NULL;

	if (!store_get(store, STORE_LAST_UPDATE, &text, NULL) || text == NULL)
		return NULL;
	return json_parse_strict(text, strlen(text), NULL);
}
