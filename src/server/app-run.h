/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/app.h"
#include "server/route.h"
#include "server/settings.h"

/* Making an App and serving with it; for the verbs of main.c and for tests. Domains use app.h only.
 */

/* What the command line says; NULL: the setting's, or the usual place below .folder. */
typedef struct {
	const char *folder; /* --data */
	const char *config, *database, *storage, *public_url;
} AppPlaces;

/* Opens the store (and brings it to this program's schema), keys and memory; makes what a first
 * start lacks. (transfer full) */
App *app_open(const AppPlaces *places, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void app_free(App *app);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(App, app_free)

/* Starts to serve; @http: address, certificates and limits are set. */
gboolean app_serve(
	App *app, const HttpServerSettings *http, GError **error) G_GNUC_WARN_UNUSED_RESULT;
guint16 app_port(const App *app);
/* Reads again what can change: certificates, tenants, log level. On failure the old stays. */
gboolean app_reload(App *app, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The store alone, with its first tenant, for maintenance verbs. (transfer full) */
Database *app_open_store(const AppPlaces *places, const Settings *settings,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All tables, NULL at the end. */
extern const Route *const app_route_tables[];
