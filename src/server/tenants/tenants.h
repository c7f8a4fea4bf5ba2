/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/call.h"

/* Tenants: organisations that do not see each other. One is there from the start and can stay the
 * only one: whoever names none is in it. */

extern const Route tenant_routes[];

enum { TENANT_NAME_MAX = 256 };
#define TENANT_DEFAULT_NAME "default"

/* In memory: few, asked at every call. */
Tenants *tenants_load(Database *database, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void tenants_free(Tenants *tenants);
/* Reads what the command line has changed meanwhile. */
gboolean tenants_reload(
	Tenants *tenants, Database *database, GError **error) G_GNUC_WARN_UNUSED_RESULT;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tenants, tenants_free)

/* The id; lives as long as the app. */
const char *tenant_default(App *app);
gboolean tenant_is_active(App *app, const char *tenant_id);
/* The same from within a job, where a tenant that memory does not know yet is looked up in the
 * store. */
gboolean tenant_is_active_now(App *app, Transaction *transaction, const char *tenant_id);

/* Whose tenant a new device joins: that of its @token (nullable); without a good one the default
 * tenant's, unless the setting RequireTenantToken makes a token a must. NULL:
 * ROTA_ERROR_UNAUTHORIZED. */
const char *tenant_of_token(App *app, Transaction *transaction, const char *token,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- For the command line: within a job of the writer --- */
/* (transfer full): the new tenant's id. ROTA_ERROR_CONFLICT where the name is taken. */
char *tenant_create(Transaction *transaction, const char *name, gint64 now_us,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full): the id of the tenant with this name; ROTA_ERROR_NOT_FOUND. */
char *tenant_find(
	Transaction *transaction, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Makes the first tenant where there is none. */
gboolean tenant_make_first(
	Transaction *transaction, gint64 now_us, GError **error) G_GNUC_WARN_UNUSED_RESULT;
