/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/record.h"
#include "base/error.h"
#include <string.h>

enum { STATE_VERSION = 2, STANDALONE_VERSION = 2, PHASE_NAME_MAX = 64, URI_MAX = 8192 };

/* --- What both texts share: ours --- */

static const JsonField own_fields[] = {
	JSON_FIELD_NAMED("Failed", RecordOwn, failed, JSON_BOOL, OPTIONAL),
	JSON_FIELD_NAMED("Dirty", RecordOwn, dirty, JSON_BOOL, OPTIONAL),
	JSON_FIELD_NAMED("Asked", RecordOwn, asked, JSON_BOOL, OPTIONAL),
	JSON_FIELD_NAMED("Known", RecordOwn, known, JSON_BOOL, OPTIONAL),
	JSON_FIELD_NAMED("Payload", RecordOwn, payload, JSON_NUMBER, OPTIONAL),
	JSON_FIELD_NAMED("Spooled", RecordOwn, spooled, JSON_NUMBER, OPTIONAL),
	JSON_FIELD_NAMED("BootId", RecordOwn, boot_id, JSON_TEXT, OPTIONAL),
	JSON_FIELD_NAMED("Reason", RecordOwn, reason, JSON_TEXT, OPTIONAL),
	{ 0 },
};
static const JsonRecord own_record = { sizeof(RecordOwn), own_fields };

/* --- "state" --- */

static const JsonField source_fields[] = {
	JSON_FIELD_NAMED("URI", RecordSource, uri, JSON_TEXT, OPTIONAL, URI_MAX),
	JSON_FIELD_NAMED("Expire", RecordSource, expire, JSON_TEXT, OPTIONAL),
	{ 0 },
};
static const JsonRecord source_record = { sizeof(RecordSource), source_fields };

static const JsonField artifact_fields[] = {
	JSON_FIELD_NAMED(
		"Source", RecordArtifact, source, JSON_RECORD, OPTIONAL, 0, &source_record),
	JSON_FIELD_NAMED(
		"device_types_compatible", RecordArtifact, device_types, JSON_TEXTS, OPTIONAL),
	JSON_FIELD_NAMED("PayloadTypes", RecordArtifact, payload_types, JSON_TEXTS, OPTIONAL),
	JSON_FIELD_NAMED("artifact_name", RecordArtifact, name, JSON_TEXT, OPTIONAL),
	JSON_FIELD_NAMED("artifact_group", RecordArtifact, group, JSON_TEXT, OPTIONAL),
	JSON_FIELD_NAMED("artifact_provides", RecordArtifact, provides, JSON_TEXT_MAP, OPTIONAL),
	JSON_FIELD_NAMED("clears_artifact_provides", RecordArtifact, clears, JSON_TEXTS, OPTIONAL),
	{ 0 },
};
static const JsonRecord artifact_record = { sizeof(RecordArtifact), artifact_fields };

static const JsonField update_info_fields[] = {
	JSON_FIELD_NAMED(
		"Artifact", UpdateRecord, artifact, JSON_RECORD, OPTIONAL, 0, &artifact_record),
	JSON_FIELD_NAMED("ID", UpdateRecord, id, JSON_TEXT, OPTIONAL),
	JSON_FIELD_NAMED("RebootRequested", UpdateRecord, reboot_requested, JSON_TEXTS, OPTIONAL),
	JSON_FIELD_NAMED("SupportsRollback", UpdateRecord, supports_rollback, JSON_TEXT, OPTIONAL),
	JSON_FIELD_NAMED("StateDataStoreCount", UpdateRecord, store_count, JSON_NUMBER, OPTIONAL),
	JSON_FIELD_NAMED("HasDBSchemaUpdate", UpdateRecord, has_schema_update, JSON_BOOL, OPTIONAL),
	JSON_FIELD_NAMED("AllRollbacksSuccessful", UpdateRecord, all_rollbacks_successful,
		JSON_BOOL, OPTIONAL),
	JSON_FIELD_NAMED("Rota", UpdateRecord, own, JSON_RECORD, OPTIONAL, 0, &own_record),
	{ 0 },
};
static const JsonRecord update_info_record = { sizeof(UpdateRecord), update_info_fields };

/* --- "standalone-state" --- */

typedef struct {
	gint64 version;
	char *name;
	char *group;
	char **payload_types;
	GHashTable *provides;
	char **clears;
	char *in_state;
	gboolean failed;
	gboolean rolled_back;
	RecordOwn own;
} StandaloneText;

static const JsonField standalone_fields[] = {
	JSON_FIELD_NAMED("Version", StandaloneText, version, JSON_NUMBER, REQUIRED),
	JSON_FIELD_NAMED("ArtifactName", StandaloneText, name, JSON_TEXT, OPTIONAL),
	JSON_FIELD_NAMED("ArtifactGroup", StandaloneText, group, JSON_TEXT, OPTIONAL),
	JSON_FIELD_NAMED("PayloadTypes", StandaloneText, payload_types, JSON_TEXTS, OPTIONAL),
	JSON_FIELD_NAMED(
		"ArtifactTypeInfoProvides", StandaloneText, provides, JSON_TEXT_MAP, OPTIONAL),
	JSON_FIELD_NAMED("ArtifactClearsProvides", StandaloneText, clears, JSON_TEXTS, OPTIONAL),
	JSON_FIELD_NAMED("InState", StandaloneText, in_state, JSON_TEXT, OPTIONAL, PHASE_NAME_MAX),
	JSON_FIELD_NAMED("Failed", StandaloneText, failed, JSON_BOOL, OPTIONAL),
	JSON_FIELD_NAMED("RolledBack", StandaloneText, rolled_back, JSON_BOOL, OPTIONAL),
	JSON_FIELD_NAMED("Rota", StandaloneText, own, JSON_RECORD, OPTIONAL, 0, &own_record),
	{ 0 },
};
static const JsonRecord standalone_record = { sizeof(StandaloneText), standalone_fields };

UpdateRecord *update_record_new(void)
{
	UpdateRecord *record = g_new0(UpdateRecord, 1);

	record->supports_rollback = g_strdup("");
	record->own.known = TRUE;
	return record;
}

static GHashTable *copy_map(GHashTable *map)
{
	GHashTable *copy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	GHashTableIter iterator;
	gpointer key, value;

	g_hash_table_iter_init(&iterator, map);
	while (g_hash_table_iter_next(&iterator, &key, &value))
		g_hash_table_insert(copy, g_strdup(key), g_strdup(value));
	return copy;
}

/* Several payloads speak with one voice: provides and clears of all, NULL only where none has any.
 */
static void add_payload(RecordArtifact *artifact, const ArtifactPayload *payload, GPtrArray *clears)
{
	GHashTableIter iterator;
	gpointer key, value;

	if (payload->clears_provides != NULL) {
		for (char **pattern = payload->clears_provides; *pattern != NULL; pattern++)
			g_ptr_array_add(clears, g_strdup(*pattern));
	}
	if (payload->provides == NULL || g_hash_table_size(payload->provides) == 0)
		return;
	if (artifact->provides == NULL) {
		artifact->provides = copy_map(payload->provides);
		return;
	}
	g_hash_table_iter_init(&iterator, payload->provides);
	while (g_hash_table_iter_next(&iterator, &key, &value))
		g_hash_table_insert(artifact->provides, g_strdup(key), g_strdup(value));
}

static void clear_artifact(RecordArtifact *artifact)
{
	g_clear_pointer(&artifact->device_types, g_strfreev);
	g_clear_pointer(&artifact->payload_types, g_strfreev);
	g_clear_pointer(&artifact->name, g_free);
	g_clear_pointer(&artifact->group, g_free);
	g_clear_pointer(&artifact->provides, g_hash_table_unref);
	g_clear_pointer(&artifact->clears, g_strfreev);
}

void update_record_set_artifact(UpdateRecord *record, const ArtifactHeader *header)
{
	RecordArtifact *artifact = &record->artifact;
	g_autoptr(GPtrArray) clears = g_ptr_array_new_with_free_func(g_free);
	gboolean has_clears = FALSE;

	clear_artifact(artifact);
	artifact->name = g_strdup(header->name);
	artifact->group = g_strdup(header->group);
	artifact->device_types = g_strdupv(header->device_types);
	artifact->payload_types = g_new0(char *, header->payloads->len + 1);
	for (guint i = 0; i < header->payloads->len; i++) {
		const ArtifactPayload *payload = header->payloads->pdata[i];

		artifact->payload_types[i] = g_strdup(payload->type != NULL ? payload->type : "");
		has_clears = has_clears || payload->clears_provides != NULL;
		add_payload(artifact, payload, clears);
	}
	if (has_clears) {
		g_ptr_array_add(clears, NULL);
		artifact->clears = (char **)g_ptr_array_steal(clears, NULL);
	}
	g_strfreev(record->reboot_requested);
	record->reboot_requested = NULL;
}

static char *text_or_empty(char *text)
{
	static char empty[] = "";

	return text != NULL ? text : empty;
}

static char **list_or_empty(char **list)
{
	static char *empty[] = { NULL };

	return list != NULL ? list : empty;
}

char *update_record_to_state(const UpdateRecord *record)
{
	g_autoptr(json_t) state = json_object();
	UpdateRecord full = *record; /* borrows: Mender's clients want these members to be there */

	full.id = text_or_empty(full.id);
	full.artifact.source.uri = text_or_empty(full.artifact.source.uri);
	full.artifact.source.expire = text_or_empty(full.artifact.source.expire);
	full.artifact.name = text_or_empty(full.artifact.name);
	full.artifact.group = text_or_empty(full.artifact.group);
	full.artifact.device_types = list_or_empty(full.artifact.device_types);
	full.artifact.payload_types = list_or_empty(full.artifact.payload_types);
	full.reboot_requested = list_or_empty(full.reboot_requested);
	json_object_set_new(state, "Version", json_integer(STATE_VERSION));
	json_object_set_new(state, "Name", json_string(text_or_empty(record->phase)));
	json_object_set_new(state, "UpdateInfo", json_record_write(&update_info_record, &full));
	return json_to_text(state);
}

/* An empty text or list says the same as none. An update whose id is lost can be reported to
 * nobody, but taken back: it is called something. */
static void drop_empty(UpdateRecord *record)
{
	char **texts[] = { &record->artifact.group, &record->artifact.name,
		&record->artifact.source.expire, &record->artifact.source.uri };

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		if (*texts[i] != NULL && **texts[i] == '\0')
			g_clear_pointer(texts[i], g_free);
	}
	if (record->artifact.payload_types != NULL && *record->artifact.payload_types == NULL)
		g_clear_pointer(&record->artifact.payload_types, g_strfreev);
	if (record->supports_rollback == NULL)
		record->supports_rollback = g_strdup("");
	if (record->id == NULL || *record->id == '\0') {
		g_free(record->id);
		record->id = g_strdup(RECORD_ID_LOST);
	}
}

static UpdateRecord *read_state(const char *text, GError **error)
{
	g_autoptr(json_t) state = json_parse_strict(text, strlen(text), error);
	const char *name = json_string_value(json_object_get(state, "Name"));
	gint64 version = json_integer_value(json_object_get(state, "Version"));
	UpdateRecord *record = NULL;

	if (state == NULL)
		return NULL;
	if (name == NULL || version < 1 || version > STATE_VERSION) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
			"no state of a version this agent knows");
		return NULL;
	}
	record = json_record_read(&update_info_record, json_object_get(state, "UpdateInfo"), error);
	if (record == NULL)
		return NULL;
	record->phase = g_strdup(name);
	drop_empty(record);
	return record;
}

UpdateRecord *update_record_from_state(const char *text, GError **error)
{
	g_autoptr(GError) failure = NULL;
	UpdateRecord *record = read_state(text, &failure);

	if (record == NULL)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT, "stored state: %s",
			failure->message);
	return record;
}

char *update_record_to_standalone(const UpdateRecord *record)
{
	StandaloneText text = {
		.version = STANDALONE_VERSION,
		.name = record->artifact.name,
		.group = record->artifact.group,
		.payload_types = record->artifact.payload_types,
		.provides = record->artifact.provides,
		.clears = record->artifact.clears,
		.in_state = record->phase,
		.failed = record->own.failed,
		.rolled_back = record->own.failed && !record->own.dirty,
		.own = record->own,
	};
	g_autoptr(json_t) value = json_record_write(&standalone_record, &text);

	return json_to_text(value);
}

static UpdateRecord *from_standalone_text(StandaloneText *text)
{
	UpdateRecord *record = update_record_new();

	/* Version 1 was written once the install was done: it waits for commit. */
	record->phase = text->version == 1 ? g_strdup("Before_ArtifactCommit_Enter")
					   : g_steal_pointer(&text->in_state);
	record->artifact.name = g_steal_pointer(&text->name);
	record->artifact.group = g_steal_pointer(&text->group);
	record->artifact.payload_types = g_steal_pointer(&text->payload_types);
	record->artifact.provides = g_steal_pointer(&text->provides);
	record->artifact.clears = g_steal_pointer(&text->clears);
	g_free(record->own.boot_id);
	g_free(record->own.reason);
	record->own = text->own;
	text->own.boot_id = NULL;
	text->own.reason = NULL;
	if (!record->own.known) {
		record->own.failed = text->failed;
		record->own.dirty = text->failed && !text->rolled_back;
	}
	return record;
}

static gboolean is_known_version(const StandaloneText *text)
{
	return text->version == 1 ||
	       (text->version == STANDALONE_VERSION && text->in_state != NULL);
}

UpdateRecord *update_record_from_standalone(const char *text, GError **error)
{
	g_autoptr(GError) failure = NULL;
	StandaloneText *parsed =
		json_record_parse(&standalone_record, text, strlen(text), &failure);
	UpdateRecord *record = NULL;

	if (parsed == NULL || !is_known_version(parsed)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT, "stored standalone state: %s",
			failure != NULL ? failure->message : "of an unknown version");
		json_record_free(&standalone_record, parsed);
		return NULL;
	}
	record = from_standalone_text(parsed);
	json_record_free(&standalone_record, parsed);
	return record;
}

void update_record_free(UpdateRecord *record)
{
	if (record == NULL)
		return;
	clear_artifact(&record->artifact);
	g_free(record->artifact.source.uri);
	g_free(record->artifact.source.expire);
	g_free(record->phase);
	g_free(record->id);
	g_strfreev(record->reboot_requested);
	g_free(record->supports_rollback);
	g_free(record->own.boot_id);
	g_free(record->own.reason);
	g_free(record);
}
