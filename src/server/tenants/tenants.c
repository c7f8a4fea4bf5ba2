/* SPDX-License-Identifier: Apache-2.0 */
#include "server/tenants/tenants.h"

#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "server/auth/tokens.h"
#include "server/settings.h"

/* Read at start and after each change; a row is never freed, so an id can be borrowed for good. */

typedef struct {
	char *id, *name;
	gint is_active; /* atomic: read without the lock */
	gint64 created_us;
} Tenant;

struct Tenants {
	GRWLock lock;
	GHashTable *by_id; /* id to Tenant */
	const Tenant *first;
};

static void tenant_free(gpointer data)
{
	Tenant *tenant = data;

	g_free(tenant->id);
	g_free(tenant->name);
	g_free(tenant);
}

void tenants_free(Tenants *tenants)
{
	if (!tenants)
		return;
	g_hash_table_unref(tenants->by_id);
	g_rw_lock_clear(&tenants->lock);
	g_free(tenants);
}

static void take_row(Tenants *tenants, Rows *rows)
{
	g_autoptr(GRWLockWriterLocker) locker = g_rw_lock_writer_locker_new(&tenants->lock);
	Tenant *tenant = g_hash_table_lookup(tenants->by_id, rows_text(rows, 0));

	if (!tenant) {
		tenant = g_new0(Tenant, 1);
		tenant->id = g_strdup(rows_text(rows, 0));
		tenant->name = g_strdup(rows_text(rows, 1));
		tenant->created_us = rows_int(rows, 4);
		g_hash_table_insert(tenants->by_id, tenant->id, tenant);
	}
	__atomic_store_n(
		&tenant->is_active, g_str_equal(rows_text(rows, 2), "active"), __ATOMIC_RELAXED);
	if (!tenants->first || tenant->created_us < tenants->first->created_us)
		tenants->first = tenant;
}

static gboolean read_tenants(Transaction *transaction, gpointer data, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_TENANTS_ALL, DB_END);
	g_autoptr(GError) failure = NULL;
	Tenants *tenants = data;

	if (!rows)
		return FALSE;
	while (rows_next(rows, &failure))
		take_row(tenants, rows);
	if (!failure)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}

Tenants *tenants_load(Database *database, GError **error)
{
	g_autoptr(Tenants) tenants = g_new0(Tenants, 1);

	g_rw_lock_init(&tenants->lock);
	tenants->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, tenant_free);
	if (!database_read_wait(database, read_tenants, tenants, error))
		return NULL;
	if (!tenants->first) {
		g_set_error_literal(
			error, ROTA_ERROR, ROTA_ERROR_CORRUPT, "the database holds no tenant");
		return NULL;
	}
	return g_steal_pointer(&tenants);
}

gboolean tenants_reload(Tenants *tenants, Database *database, GError **error)
{
	return database_read_wait(database, read_tenants, tenants, error);
}

const char *tenant_default(App *app)
{
	Tenants *tenants = app_tenants(app);
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&tenants->lock);

	return tenants->first->id;
}

static const Tenant *find(App *app, const char *id)
{
	Tenants *tenants = app_tenants(app);
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&tenants->lock);

	return g_hash_table_lookup(tenants->by_id, id);
}

gboolean tenant_is_active(App *app, const char *tenant_id)
{
	const Tenant *tenant = find(app, tenant_id);

	return tenant && __atomic_load_n(&tenant->is_active, __ATOMIC_RELAXED);
}

/* The command line may have made a tenant while the server runs. */
static const Tenant *find_now(App *app, Transaction *transaction, const char *id)
{
	const Tenant *tenant = find(app, id);

	if (!tenant && read_tenants(transaction, app_tenants(app), NULL))
		tenant = find(app, id);
	return tenant;
}

gboolean tenant_is_active_now(App *app, Transaction *transaction, const char *tenant_id)
{
	const Tenant *tenant = find_now(app, transaction, tenant_id);

	return tenant && __atomic_load_n(&tenant->is_active, __ATOMIC_RELAXED);
}

static const char *tenant_named_by(App *app, Transaction *transaction, const char *token)
{
	g_auto(TokenFacts) facts = { 0 };
	const Tenant *tenant;

	if (!token || !*token ||
		!tokens_verify(app_tokens(app), token, strlen(token), &facts, NULL) ||
		!facts.is_tenant)
		return NULL;
	tenant = find_now(app, transaction, facts.subject);
	return tenant ? tenant->id : NULL;
}

const char *tenant_of_token(App *app, Transaction *transaction, const char *token, GError **error)
{
	const char *id = tenant_named_by(app, transaction, token);

	if (!id && app_settings(app)->require_tenant_token) {
		g_set_error_literal(
			error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, "a tenant token is needed");
		return NULL;
	}
	if (!id)
		id = tenant_default(app);
	if (!tenant_is_active(app, id)) {
		g_set_error_literal(
			error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, "Account suspended");
		return NULL;
	}
	return id;
}

/* --- For the command line --- */

static gboolean check_name(const char *name, GError **error)
{
	if (*name && strlen(name) <= TENANT_NAME_MAX && g_utf8_validate(name, -1, NULL))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "a tenant's name has 1 to %d bytes",
		TENANT_NAME_MAX);
	return FALSE;
}

char *tenant_create(Transaction *transaction, const char *name, gint64 now_us, GError **error)
{
	g_autofree char *id = g_uuid_string_random();
	gint64 changed = 0;

	if (!check_name(name, error) ||
		!transaction_run(transaction, &changed, error, QUERY_TENANT_ADD, DB_TEXT, id,
			DB_TEXT, name, DB_INT, now_us, DB_END))
		return NULL;
	if (changed == 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
			"there is a tenant named \"%s\"", name);
		return NULL;
	}
	return g_steal_pointer(&id);
}

char *tenant_find(Transaction *transaction, const char *name, GError **error)
{
	g_autoptr(Rows) rows =
		transaction_query(transaction, error, QUERY_TENANT_BY_NAME, DB_TEXT, name, DB_END);
	g_autoptr(GError) failure = NULL;

	if (!rows)
		return NULL;
	if (rows_next(rows, &failure))
		return g_strdup(rows_text(rows, 0));
	if (failure)
		g_propagate_error(error, g_steal_pointer(&failure));
	else
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no tenant is named \"%s\"", name);
	return NULL;
}

gboolean tenant_make_first(Transaction *transaction, gint64 now_us, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_TENANTS_ALL, DB_END);
	g_autoptr(GError) failure = NULL;
	g_autofree char *id = NULL;

	if (!rows)
		return FALSE;
	if (rows_next(rows, &failure))
		return TRUE;
	if (failure) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	g_clear_pointer(&rows, rows_free);
	id = tenant_create(transaction, TENANT_DEFAULT_NAME, now_us, error);
	return id != NULL;
}

/* --- Routes --- */

static gboolean get_own_tenant(Call *call, GError **error)
{
	const Tenant *tenant = find(call_app(call), call_tenant(call));
	g_autofree char *created = clock_format_rfc3339(tenant->created_us);
	g_autofree char *token = tokens_make_tenant(app_tokens(call_app(call)), tenant->id, error);

	if (!token)
		return FALSE;
	call_set_json(
		call, json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:[], s:s}", "id", tenant->id,
			      "name", tenant->name, "tenant_token", token, "status", "active",
			      "plan", "enterprise", "trial", 0, "addons", "created_at", created));
	return TRUE;
}

const Route tenant_routes[] = {
	{ HTTP_GET, "/api/management/v1/tenantadm/user/tenant", CALLER_USER, "tenants.read",
		RUN_WORKER, NULL, 0, NULL, get_own_tenant },
	{ 0 },
};
