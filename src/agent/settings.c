/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/settings.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/settings.h"
#include "http/proxy.h"

enum { CONFIG_SIZE_MAX = 1024 * 1024, SERVERS_MAX = 32 };

#define AT(member) G_STRUCT_OFFSET(AgentSettings, member)
#define DAY_S (24 * 60 * 60)

/* clang-format off */
static const Setting agent_settings[] = {
	{ "ServerURL", SETTING_TEXT, AT(server_url), NULL, 0, 0, "server to ask for updates" },
	{ "Servers", SETTING_VALUE, AT(servers_value), NULL, 0, 0,
		"several servers, each an object with ServerURL, tried in this order" },
	{ "TenantToken", SETTING_TEXT, AT(tenant_token), NULL, 0, 0, "sent when authenticating" },
	{ "ServerCertificate", SETTING_TEXT, AT(server_certificate), NULL, 0, 0,
		"PEM file of authorities trusted beside the system's" },
	{ "SkipVerify", SETTING_BOOL, AT(skip_verify), "false", 0, 0,
		"refused when true: use ServerCertificate" },
	{ "HttpsClient.Certificate", SETTING_TEXT, AT(client_certificate), NULL, 0, 0,
		"PEM file of the client certificate, with its chain" },
	{ "HttpsClient.Key", SETTING_TEXT, AT(client_key), NULL, 0, 0,
		"its key: a PEM file, a URI (pkcs11:, tpm2:), or what the engine calls it" },
	{ "HttpsClient.SSLEngine", SETTING_TEXT, AT(client_key_engine), NULL, 0, 0,
		"OpenSSL's engine that knows that key" },
	{ "Security.AuthPrivateKey", SETTING_TEXT, AT(auth_private_key), NULL, 0, 0,
		"the key that authenticates the device, named as HttpsClient.Key is; "
		"DATA/mender-agent.pem otherwise" },
	{ "Security.SSLEngine", SETTING_TEXT, AT(auth_engine), NULL, 0, 0,
		"OpenSSL's engine that knows that key" },
	{ "ArtifactVerifyKey", SETTING_TEXT, AT(artifact_verify_key), NULL, 0, 0,
		"PEM file; every artifact must be signed with its private half" },
	{ "ArtifactVerifyKeys", SETTING_TEXTS, AT(artifact_verify_keys), NULL, 0, 0,
		"several such files, of which one must fit" },
	{ "UpdatePollIntervalSeconds", SETTING_NUMBER, AT(update_poll_s), "1800", 1, 365 * DAY_S,
		"between two questions for an update" },
	{ "InventoryPollIntervalSeconds", SETTING_NUMBER, AT(inventory_poll_s), "28800", 1,
		365 * DAY_S, "between two inventory reports" },
	{ "RetryPollIntervalSeconds", SETTING_NUMBER, AT(retry_poll_s), "300", 1, 365 * DAY_S,
		"longest wait of the back-off after a failure" },
	{ "RetryPollCount", SETTING_NUMBER, AT(retry_poll_count), "0", 0, 1000000,
		"tries before the ordinary interval is used again; 0 = three at the longest wait" },
	{ "RetryDownloadCount", SETTING_NUMBER, AT(retry_download_count), "10", 1, 10000,
		"tries to go on with a download that was cut" },
	{ "RetryDownloadIntervalSeconds", SETTING_NUMBER, AT(retry_download_s), "60", 1, DAY_S,
		"between two of them" },
	{ "StateScriptTimeoutSeconds", SETTING_NUMBER, AT(script_timeout_s), "3600", 1, 365 * DAY_S,
		"longest run of one state script" },
	{ "StateScriptRetryTimeoutSeconds", SETTING_NUMBER, AT(script_retry_timeout_s), "1800", 1,
		365 * DAY_S, "how long a state script may ask to be tried again" },
	{ "StateScriptRetryIntervalSeconds", SETTING_NUMBER, AT(script_retry_interval_s), "60", 1,
		365 * DAY_S, "pause before it is" },
	{ "ModuleTimeoutSeconds", SETTING_NUMBER, AT(module_timeout_s), "14400", 1, 365 * DAY_S,
		"longest run of an update module in one state" },
	{ "GateIntervalSeconds", SETTING_NUMBER, AT(gate_interval_s), "60", 1, DAY_S,
		"between two looks at a gate that is closed" },
	{ "GateTimeoutSeconds", SETTING_NUMBER, AT(gate_timeout_s), "604800", 1, 365 * DAY_S,
		"how long an update waits at one gate before it fails" },
	{ "HealthUnits", SETTING_TEXTS, AT(health_units), NULL, 0, 0,
		"units of systemd that must be active before new software is committed" },
	{ "HealthStaySeconds", SETTING_NUMBER, AT(health_stay_s), "0", 0, 7 * DAY_S,
		"how long new software must be healthy without a break" },
	{ "HealthIntervalSeconds", SETTING_NUMBER, AT(health_interval_s), "5", 1, DAY_S,
		"between two looks at its health" },
	{ "HealthTimeoutSeconds", SETTING_NUMBER, AT(health_timeout_s), "300", 1, 7 * DAY_S,
		"by when it must have become healthy; then it is rolled back" },
	{ "ConsentBefore", SETTING_TEXTS, AT(consent_before), NULL, 0, 0,
		"steps that the driver is asked before: download, install, reboot, commit" },
	{ "RootfsPartA", SETTING_TEXT, AT(rootfs_part_a), NULL, 0, 0,
		"device of the first root partition, for updates of the system" },
	{ "RootfsPartB", SETTING_TEXT, AT(rootfs_part_b), NULL, 0, 0, "device of the second" },
	{ "UpdateLogPath", SETTING_TEXT, AT(update_log_path), NULL, 0, 0,
		"folder of the deployment logs; DATA otherwise" },
	{ "DeviceTypeFile", SETTING_TEXT, AT(device_type_file), NULL, 0, 0,
		"file with device_type=VALUE; DATA/device_type otherwise" },
	{ "DaemonLogLevel", SETTING_TEXT, AT(log_level), NULL, 0, 0,
		"trace, debug, info, warning, error or fatal" },
	{ "DeviceTier", SETTING_TEXT, AT(device_tier), NULL, 0, 0, "standard, system or micro" },
	{ "SpoolSizeMaxBytes", SETTING_NUMBER, AT(spool_size_max), "4294967296", 0, G_MAXINT64,
		"largest download kept below DATA to go on after a power cut; 0 = never kept" },
	{ 0 },
};
/* clang-format on */

static const char *const consent_steps[] = { "download", "install", "reboot", "commit", NULL };

/* Mender's clients take any of these in their files. */
static const char *const device_tiers[] = { "standard", "system", "micro", NULL };

static gboolean add_server(
	GPtrArray *servers, const char *file, const char *key, const char *url, GError **error)
{
	g_autoptr(GError) failure = NULL;
	char *base = NULL;

	if (!http_url_check(url, &failure)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: %s: %s", file, key,
			failure->message);
		return FALSE;
	}
	base = g_strdup(url);
	while (g_str_has_suffix(base, "/"))
		base[strlen(base) - 1] = '\0';
	g_ptr_array_add(servers, base);
	return TRUE;
}

static gboolean add_servers(
	GPtrArray *servers, const char *file, const json_t *list, GError **error)
{
	gsize i = 0;
	json_t *entry = NULL;

	if (!json_is_array(list) || json_array_size(list) > SERVERS_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"%s: Servers: not a list of at most %d servers", file, SERVERS_MAX);
		return FALSE;
	}
	json_array_foreach (list, i, entry) {
		const char *url = json_string_value(json_object_get(entry, "ServerURL"));
		g_autofree char *key = g_strdup_printf("Servers[%zu].ServerURL", i);

		if (url == NULL) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: %s: missing", file,
				key);
			return FALSE;
		}
		if (!add_server(servers, file, key, url, error))
			return FALSE;
	}
	return TRUE;
}

/* The servers this file names, over those of the files below it. */
static gboolean take_servers(
	const char *file, const json_t *object, AgentSettings *settings, GError **error)
{
	const char *url = json_string_value(json_object_get(object, "ServerURL"));
	const json_t *list = json_object_get(object, "Servers");
	g_autoptr(GPtrArray) servers = g_ptr_array_new_with_free_func(g_free);

	if (url != NULL && *url != '\0' && !add_server(servers, file, "ServerURL", url, error))
		return FALSE;
	if (list != NULL && !json_is_null(list) && !add_servers(servers, file, list, error))
		return FALSE;
	if (servers->len == 0)
		return TRUE;
	g_strfreev(settings->servers);
	g_ptr_array_add(servers, NULL);
	settings->servers = (char **)g_ptr_array_steal(servers, NULL);
	return TRUE;
}

static gboolean read_file(
	const char *file, gboolean must_exist, AgentSettings *settings, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autoptr(GBytes) bytes = file_read(file, CONFIG_SIZE_MAX, &failure);
	g_autoptr(json_t) object = NULL;

	if (bytes == NULL && !must_exist &&
		g_error_matches(failure, ROTA_ERROR, ROTA_ERROR_NOT_FOUND))
		return TRUE;
	if (bytes == NULL) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	object = json_parse_strict(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), error);
	if (object == NULL) {
		g_prefix_error(error, "%s: ", file);
		return FALSE;
	}
	if (!settings_read(agent_settings, file, object, settings, error))
		return FALSE;
	if (settings->skip_verify) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"%s: SkipVerify: refused, name the authority in ServerCertificate", file);
		return FALSE;
	}
	return take_servers(file, object, settings, error);
}

static gboolean refuse(GError **error, const char *message)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "configuration: %s", message);
	return FALSE;
}

static gboolean check_whole(AgentSettings *settings, GError **error)
{
	if (settings->server_url != NULL && settings->servers_value != NULL)
		return refuse(error, "both ServerURL and Servers are set");
	if (settings->artifact_verify_key != NULL && settings->artifact_verify_keys != NULL)
		return refuse(error, "both ArtifactVerifyKey and ArtifactVerifyKeys are set");
	if ((settings->client_certificate == NULL) != (settings->client_key == NULL))
		return refuse(
			error, "only one of HttpsClient.Certificate and HttpsClient.Key is set");
	if (settings->device_tier != NULL && !g_strv_contains(device_tiers, settings->device_tier))
		return refuse(error, "DeviceTier: neither standard, system nor micro");
	for (char **step = settings->consent_before; step != NULL && *step != NULL; step++)
		if (!g_strv_contains(consent_steps, *step))
			return refuse(error,
				"ConsentBefore: neither download, install, reboot nor commit");
	return TRUE;
}

/* An empty text in a file means "not set", as Mender's clients take it. */
static void drop_empty_texts(AgentSettings *settings)
{
	for (const Setting *row = agent_settings; row->name != NULL; row++) {
		char **member = (char **)G_STRUCT_MEMBER_P(settings, row->offset);

		if (row->kind == SETTING_TEXT && *member != NULL && **member == '\0')
			g_clear_pointer(member, g_free);
	}
}

static void fill_derived(AgentSettings *settings, const Paths *paths)
{
	if (settings->servers == NULL)
		settings->servers = g_new0(char *, 1);
	if (settings->artifact_verify_keys != NULL && *settings->artifact_verify_keys == NULL)
		g_clear_pointer(&settings->artifact_verify_keys, g_strfreev);
	if (settings->artifact_verify_key != NULL) {
		settings->artifact_verify_keys = g_new0(char *, 2);
		settings->artifact_verify_keys[0] = g_strdup(settings->artifact_verify_key);
	}
	if (settings->update_log_path == NULL)
		settings->update_log_path = g_strdup(paths->data);
	if (settings->device_type_file == NULL)
		settings->device_type_file = g_strdup(paths->device_type);
	if (settings->auth_private_key == NULL)
		settings->auth_private_key = g_strdup(paths->key);
}

AgentSettings *agent_settings_load(const Paths *paths, const SettingsFiles *files, GError **error)
{
	g_autoptr(AgentSettings) settings = g_new0(AgentSettings, 1);
	const char *fallback =
		files->fallback_config != NULL ? files->fallback_config : paths->fallback_config;
	const char *config = files->config != NULL ? files->config : paths->config;

	settings_set_defaults(agent_settings, settings);
	if (!read_file(fallback, files->fallback_config != NULL, settings, error) ||
		!read_file(config, files->config != NULL, settings, error) ||
		!read_file(paths->rota_config, FALSE, settings, error))
		return NULL;
	drop_empty_texts(settings);
	if (!check_whole(settings, error))
		return NULL;
	fill_derived(settings, paths);
	return g_steal_pointer(&settings);
}

char *agent_settings_to_man(void)
{
	return settings_to_man(agent_settings);
}

void agent_settings_free(AgentSettings *settings)
{
	if (settings == NULL)
		return;
	settings_clear(agent_settings, settings);
	g_strfreev(settings->servers);
	g_free(settings);
}
