/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the agent:
 *  - defaults; rota.conf over mender.conf over DATA/mender.conf; a file named on the command line
 * must exist
 *  - servers: one or several, without slashes at the end, never both
 *  - what is refused, with the file and the key: no TLS, SkipVerify, wrong types, half a client
 *    certificate, a password in a URL, a file that is no JSON */
#include "agent/settings.h"
#include "base/error.h"
#include "base/file.h"
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
	char *folder;
	Paths *paths;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
	fixture->folder = g_dir_make_tmp("rota-settings-XXXXXX", NULL);
	fixture->paths = paths_new(fixture->folder, NULL);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	paths_free(fixture->paths);
	g_assert_true(file_remove_tree(fixture->folder, NULL));
	g_free(fixture->folder);
}

static void put(const char *path, const char *text)
{
	g_autofree char *folder = g_path_get_dirname(path);

	g_assert_true(file_make_folders(folder, 0700, NULL));
	g_assert_true(file_write_atomic(path, text, strlen(text), 0600, NULL));
}

static AgentSettings *load(Fixture *fixture, GError **error)
{
	SettingsFiles files = { 0 };

	return agent_settings_load(fixture->paths, &files, error);
}

static void test_defaults(Fixture *fixture, gconstpointer data)
{
	g_autoptr(AgentSettings) settings = load(fixture, NULL);

	g_assert_nonnull(settings);
	g_assert_null(settings->servers[0]);
	g_assert_null(settings->artifact_verify_keys);
	g_assert_cmpint(settings->update_poll_s, ==, 1800);
	g_assert_cmpint(settings->inventory_poll_s, ==, 28800);
	g_assert_cmpint(settings->module_timeout_s, ==, 14400);
	g_assert_cmpstr(settings->device_type_file, ==, fixture->paths->device_type);
}

static void test_order(Fixture *fixture, gconstpointer data)
{
	g_autoptr(AgentSettings) settings = NULL;

	put(fixture->paths->fallback_config,
		"{\"ServerURL\":\"https://lowest/"
		"\",\"RetryPollIntervalSeconds\":1,\"TenantToken\":\"t\"}");
	put(fixture->paths->config, "{\"RetryPollIntervalSeconds\":2,\"UpdatePollIntervalSeconds\":"
				    "2,\"NoSuchKey\":[]}");
	put(fixture->paths->rota_config,
		"{\"UpdatePollIntervalSeconds\":3,\"ArtifactVerifyKey\":\"/k\"}");
	settings = load(fixture, NULL);
	g_assert_nonnull(settings);
	g_assert_cmpstr(settings->servers[0], ==, "https://lowest");
	g_assert_cmpstr(settings->tenant_token, ==, "t");
	g_assert_cmpint(settings->retry_poll_s, ==, 2);
	g_assert_cmpint(settings->update_poll_s, ==, 3);
	g_assert_cmpstr(settings->artifact_verify_keys[0], ==, "/k");
	g_assert_null(settings->artifact_verify_keys[1]);
}

static void test_named_file_must_exist(Fixture *fixture, gconstpointer data)
{
	SettingsFiles files = { .config = "/no/such/file" };
	g_autoptr(GError) error = NULL;

	g_assert_null(agent_settings_load(fixture->paths, &files, &error));
	g_assert_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND);
}

/* clang-format off */
static const struct {
	const char *text;
	const char *key; /* that the message names */
} refused[] = {
	{ "{\"SkipVerify\":true}", "SkipVerify" },
	{ "{\"ServerURL\":\"http://fleet.example.com\"}", "ServerURL" },
	{ "{\"ServerURL\":\"http://127.0.0.1.example.com\"}", "ServerURL" },
	{ "{\"ServerURL\":\"ftp://server\"}", "ServerURL" },
	{ "{\"ServerURL\":\"https://user:secret@server\"}", "ServerURL" },
	{ "{\"Servers\":[{\"ServerURL\":\"https://a\"},{}]}", "Servers[1].ServerURL" },
	{ "{\"Servers\":\"https://a\"}", "Servers" },
	{ "{\"ServerURL\":\"https://a\",\"Servers\":[{\"ServerURL\":\"https://b\"}]}", "Servers" },
	{ "{\"ArtifactVerifyKey\":\"/a\",\"ArtifactVerifyKeys\":[\"/b\"]}", "ArtifactVerifyKeys" },
	{ "{\"HttpsClient\":{\"Certificate\":\"/c\"}}", "HttpsClient.Key" },
	{ "{\"RetryDownloadCount\":0}", "RetryDownloadCount" },
	{ "{\"TenantToken\":5}", "TenantToken" },
	{ "{\"DeviceTier\":\"large\"}", "DeviceTier" },
	{ "not json", "" },
};
/* clang-format on */

static void test_refused(Fixture *fixture, gconstpointer data)
{
	for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
		g_autoptr(GError) error = NULL;

		put(fixture->paths->config, refused[i].text);
		g_test_message("%s", refused[i].text);
		g_assert_null(load(fixture, &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
		g_assert_nonnull(strstr(error->message, refused[i].key));
	}
}

/* clang-format off */
static const struct {
	const char *name;
	void (*run)(Fixture *fixture, gconstpointer data);
} tests[] = {
	{ "/agent/settings/defaults", test_defaults },
	{ "/agent/settings/order", test_order },
	{ "/agent/settings/named-file", test_named_file_must_exist },
	{ "/agent/settings/refused", test_refused },
};
/* clang-format on */

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].run, tear_down);
	return g_test_run();
}
