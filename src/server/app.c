/* SPDX-License-Identifier: Apache-2.0 */
#include "server/app-run.h"

#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "server/artifacts/artifacts.h"
#include "server/audit/audit.h"
#include "server/auth/devices.h"
#include "server/auth/tokens.h"
#include "server/blob/blob.h"
#include "server/campaigns/campaigns.h"
#include "server/health/health.h"
#include "server/hot.h"
#include "server/inventory/inventory.h"
#include "server/layer.h"
#include "server/tenants/tenants.h"
#include "server/auth/sessions.h"
#include "server/users/users.h"

/* Wires everything together: the only file that knows all domains. */

const Route *const app_route_tables[] = {
	health_routes,
	auth_request_routes,
	auth_routes,
	user_routes,
	user_settings_routes,
	user_token_routes,
	tenant_routes,
	audit_routes,
	inventory_routes,
	artifact_routes,
	campaign_routes,
	NULL,
};

struct App {
	char *folder, *config, *public_url;
	Settings settings;
	Database *database;
	Tokens *tokens;
	Tenants *tenants;
	Devices *devices;
	Sessions *sessions;
	Hot *hot;
	Blobs *blobs;
	Links *links;
	DeviceSets *device_sets;
	Pending *pending;
	Router *router;
	Layer *layer;
	HttpServer *http;
};

/* --- What domains ask for --- */

const Settings *app_settings(App *app)
{
	return &app->settings;
}

Database *app_database(App *app)
{
	return app->database;
}

Hot *app_hot(App *app)
{
	return app->hot;
}

Blobs *app_blobs(App *app)
{
	return app->blobs;
}

Links *app_links(App *app)
{
	return app->links;
}

DeviceSets *app_device_sets(App *app)
{
	return app->device_sets;
}

Pending *app_pending(App *app)
{
	return app->pending;
}

Tokens *app_tokens(App *app)
{
	return app->tokens;
}

Sessions *app_sessions(App *app)
{
	return app->sessions;
}

Tenants *app_tenants(App *app)
{
	return app->tenants;
}

Devices *app_devices(App *app)
{
	return app->devices;
}

Layer *app_layer(App *app)
{
	return app->layer;
}

const char *app_public_url(App *app)
{
	return app->public_url;
}

const char *app_data_folder(App *app)
{
	return app->folder;
}

void app_http_counts(App *app, HttpServerCounts *ret_counts)
{
	http_server_counts(app->http, ret_counts);
}

/* --- Opening --- */

static gboolean make_first_tenant(Transaction *transaction, gpointer data, GError **error)
{
	return tenant_make_first(transaction, clock_now_us(), error);
}

Database *app_open_store(const AppPlaces *places, const Settings *settings, GError **error)
{
	g_autofree char *path = g_build_filename(places->folder, "rota.db", NULL);
	g_autofree char *usual = g_strconcat("sqlite:", path, NULL);
	const char *url = places->database      ? places->database
			  : *settings->database ? settings->database
						: usual;
	g_autoptr(Database) database = NULL;

	if (!file_make_folders(places->folder, 0700, error))
		return NULL;
	database = database_open(url, (guint)settings->readers, error);
	if (!database || !database_write_wait(database, make_first_tenant, NULL, error))
		return NULL;
	return g_steal_pointer(&database);
}

static gboolean build_router(App *app, GError **error)
{
	app->router = router_new();
	for (const Route *const *table = app_route_tables; *table; table++)
		if (!router_add(app->router, *table, error))
			return FALSE;
	app->layer = layer_new(app, app->router, audit_call);
	return TRUE;
}

static gboolean open_memory(App *app, GError **error)
{
	app->hot = hot_new();
	app->devices = devices_new();
	app->tenants = tenants_load(app->database, error);
	if (!app->tenants)
		return FALSE;
	app->sessions = sessions_load(app->database, error);
	return app->sessions && hot_load(app->hot, app->database, error);
}

static gboolean open_storage(App *app, const AppPlaces *places, GError **error)
{
	g_autofree char *usual = g_strconcat("file:", places->folder, "/artifacts", NULL);
	const char *url = places->storage          ? places->storage
			  : *app->settings.storage ? app->settings.storage
						   : usual;

	app->blobs = blobs_open(url, error);
	if (!app->blobs || !artifacts_sweep(app->database, app->blobs, tenant_default(app), error))
		return FALSE;
	app->links = links_load(app->database, error);
	return app->links != NULL;
}

/* What follows devices: sets first, since what a campaign ends with asks for them. */
static gboolean open_fleet(App *app, GError **error)
{
	app->device_sets = device_sets_load(app->database, error);
	if (!app->device_sets)
		return FALSE;
	app->pending = pending_load(app->database, error);
	if (!app->pending)
		return FALSE;
	devices_add_listener(app, campaigns_device_changed);
	devices_add_listener(app, inventory_device_changed);
	return TRUE;
}

static gboolean open_parts(App *app, const AppPlaces *places, GError **error)
{
	g_autofree char *keys = g_build_filename(places->folder, "keys", NULL);

	app->database = app_open_store(places, &app->settings, error);
	if (!app->database)
		return FALSE;
	app->tokens = tokens_open(keys, error);
	if (!app->tokens || !open_memory(app, error) || !open_fleet(app, error) ||
		!open_storage(app, places, error) || !build_router(app, error))
		return FALSE;
	hot_contacts_start(app->hot, app->database);
	return TRUE;
}

static char *without_slash(const char *url)
{
	gsize length = strlen(url);

	while (length > 0 && url[length - 1] == '/')
		length--;
	return g_strndup(url, length);
}

App *app_open(const AppPlaces *places, GError **error)
{
	g_autoptr(App) app = g_new0(App, 1);

	app->folder = g_strdup(places->folder);
	app->config = g_strdup(places->config);
	if (!server_settings_load(places->config, places->folder, &app->settings, error))
		return NULL;
	app->public_url =
		without_slash(places->public_url ? places->public_url : app->settings.public_url);
	return open_parts(app, places, error) ? g_steal_pointer(&app) : NULL;
}

/* In the order that lets what is under way end well: no more requests, then what the store and the
 * threads still do, then what they used. */
void app_free(App *app)
{
	if (!app)
		return;
	if (app->http)
		http_server_drain(app->http);
	if (app->hot)
		hot_contacts_stop(app->hot);
	g_clear_pointer(&app->layer, layer_free);
	g_clear_pointer(&app->database, database_free);
	g_clear_pointer(&app->http, http_server_free);
	g_clear_pointer(&app->router, router_free);
	g_clear_pointer(&app->sessions, sessions_free);
	g_clear_pointer(&app->devices, devices_free);
	g_clear_pointer(&app->tenants, tenants_free);
	g_clear_pointer(&app->hot, hot_free);
	g_clear_pointer(&app->pending, pending_free);
	g_clear_pointer(&app->device_sets, device_sets_free);
	g_clear_pointer(&app->links, links_free);
	g_clear_pointer(&app->blobs, blobs_free);
	g_clear_pointer(&app->tokens, tokens_free);
	server_settings_clear(&app->settings);
	g_free(app->folder);
	g_free(app->config);
	g_free(app->public_url);
	g_free(app);
}

/* --- Serving --- */

gboolean app_serve(App *app, const HttpServerSettings *http, GError **error)
{
	HttpApplication application = layer_application(app->layer);

	app->http = http_server_start(http, &application, error);
	return app->http != NULL;
}

guint16 app_port(const App *app)
{
	return http_server_port(app->http);
}

gboolean app_reload(App *app, GError **error)
{
	return http_server_reload(app->http, error) &&
	       tenants_reload(app->tenants, app->database, error);
}
