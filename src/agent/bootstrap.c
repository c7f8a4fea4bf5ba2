/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bootstrap.h"
#include "agent/software.h"
#include "artifact/reader.h"
#include "base/error.h"
#include "base/file.h"
#include <string.h>
#include <unistd.h>

enum { INFO_SIZE_MAX = 4096 };

static gboolean check_shape(const ArtifactHeader *header, GError **error)
{
	const ArtifactPayload *payload = header->payloads->pdata[0];

	if (header->payloads->len == 1 && payload->type == NULL && header->scripts->len == 0)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
		"a bootstrap artifact has one empty payload and no scripts");
	return FALSE;
}

/* (transfer full): what it says, or NULL. */
static UpdateRecord *read_bootstrap(const char *path, GError **error)
{
	ArtifactPolicy policy = { .refuse_augmented = TRUE };
	g_autoptr(GFile) file = g_file_new_for_path(path);
	g_autoptr(GInputStream) input = G_INPUT_STREAM(g_file_read(file, NULL, error));
	g_autoptr(ArtifactReader) reader = NULL;
	g_autoptr(UpdateRecord) record = NULL;

	if (input == NULL)
		return NULL;
	reader = artifact_reader_open(input, &policy, NULL, error);
	if (reader == NULL || !check_shape(artifact_reader_header(reader), error))
		return NULL;
	record = update_record_new();
	update_record_set_artifact(record, artifact_reader_header(reader));
	return artifact_reader_finish(reader, error) ? g_steal_pointer(&record) : NULL;
}

/* Images made for Mender's clients before 4.0 name their software in a file of KEY=VALUE lines. */
static void use_artifact_info(const Agent *agent, StoreChanges *changes)
{
	g_autofree char *text = file_read_text(agent->paths->artifact_info, INFO_SIZE_MAX, NULL);
	g_auto(GStrv) lines = NULL;

	store_changes_set(changes, STORE_ARTIFACT_NAME, SOFTWARE_UNKNOWN);
	if (text == NULL)
		return;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		char *value = strchr(g_strstrip(*line), '=');

		if (value == NULL || value[1] == '\0' || !g_utf8_validate(*line, -1, NULL))
			continue;
		*value++ = '\0';
		if (g_str_equal(*line, "artifact_name"))
			store_changes_set(changes, STORE_ARTIFACT_NAME, value);
		if (g_str_equal(*line, "artifact_group"))
			store_changes_set(changes, STORE_ARTIFACT_GROUP, value);
	}
}

static gboolean apply(Agent *agent, const UpdateRecord *record, GError **error)
{
	g_autoptr(StoreChanges) changes = store_changes_new();

	if (record == NULL)
		use_artifact_info(agent, changes);
	else if (!software_apply(agent->store, &record->artifact, SOFTWARE_IS_NEW, changes, error))
		return FALSE;
	return store_write(agent->store, changes, error);
}

gboolean bootstrap_ensure(Agent *agent, GError **error)
{
	const char *path = agent->paths->bootstrap;
	g_autofree char *name = NULL;
	g_autoptr(UpdateRecord) record = NULL;
	g_autoptr(GError) failure = NULL;

	if (!store_get(agent->store, STORE_ARTIFACT_NAME, &name, error))
		return FALSE;
	if (name == NULL) {
		if (g_file_test(path, G_FILE_TEST_EXISTS)) {
			record = read_bootstrap(path, &failure);
			if (record == NULL)
				g_warning("%s: %s", path, failure->message);
		}
		if (!apply(agent, record, error))
			return FALSE;
	}
	/* Only now: the store says what it said. */
	(void)unlink(path);
	return TRUE;
}
