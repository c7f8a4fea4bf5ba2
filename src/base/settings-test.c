/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: defaults stand until a file overrides them; nested names reach into objects; unknown keys
 * are skipped; an unfit value names file, key and rule; the same table makes the man page. */
#include "base/settings.h"
#include <string.h>
#include "base/error.h"
#include "base/json.h"

typedef struct {
	char *server;
	gboolean keep;
	gint64 interval_s;
	char **keys;
	char *certificate;
	json_t *servers;
} Sample;

static const Setting sample_settings[] = {
	{ "ServerURL", SETTING_TEXT, G_STRUCT_OFFSET(Sample, server), NULL, 0, 0,
		"Where the server is" },
	{ "Keep", SETTING_BOOL, G_STRUCT_OFFSET(Sample, keep), "true", 0, 0, "Keep what is there" },
	{ "Interval", SETTING_NUMBER, G_STRUCT_OFFSET(Sample, interval_s), "1800", 5, 86400,
		"Seconds between polls" },
	{ "Keys", SETTING_TEXTS, G_STRUCT_OFFSET(Sample, keys), NULL, 0, 0, "Key files" },
	{ "Https.Certificate", SETTING_TEXT, G_STRUCT_OFFSET(Sample, certificate), NULL, 0, 0,
		"Client certificate" },
	{ "Servers", SETTING_VALUE, G_STRUCT_OFFSET(Sample, servers), NULL, 0, 0,
		"Several servers" },
	{ 0 },
};

static gboolean read_text(const char *text, Sample *sample, GError **error)
{
	g_autoptr(json_t) object = json_parse_strict(text, strlen(text), NULL);

	memset(sample, 0, sizeof *sample);
	settings_set_defaults(sample_settings, sample);
	return settings_read(sample_settings, "a.conf", object, sample, error);
}

static void test_read(void)
{
	Sample sample;

	g_assert_true(read_text(
		"{\"ServerURL\":\"https://x\",\"Https\":{\"Certificate\":\"c\"},\"Keys\":[\"a\"],"
		"\"Servers\":[{\"ServerURL\":\"y\"}],\"Other\":3,\"Interval\":null}",
		&sample, NULL));
	g_assert_cmpstr(sample.server, ==, "https://x");
	g_assert_true(sample.keep);
	g_assert_cmpint(sample.interval_s, ==, 1800);
	g_assert_cmpstr(sample.certificate, ==, "c");
	g_assert_cmpstr(sample.keys[0], ==, "a");
	g_assert_cmpuint(json_array_size(sample.servers), ==, 1);
	settings_clear(sample_settings, &sample);
	g_assert_null(sample.server);
}

static const struct {
	const char *text;
	const char *message;
} faults[] = {
	{ "{\"Interval\":4}", "a.conf: Interval: must be from 5 to 86400" },
	{ "{\"Interval\":\"5\"}", "a.conf: Interval: must be a whole number" },
	{ "{\"Keep\":\"yes\"}", "a.conf: Keep: must be true or false" },
	{ "{\"Keys\":[1]}", "a.conf: Keys: must be a list of texts" },
	{ "{\"Https\":{\"Certificate\":1}}", "a.conf: Https.Certificate: must be a text" },
	{ "[]", "a.conf: not a JSON object" },
};

static void test_faults(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_autoptr(GError) error = NULL;
		Sample sample;

		g_assert_false(read_text(faults[i].text, &sample, &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_INVALID);
		g_assert_cmpstr(error->message, ==, faults[i].message);
		settings_clear(sample_settings, &sample);
	}
}

static void test_man(void)
{
	g_autofree char *page = settings_to_man(sample_settings);

	for (const Setting *setting = sample_settings; setting->name != NULL; setting++)
		g_assert_nonnull(strstr(page, setting->name));
	g_assert_nonnull(strstr(page, "From 5 to 86400. Default: 1800."));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/base/settings/read", test_read);
	g_test_add_func("/base/settings/faults", test_faults);
	g_test_add_func("/base/settings/man", test_man);
	return g_test_run();
}
