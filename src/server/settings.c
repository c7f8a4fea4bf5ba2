/* SPDX-License-Identifier: Apache-2.0 */
#include "server/settings.h"

#include "base/error.h"

#define SETTING(name, kind, member, fallback, least, most, help)                                   \
	{                                                                                          \
		name, kind, G_STRUCT_OFFSET(Settings, member), fallback, least, most, help         \
	}

const Setting server_settings[] = { SETTING("Listen", SETTING_TEXT, listen, "[::]:8443", 0, 0,
					    "Address and port, where --listen does not say it"),
	SETTING("PublicUrl", SETTING_TEXT, public_url, "https://localhost:8443", 0, 0,
		"How vehicles and users reach this server, where --public-url does not say it"),
	SETTING("Database", SETTING_TEXT, database, "", 0, 0,
		"sqlite:FILE or postgresql://..., where --database does not say it; empty: "
		"DATA/rota.db"),
	SETTING("Storage", SETTING_TEXT, storage, "", 0, 0,
		"file:DIR, where --storage does not say it; empty: DATA/artifacts"),
	SETTING("RequireTenantToken", SETTING_BOOL, require_tenant_token, "false", 0, 0,
		"Refuse new devices that do not show a valid tenant token; else they join the "
		"first tenant"),
	SETTING("PendingDevicesMax", SETTING_NUMBER, pending_devices_max, "100000", 0, G_MAXINT32,
		"Devices of a tenant that may wait for a decision at a time; more are told to come "
		"back"),
	SETTING("ConnectionsMax", SETTING_NUMBER, connections_max, "18000", 16, 1000000,
		"Connections at a time; more are answered 503"),
	SETTING("BodiesHeldMax", SETTING_NUMBER, bodies_held_max, "268435456", 1024 * 1024,
		G_MAXINT64,
		"Bytes of request bodies in memory at a time, over all connections; more are told "
		"503"),
	SETTING("LogLevel", SETTING_TEXT, log_level, "info", 0, 0,
		"trace, debug, info, warning or error"),
	SETTING("LogFormat", SETTING_TEXT, log_format, "text", 0, 0, "text or json"),
	SETTING("Readers", SETTING_NUMBER, readers, "4", 1, 32,
		"Connections that read the database"),
	SETTING("Loops", SETTING_NUMBER, loops, "0", 0, 256, "Event loops; 0 is one a core"),
	{ 0 } };

gboolean server_settings_load(
	const char *path, const char *folder, Settings *ret_settings, GError **error)
{
	g_autofree char *usual = g_build_filename(folder, "rota-server.conf", NULL);
	g_autoptr(GError) failure = NULL;

	settings_set_defaults(server_settings, ret_settings);
	if (settings_read_file(server_settings, path ? path : usual, ret_settings, &failure))
		return TRUE;
	if (!path && g_error_matches(failure, ROTA_ERROR, ROTA_ERROR_NOT_FOUND))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}

void server_settings_clear(Settings *settings)
{
	settings_clear(server_settings, settings);
}
