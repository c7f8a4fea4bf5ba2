/* SPDX-License-Identifier: Apache-2.0 */
/* The record of an update, as text and back:
 *  - everything survives "state" and "standalone-state"; absent clears stay absent, empty ones
 * empty
 *  - what Mender's clients write is read: version 2 with and without AllRollbacksSuccessful,
 * version 1
 *  - what we write has the members Mender's clients want
 *  - a state whose id is missing or empty gets one, as logs and paths are named by it
 *  - garbage, another version and wrong types are refused as corrupt */
#include "agent/record.h"
#include <string.h>
#include "base/error.h"

static UpdateRecord *make_record(void)
{
	UpdateRecord *record = update_record_new();
	RecordArtifact *artifact = &record->artifact;

	record->phase = g_strdup("update-install");
	record->id = g_strdup("d-1");
	artifact->source.uri = g_strdup("https://server/artifact");
	artifact->name = g_strdup("release-2");
	artifact->group = g_strdup("fleet");
	artifact->payload_types = g_strsplit("single-file,script", ",", -1);
	artifact->device_types = g_strsplit("car", ",", -1);
	artifact->provides = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_hash_table_insert(artifact->provides, g_strdup("app.version"), g_strdup("2"));
	artifact->clears = g_strsplit("app.*", ",", -1);
	record->reboot_requested = g_strsplit("reboot-type-custom,", ",", -1);
	record->store_count = 5;
	record->own.failed = TRUE;
	record->own.payload = 1;
	record->own.boot_id = g_strdup("boot");
	return record;
}

static void check_artifact(const RecordArtifact *artifact)
{
	g_assert_cmpstr(artifact->name, ==, "release-2");
	g_assert_cmpstr(artifact->group, ==, "fleet");
	g_assert_cmpuint(g_strv_length(artifact->payload_types), ==, 2);
	g_assert_cmpstr(artifact->payload_types[1], ==, "script");
	g_assert_cmpstr(g_hash_table_lookup(artifact->provides, "app.version"), ==, "2");
	g_assert_cmpstr(artifact->clears[0], ==, "app.*");
}

static void test_state(void)
{
	g_autoptr(UpdateRecord) record = make_record();
	g_autofree char *text = update_record_to_state(record);
	g_autoptr(UpdateRecord) again = update_record_from_state(text, NULL);

	g_assert_nonnull(again);
	check_artifact(&again->artifact);
	g_assert_cmpstr(again->phase, ==, "update-install");
	g_assert_cmpstr(again->id, ==, "d-1");
	g_assert_cmpstr(again->artifact.source.uri, ==, "https://server/artifact");
	g_assert_cmpstr(again->reboot_requested[0], ==, REBOOT_CUSTOM);
	g_assert_cmpint(again->store_count, ==, 5);
	g_assert_true(again->own.failed);
	g_assert_true(again->own.known);
	g_assert_cmpint(again->own.payload, ==, 1);
	g_assert_cmpstr(again->own.boot_id, ==, "boot");
}

static void test_standalone(void)
{
	g_autoptr(UpdateRecord) record = make_record();
	g_autofree char *text = NULL;
	g_autoptr(UpdateRecord) again = NULL;

	record->own.dirty = TRUE;
	text = update_record_to_standalone(record);
	again = update_record_from_standalone(text, NULL);
	g_assert_nonnull(again);
	check_artifact(&again->artifact);
	g_assert_true(again->own.failed);
	g_assert_true(again->own.dirty);
}

static void check_clears(char **clears, gboolean absent)
{
	g_autoptr(UpdateRecord) record = make_record();
	g_autofree char *text = NULL;
	g_autoptr(UpdateRecord) again = NULL;

	g_strfreev(record->artifact.clears);
	record->artifact.clears = clears;
	text = update_record_to_state(record);
	again = update_record_from_state(text, NULL);
	g_assert_cmpint(again->artifact.clears == NULL, ==, absent);
}

static void test_clears(void)
{
	check_clears(NULL, TRUE);
	check_clears(g_new0(char *, 1), FALSE);
}

/* As mender-client 3.4 wrote it, shortened. */
static const char state_3_4[] = "{\"Version\":2,\"Name\":\"reboot\",\"UpdateInfo\":{\"Artifact\":{"
				"\"Source\":{\"URI\":\"http://s/a\","
				"\"Expire\":\"\"},\"device_types_compatible\":[\"car\"],"
				"\"PayloadTypes\":[\"rootfs-image\"],"
				"\"artifact_name\":\"release-2\",\"artifact_group\":\"\","
				"\"artifact_provides\":{\"a\":\"1\"},"
				"\"clears_artifact_provides\":[\"a\"]},\"ID\":\"d-1\","
				"\"RebootRequested\":[\"reboot-type-automatic\"],"
				"\"SupportsRollback\":\"rollback-supported\","
				"\"StateDataStoreCount\":6,\"HasDBSchemaUpdate\":false}}";

static void test_mender(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(UpdateRecord) record = update_record_from_state(state_3_4, &error);
	g_autoptr(UpdateRecord) open = NULL;

	g_assert_no_error(error);
	g_assert_cmpstr(record->phase, ==, "reboot");
	g_assert_null(record->artifact.group);
	g_assert_cmpstr(record->reboot_requested[0], ==, REBOOT_AUTOMATIC);
	g_assert_false(record->own.known);
	open = update_record_from_standalone(
		"{\"Version\":1,\"ArtifactName\":\"release-2\",\"ArtifactGroup\":\"\","
		"\"PayloadTypes\":[\"single-file\"],\"ArtifactTypeInfoProvides\":{},"
		"\"ArtifactClearsProvides\":[]}",
		&error);
	g_assert_no_error(error);
	g_assert_cmpstr(open->phase, ==, "Before_ArtifactCommit_Enter");
}

static void test_members(void)
{
	static const char *const wanted[] = { "device_types_compatible", "PayloadTypes",
		"artifact_name", "artifact_group", "Source" };
	g_autoptr(UpdateRecord) record = update_record_new();
	g_autofree char *text = update_record_to_state(record);
	g_autoptr(json_t) state = json_parse_strict(text, strlen(text), NULL);
	json_t *artifact = json_object_get(json_object_get(state, "UpdateInfo"), "Artifact");

	g_assert_cmpint(json_integer_value(json_object_get(state, "Version")), ==, 2);
	for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++)
		g_assert_nonnull(json_object_get(artifact, wanted[i]));
}

static void test_refused(void)
{
	static const char *const texts[] = { "", "{", "{}", "[]", "{\"Version\":3,\"Name\":\"x\"}",
		"{\"Version\":2,\"Name\":7,\"UpdateInfo\":{}}",
		"{\"Version\":2,\"Name\":\"reboot\",\"UpdateInfo\":[]}",
		"{\"Version\":2,\"Name\":\"reboot\",\"UpdateInfo\":{\"ID\":5}}" };

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GError) other = NULL;

		g_assert_null(update_record_from_state(texts[i], &error));
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT);
		g_assert_null(update_record_from_standalone(texts[i], &other));
		g_assert_error(other, ROTA_ERROR, ROTA_ERROR_CORRUPT);
	}
}

static void test_lost_id(void)
{
	static const char *const texts[] = {
		"{\"Version\":2,\"Name\":\"reboot\",\"UpdateInfo\":{}}",
		"{\"Version\":2,\"Name\":\"reboot\",\"UpdateInfo\":{\"ID\":\"\"}}",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(UpdateRecord) record = update_record_from_state(texts[i], NULL);

		g_assert_nonnull(record);
		g_assert_cmpstr(record->id, ==, RECORD_ID_LOST);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/agent/record/state", test_state);
	g_test_add_func("/agent/record/standalone", test_standalone);
	g_test_add_func("/agent/record/clears", test_clears);
	g_test_add_func("/agent/record/mender", test_mender);
	g_test_add_func("/agent/record/members", test_members);
	g_test_add_func("/agent/record/lost-id", test_lost_id);
	g_test_add_func("/agent/record/refused", test_refused);
	return g_test_run();
}
