/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/call.h"
#include "server/inventory/predicate.h"
#include "server/inventory/sets.h"
#include "server/inventory/store.h"

/* Which devices meet conditions, in which order, and what is shown of them. On a reader. */

enum {
	SEARCH_PREDICATES_MAX = 64,
	SEARCH_SORTS_MAX = 8,
	SEARCH_WORDS_MAX = 16,
};

/* (transfer full): the devices that meet @predicate. */
DeviceSet *search_predicate(
	Call *call, const Predicate *predicate, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Leaves in @set what meets all of @predicates (of Predicate *). */
gboolean search_narrow(Call *call, DeviceSet *set, const GPtrArray *predicates,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Leaves in @set the devices that have each word of @text in one of their texts. */
gboolean search_text(
	Call *call, DeviceSet *set, const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
	char *scope, *name;
	gboolean descending;
} SearchSort;
void search_sort_clear(gpointer sort); /* for arrays of them */

/* (transfer full): numbers (guint32) of one page of @set. @sorts: of SearchSort; none: by number.
 */
GArray *search_page(Call *call, const DeviceSet *set, const GArray *sorts, const Paging *paging,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): one device as lists show it. @shown: (nullable): of SearchSort: only these
 * attributes. */
json_t *search_device_to_json(Call *call, const InventoryDevice *device, const GArray *shown,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Answers with the devices of @numbers. */
gboolean search_answer(Call *call, const GArray *numbers, const GArray *shown,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
