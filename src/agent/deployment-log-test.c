/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a deployment:
 *  - what is logged while it is open is in it, and in what is sent; a second opening goes on
 *  - lines broken by a power cut are replaced and said; a log that it left empty is sent as such
 *  - a log that is too long loses its oldest entries, says so, and fits
 *  - the newest five are kept; an id that is no plain text is refused */
#include "agent/deployment-log.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include <glib/gstdio.h>
#include <string.h>

typedef struct {
	char *folder;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
	fixture->folder = g_dir_make_tmp("rota-log-XXXXXX", NULL);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
	g_assert_true(file_remove_tree(fixture->folder, NULL));
	g_free(fixture->folder);
}

static json_t *body(const Fixture *fixture, const char *id)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = deployment_log_body(fixture->folder, id, &error);
	json_t *value = NULL;

	g_assert_no_error(error);
	g_assert_cmpuint(strlen(text), <=, 1000 * 1000);
	value = json_parse_strict(text, strlen(text), &error);
	g_assert_no_error(error);
	return value;
}

static const char *message(const json_t *value, gsize i)
{
	return json_string_value(
		json_object_get(json_array_get(json_object_get(value, "messages"), i), "message"));
}

static void say(const Fixture *fixture, const char *id, const char *text)
{
	g_autoptr(DeploymentLog) log = deployment_log_open(fixture->folder, id, NULL);

	g_assert_nonnull(log);
	g_message("%s", text);
}

static void test_what_is_said(Fixture *fixture, gconstpointer data)
{
	g_autoptr(json_t) value = NULL;

	say(fixture, "d-1", "one");
	g_message("not for the log");
	say(fixture, "d-1", "two \"quoted\"\nand more");
	value = body(fixture, "d-1");
	g_assert_cmpuint(json_array_size(json_object_get(value, "messages")), ==, 2);
	g_assert_cmpstr(message(value, 0), ==, "one");
	g_assert_cmpstr(message(value, 1), ==, "two \"quoted\"\nand more");
}

static void append(const Fixture *fixture, const char *text)
{
	g_autofree char *path = g_build_filename(fixture->folder, "deployments.0000.d-1.log", NULL);
	FILE *file = g_fopen(path, "a");

	g_assert_nonnull(file);
	g_assert_cmpint(fputs(text, file), >=, 0);
	g_assert_cmpint(fclose(file), ==, 0);
}

static void test_broken(Fixture *fixture, gconstpointer data)
{
	g_autoptr(json_t) value = NULL;

	say(fixture, "d-1", "one");
	append(fixture, "{\"timestamp\":\"2026-01-01T");
	say(fixture, "d-1", "two");
	value = body(fixture, "d-1");
	g_assert_cmpuint(json_array_size(json_object_get(value, "messages")), ==, 4);
	g_assert_nonnull(strstr(message(value, 0), "invalid entries"));
	g_assert_cmpstr(message(value, 2), ==, "(CORRUPTED LOG DATA)");
	g_assert_cmpstr(message(value, 3), ==, "two");
}

static void test_empty(Fixture *fixture, gconstpointer data)
{
	g_autofree char *path = g_build_filename(fixture->folder, "deployments.0000.d-1.log", NULL);
	g_autoptr(json_t) value = NULL;

	g_assert_true(g_file_set_contents(path, "", 0, NULL));
	value = body(fixture, "d-1");
	g_assert_cmpuint(json_array_size(json_object_get(value, "messages")), ==, 0);
}

static void test_too_long(Fixture *fixture, gconstpointer data)
{
	g_autoptr(json_t) value = NULL;
	g_autofree char *long_text = g_strnfill(10000, 'x');
	gsize count;

	for (guint i = 0; i < 150; i++)
		say(fixture, "d-1", long_text);
	say(fixture, "d-1", "the last");
	value = body(fixture, "d-1");
	count = json_array_size(json_object_get(value, "messages"));
	g_assert_cmpuint(count, >, 90);
	g_assert_cmpuint(count, <, 102);
	g_assert_nonnull(strstr(message(value, 0), "too long"));
	g_assert_cmpstr(message(value, count - 1), ==, "the last");
}

static void test_kept(Fixture *fixture, gconstpointer data)
{
	g_autofree char *newest =
		g_build_filename(fixture->folder, "deployments.0000.d-7.log", NULL);
	g_autofree char *oldest =
		g_build_filename(fixture->folder, "deployments.0004.d-3.log", NULL);
	g_autoptr(GDir) folder = NULL;
	guint count = 0;

	for (guint i = 1; i <= 7; i++) {
		g_autofree char *id = g_strdup_printf("d-%u", i);

		say(fixture, id, "x");
	}
	g_assert_true(g_file_test(newest, G_FILE_TEST_EXISTS));
	g_assert_true(g_file_test(oldest, G_FILE_TEST_EXISTS));
	folder = g_dir_open(fixture->folder, 0, NULL);
	while (g_dir_read_name(folder) != NULL)
		count++;
	g_assert_cmpuint(count, ==, DEPLOYMENT_LOGS_MAX);
}

static void test_ids(Fixture *fixture, gconstpointer data)
{
	static const char *const ids[] = { "", "..", "a/b", "a.b", "a b" };

	for (gsize i = 0; i < G_N_ELEMENTS(ids); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(deployment_log_open(fixture->folder, ids[i], &error));
		g_assert_nonnull(error);
	}
}

/* clang-format off */
static const struct {
	const char *name;
	void (*run)(Fixture *fixture, gconstpointer data);
} tests[] = {
	{ "/agent/deployment-log/what-is-said", test_what_is_said },
	{ "/agent/deployment-log/broken", test_broken },
	{ "/agent/deployment-log/empty", test_empty },
	{ "/agent/deployment-log/too-long", test_too_long },
	{ "/agent/deployment-log/kept", test_kept },
	{ "/agent/deployment-log/ids", test_ids },
};
/* clang-format on */

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	log_setup(LOG_FORMAT_TEXT, G_LOG_LEVEL_INFO);
	for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].run, tear_down);
	return g_test_run();
}
