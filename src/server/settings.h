/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "base/settings.h"

/* The server's settings file: DATA/rota-server.conf or --config. Read at start; SIGHUP reads again
 * what the table says can change while it runs. */
typedef struct Settings {
	char *listen, *public_url, *database, *storage;
	gboolean require_tenant_token;
	gint64 pending_devices_max;
	gint64 connections_max;
	gint64 bodies_held_max;
	char *log_level;
	char *log_format;
	gint64 readers;
	gint64 loops;
} Settings;

extern const Setting server_settings[];

/* @path: (nullable): then @folder/rota-server.conf, which may be missing. @ret_settings must be
 * zeroed. */
gboolean server_settings_load(const char *path, const char *folder, Settings *ret_settings,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void server_settings_clear(Settings *settings);
