/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/software.h"
#include "artifact/provides.h"
#include "base/error.h"
#include "base/json.h"
#include <string.h>

static gboolean load_provides(Store *store, GHashTable *provides, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(json_t) object = NULL;
	const char *key = NULL;
	json_t *value = NULL;

	if (!store_get(store, STORE_ARTIFACT_PROVIDES, &text, error))
		return FALSE;
	if (text == NULL || *text == '\0')
		return TRUE;
	object = json_parse_strict(text, strlen(text), error);
	if (object == NULL) {
		g_prefix_error(error, "stored provides: ");
		return FALSE;
	}
	json_object_foreach (object, key, value) {
		if (json_is_string(value))
			g_hash_table_insert(
				provides, g_strdup(key), g_strdup(json_string_value(value)));
	}
	return TRUE;
}

gboolean software_load(Store *store, Software *ret_software, GError **error)
{
	g_auto(Software) software = { 0 };

	software.provides = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	if (!store_get(store, STORE_ARTIFACT_NAME, &software.name, error) ||
		!store_get(store, STORE_ARTIFACT_GROUP, &software.group, error) ||
		!load_provides(store, software.provides, error))
		return FALSE;
	if (software.name == NULL)
		software.name = g_strdup(SOFTWARE_UNKNOWN);
	*ret_software = software;
	software = (Software){ 0 };
	return TRUE;
}

void software_clear(Software *software)
{
	g_clear_pointer(&software->name, g_free);
	g_clear_pointer(&software->group, g_free);
	g_clear_pointer(&software->provides, g_hash_table_unref);
}

/* As provides.h wants it: name and group are keys like the others. */
static GHashTable *flatten(const Software *software)
{
	GHashTable *all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	GHashTableIter iterator;
	gpointer key, value;

	g_hash_table_iter_init(&iterator, software->provides);
	while (g_hash_table_iter_next(&iterator, &key, &value))
		g_hash_table_insert(all, g_strdup(key), g_strdup(value));
	g_hash_table_insert(all, g_strdup("artifact_name"), g_strdup(software->name));
	if (software->group != NULL && *software->group != '\0')
		g_hash_table_insert(all, g_strdup("artifact_group"), g_strdup(software->group));
	return all;
}

GHashTable *software_all_provides(const Agent *agent, const Software *software)
{
	GHashTable *all = flatten(software);

	if (agent->device_type != NULL)
		g_hash_table_insert(all, g_strdup("device_type"), g_strdup(agent->device_type));
	return all;
}

gboolean software_check_depends(const Agent *agent, const ArtifactHeader *header, GError **error)
{
	g_auto(Software) software = { 0 };
	g_autoptr(GHashTable) all = NULL;

	if (agent->device_type == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_PRECONDITION,
			"%s is missing: the device type is not known",
			agent->settings->device_type_file);
		return FALSE;
	}
	if (!software_load(agent->store, &software, error))
		return FALSE;
	all = flatten(&software);
	return artifact_header_fits(header, agent->device_type, all, error);
}

/* What the record kept of the header, in the form the rules take. */
static GHashTable *provides_after(const RecordArtifact *artifact, GHashTable *before)
{
	ArtifactPayload payload = {
		.provides = artifact->provides,
		.clears_provides = artifact->clears,
	};
	g_autoptr(GPtrArray) payloads = g_ptr_array_new();
	ArtifactHeader header = {
		.name = artifact->name,
		.group = artifact->group,
		.payloads = payloads,
	};
	g_autoptr(GHashTable) none = NULL;

	if (payload.provides == NULL)
		payload.provides = none = g_hash_table_new(g_str_hash, g_str_equal);
	g_ptr_array_add(payloads, &payload);
	return artifact_provides_after(&header, before);
}

static char *provides_text(GHashTable *all)
{
	g_autoptr(json_t) object = json_object();
	GHashTableIter iterator;
	gpointer key, value;

	g_hash_table_iter_init(&iterator, all);
	while (g_hash_table_iter_next(&iterator, &key, &value)) {
		if (!g_str_equal(key, "artifact_name") && !g_str_equal(key, "artifact_group"))
			json_object_set_new(object, key, json_string(value));
	}
	return json_to_canonical_text(object);
}

static char *name_of(const RecordArtifact *artifact, SoftwareVerdict verdict)
{
	const char *name = artifact->name != NULL ? artifact->name : SOFTWARE_UNKNOWN;

	if (verdict == SOFTWARE_IS_NEW || g_str_has_suffix(name, SOFTWARE_INCONSISTENT))
		return g_strdup(name);
	return g_strconcat(name, SOFTWARE_INCONSISTENT, NULL);
}

/* The whole of it is written each time, so that clearing everything leaves nothing behind. */
gboolean software_apply(Store *store, const RecordArtifact *artifact, SoftwareVerdict verdict,
	StoreChanges *changes, GError **error)
{
	g_auto(Software) software = { 0 };
	g_autoptr(GHashTable) before = NULL;
	g_autoptr(GHashTable) after = NULL;
	g_autofree char *name = name_of(artifact, verdict);
	g_autofree char *text = NULL;

	if (!software_load(store, &software, error))
		return FALSE;
	before = flatten(&software);
	after = provides_after(artifact, before);
	store_changes_set(changes, STORE_ARTIFACT_NAME, name);
	store_changes_set(
		changes, STORE_ARTIFACT_GROUP, g_hash_table_lookup(after, "artifact_group"));
	if (verdict == SOFTWARE_IS_MIXED)
		return TRUE;
	text = provides_text(after);
	store_changes_set(changes, STORE_ARTIFACT_PROVIDES, text);
	return TRUE;
}
