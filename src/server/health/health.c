/* SPDX-License-Identifier: Apache-2.0 */
#include "server/health/health.h"

#include "base/error.h"
#include "server/hot.h"
#include "server/layer.h"
#include "server/tenants/tenants.h"
#include "server/auth/sessions.h"

/* --- Health: the store answers, or it does not --- */

static gboolean ask_store(Call *call, GError **error)
{
	g_autoptr(Rows) rows =
		transaction_query(call_transaction(call), error, QUERY_TENANTS_ALL, DB_END);
	g_autoptr(GError) failure = NULL;

	if (!rows || !rows_next(rows, &failure)) {
		g_clear_error(error);
		g_set_error_literal(
			error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "the store does not answer");
		return FALSE;
	}
	return TRUE;
}

static gboolean health(Call *call, GError **error)
{
	if (!ask_store(call, error))
		return FALSE;
	call_set_json(call, json_pack("{s:s}", "status", "ok"));
	return TRUE;
}

static gboolean alive(Call *call, GError **error)
{
	return TRUE;
}

/* --- Metrics --- */

static void add(GString *text, const char *name, const char *kind, const char *help, guint64 value)
{
	g_string_append_printf(text,
		"# HELP rota_%s %s\n# TYPE rota_%s %s\nrota_%s %" G_GUINT64_FORMAT "\n", name, help,
		name, kind, name, value);
}

static void add_http(GString *text, App *app)
{
	HttpServerCounts counts = { 0 };

	app_http_counts(app, &counts);
	add(text, "http_connections_accepted_total", "counter", "Connections taken",
		counts.n_accepted);
	add(text, "http_connections_open", "gauge", "Connections now", counts.n_open);
	add(text, "http_connections_shed_total", "counter", "Connections refused for want of room",
		counts.n_shed);
	add(text, "http_heads_refused_total", "counter", "Malformed or oversized heads",
		counts.n_refused_heads);
	add(text, "http_timeouts_total", "counter", "Connections ended by a deadline",
		counts.n_timeouts);
}

static void add_calls(GString *text, App *app)
{
	LayerCounts counts;

	layer_counts(app_layer(app), &counts);
	add(text, "calls_total", "counter", "Requests with a whole head", counts.n_calls);
	add(text, "bodies_held_bytes", "gauge", "Request bodies in memory", counts.bodies_held);
	add(text, "streams", "gauge", "Uploads under way", counts.n_streams);
	add(text, "internal_errors_total", "counter", "Answers with status 500", counts.n_internal);
	g_string_append(text, "# HELP rota_answers_total Answers by class of status\n# TYPE "
			      "rota_answers_total counter\n");
	for (guint class = 2; class < G_N_ELEMENTS(counts.n_by_class); class ++)
		g_string_append_printf(text,
			"rota_answers_total{class=\"%uxx\"} %" G_GUINT64_FORMAT "\n", class,
			counts.n_by_class[class]);
}

static void add_store(GString *text, App *app)
{
	DatabaseFigures figures;

	database_figures(app_database(app), &figures);
	add(text, "store_jobs_written_total", "counter", "Changes committed", figures.jobs_written);
	add(text, "store_jobs_failed_total", "counter", "Changes undone", figures.jobs_failed);
	add(text, "store_jobs_read_total", "counter", "Reads", figures.jobs_read);
	add(text, "store_groups_total", "counter", "Durable transactions", figures.groups);
	add(text, "store_write_queue", "gauge", "Changes that wait for the writer",
		figures.write_queue);
	add(text, "store_read_queue", "gauge", "Reads that wait", figures.read_queue);
}

static void add_devices(GString *text, App *app)
{
	g_string_append(text, "# HELP rota_devices Devices by status\n# TYPE rota_devices gauge\n");
	for (DeviceStatus status = 0; status < DEVICE_GONE; status++)
		g_string_append_printf(text, "rota_devices{status=\"%s\"} %" G_GINT64_FORMAT "\n",
			device_status_name(status), hot_count_all(app_hot(app), status));
	add(text, "user_tokens", "gauge", "Live tokens of users",
		sessions_count(app_sessions(app)));
}

/* Figures tell how many devices there are and how they fare: for this machine only, where the
 * scraper or its proxy runs. */
static gboolean metrics(Call *call, GError **error)
{
	g_autoptr(GInetAddress) address = g_inet_address_new_from_string(call_peer(call));
	g_autoptr(GString) text = g_string_new(NULL);

	if (!address || !g_inet_address_get_is_loopback(address)) {
		g_set_error_literal(
			error, ROTA_ERROR, ROTA_ERROR_UNAUTHORIZED, "only for this machine");
		return FALSE;
	}
	add_http(text, call_app(call));
	add_calls(text, call_app(call));
	add_store(text, call_app(call));
	add_devices(text, call_app(call));
	call_set_text(call, "text/plain; version=0.0.4", text->str);
	return TRUE;
}

#define SERVICE_ROUTES(service)                                                                    \
	{ HTTP_GET, "/api/internal/v1/" service "/health", CALLER_ANYONE, NULL, RUN_READ, NULL, 0, \
		NULL, ask_store },                                                                 \
	{                                                                                          \
		HTTP_GET, "/api/internal/v1/" service "/alive", CALLER_ANYONE, NULL, RUN_LOOP,     \
			NULL, 0, NULL, alive                                                       \
	}

const Route health_routes[] = { { HTTP_GET, "/health", CALLER_ANYONE, NULL, RUN_READ, NULL, 0, NULL,
					health },
	{ HTTP_GET, "/metrics", CALLER_ANYONE, NULL, RUN_LOOP, NULL, 0, NULL, metrics },
	SERVICE_ROUTES("devauth"), SERVICE_ROUTES("deployments"), SERVICE_ROUTES("inventory"),
	SERVICE_ROUTES("useradm"), { 0 } };
