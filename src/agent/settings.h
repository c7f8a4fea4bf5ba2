/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <jansson.h>
#include "agent/paths.h"

/* What mender.conf and rota.conf say (docs/guide/agent.md lists the keys).
 *
 * /etc/rota/rota.conf goes over /etc/mender/mender.conf, that over DATA/mender.conf; a key that is
 * present replaces the one below it. A file that cannot be read or understood stops the agent:
 * going on with defaults would mean going on without the keys that artifacts must be signed with.
 */
typedef struct {
	char *server_url;
	json_t *servers_value;
	char **servers; /* base URLs in order, from one of the two above; may be empty */
	char *tenant_token;
	char *server_certificate;
	gboolean skip_verify;
	char *client_certificate;
	char *client_key;
	char *client_key_engine;
	char *auth_private_key;
	char *auth_engine;
	char *artifact_verify_key;
	char **artifact_verify_keys; /* both keys in one list; NULL = none */
	gint64 update_poll_s;
	gint64 inventory_poll_s;
	gint64 retry_poll_s;
	gint64 retry_poll_count;
	gint64 retry_download_count;
	gint64 retry_download_s;
	gint64 script_timeout_s;
	gint64 script_retry_timeout_s;
	gint64 script_retry_interval_s;
	gint64 module_timeout_s;
	gint64 gate_interval_s;
	gint64 gate_timeout_s;
	char **health_units;
	gint64 health_stay_s;
	gint64 health_interval_s;
	gint64 health_timeout_s;
	char **consent_before; /* (nullable): steps that the driver is asked before */
	char *rootfs_part_a;   /* (nullable): devices of the two root partitions */
	char *rootfs_part_b;
	char *update_log_path;
	char *device_type_file;
	char *log_level;
	char *device_tier;
	gint64 spool_size_max; /* bytes; 0 = always stream */
} AgentSettings;

/* Which files to read beside the ordinary ones. */
typedef struct {
	const char *config;          /* (nullable): --config; must then exist */
	const char *fallback_config; /* (nullable): --fallback-config; must then exist */
} SettingsFiles;

/**
 * agent_settings_load:
 * Returns: (transfer full): the settings, or NULL with ROTA_ERROR_INVALID as "FILE: KEY: what is
 * wrong".
 */
AgentSettings *agent_settings_load(
	const Paths *paths, const SettingsFiles *files, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer full): the table of keys in scdoc's language. */
char *agent_settings_to_man(void);

void agent_settings_free(AgentSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AgentSettings, agent_settings_free)
