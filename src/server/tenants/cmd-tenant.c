/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "base/clock.h"
#include "base/error.h"
#include "server/auth/tokens.h"
#include "server/tenants/tenants.h"
#include "server/verb-options.h"

#define TENANT_OPTIONS                                                                             \
	COMMON_OPTIONS(TenantOptions),                                                             \
	{                                                                                          \
		"name", 0, OPTION_TEXT, G_STRUCT_OFFSET(TenantOptions, name), "NAME",              \
			"the tenant's name", NULL                                                  \
	}

const Option tenant_create_options[] = { TENANT_OPTIONS, { 0 } };
const Option tenant_token_options[] = { TENANT_OPTIONS, { 0 } };
const Option tenant_limit_options[] = {
	TENANT_OPTIONS,
	{ "max-devices", 0, OPTION_NUMBER, G_STRUCT_OFFSET(TenantOptions, max_devices), "N",
		"accepted devices at a time; -1 is no limit", "-1" },
	{ 0 },
};

typedef struct {
	const TenantOptions *options;
	char *id;
} Job;

static gboolean create_job(Transaction *transaction, gpointer data, GError **error)
{
	Job *job = data;

	g_free(job->id);
	job->id = tenant_create(transaction, job->options->name, clock_now_us(), error);
	return job->id != NULL;
}

static gboolean find_job(Transaction *transaction, gpointer data, GError **error)
{
	Job *job = data;

	g_free(job->id);
	job->id = tenant_find(transaction, job->options->name, error);
	return job->id != NULL;
}

static gboolean limit_job(Transaction *transaction, gpointer data, GError **error)
{
	Job *job = data;

	return find_job(transaction, data, error) &&
	       transaction_run(transaction, NULL, error, QUERY_TENANT_SET_MAX_DEVICES, DB_TEXT,
		       job->id, DB_INT, MAX(job->options->max_devices, -1), DB_END);
}

static gboolean print_token(const TenantOptions *options, const char *tenant, GError **error)
{
	g_autofree char *keys = g_build_filename(options->common.data, "keys", NULL);
	g_autoptr(Tokens) tokens = tokens_open(keys, error);
	g_autofree char *token = tokens ? tokens_make_tenant(tokens, tenant, error) : NULL;

	if (!token)
		return FALSE;
	puts(token);
	return TRUE;
}

static gboolean run_job(const TenantOptions *options, DatabaseJob job, Job *data, GError **error)
{
	g_autoptr(Database) database = NULL;

	if (!options->name) {
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID, "--name is needed");
		return FALSE;
	}
	database = verb_open_store(&options->common, error);
	return database && database_write_wait(database, job, data, error);
}

static int run(const TenantOptions *options, const char *what, DatabaseJob function, gboolean token)
{
	Job job = { .options = options };
	g_autoptr(GError) error = NULL;
	gboolean ok = run_job(options, function, &job, &error) &&
		      (!token || print_token(options, job.id, &error));

	g_free(job.id);
	return ok ? 0 : verb_failed(what, error);
}

int cmd_tenant_create(gconstpointer options, char **operands, gconstpointer global_options)
{
	return run(options, "tenant create", create_job, TRUE);
}

int cmd_tenant_token(gconstpointer options, char **operands, gconstpointer global_options)
{
	return run(options, "tenant token", find_job, TRUE);
}

int cmd_tenant_limit(gconstpointer options, char **operands, gconstpointer global_options)
{
	return run(options, "tenant limit", limit_job, FALSE);
}
