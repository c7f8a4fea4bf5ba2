/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>
#include "agent/record.h"
#include "agent/store.h"

/* How the last deployment ended: kept in the store, in the transaction that closes it, for
 * `rota-agent status` and the inventory. Other clients skip the key. */

/* Into @changes: outcome, artifact, reason and time of @record's deployment. */
void last_update_add(Store *store, StoreChanges *changes, const UpdateRecord *record);

/* (transfer full)(nullable): {"deployment", "artifact", "result", "reason", "at"}. */
json_t *last_update_load(Store *store);

enum { LAST_UPDATE_HISTORY_MAX = 16, LAST_UPDATE_HISTORY_REASON_MAX = 512 };

/* (transfer full)(nullable): a list of such objects, the last update first; in it reasons are cut.
 */
json_t *last_update_history(Store *store);
