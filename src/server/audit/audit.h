/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/call.h"

/* The record of every change: who, what, on what, when. An entry is written in the transaction of
 * the change it tells of, so there is neither a change without an entry nor an entry without a
 * change, and it is never touched again. */

extern const Route audit_routes[];

typedef struct {
	const char *tenant;
	const char *actor_type;  /* "user", "device", "system" */
	const char *actor_id;    /* (nullable) */
	const char *actor_email; /* (nullable) */
	const char *action;      /* "create", "accept", ... */
	const char *object_type; /* "user", "device", "deployment", ... */
	const char *object_id;   /* (nullable) */
	const json_t *details;   /* (nullable): an object */
	const char *request_id;  /* (nullable) */
	gint64 time_us;
} AuditEntry;

gboolean audit_write(Transaction *transaction, const AuditEntry *entry,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* LayerAudit: the entry of a call. */
gboolean audit_call(Call *call, const char *action, const char *object_type, const char *object_id,
	const json_t *details, GError **error) G_GNUC_WARN_UNUSED_RESULT;
