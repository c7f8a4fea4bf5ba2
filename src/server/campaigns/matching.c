/* SPDX-License-Identifier: Apache-2.0 */
#include "server/campaigns/matching.h"

#include <string.h>
#include "base/error.h"
#include "base/json.h"

static const char name_key[] = "artifact_name";
static const char type_key[] = "device_type";

DeviceFacts *device_facts_new(const char *artifact_name, const char *device_type)
{
	DeviceFacts *facts = g_new0(DeviceFacts, 1);

	facts->artifact_name = g_strdup(artifact_name);
	facts->device_type = g_strdup(device_type);
	facts->provides = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_hash_table_insert(facts->provides, g_strdup(name_key), g_strdup(artifact_name));
	g_hash_table_insert(facts->provides, g_strdup(type_key), g_strdup(device_type));
	return facts;
}

DeviceFacts *device_facts_from_provides(GHashTable *provides, GError **error)
{
	const char *required[] = { name_key, type_key };
	DeviceFacts *facts;
	GHashTableIter iter;
	gpointer key, value;

	for (guint i = 0; i < G_N_ELEMENTS(required); i++) {
		const char *text = g_hash_table_lookup(provides, required[i]);

		if (text != NULL && *text != '\0')
			continue;
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: missing", required[i]);
		return NULL;
	}
	facts = device_facts_new(
		g_hash_table_lookup(provides, name_key), g_hash_table_lookup(provides, type_key));
	facts->is_complete = TRUE;
	g_hash_table_iter_init(&iter, provides);
	while (g_hash_table_iter_next(&iter, &key, &value))
		g_hash_table_insert(facts->provides, g_strdup(key), g_strdup(value));
	return facts;
}

void device_facts_free(DeviceFacts *facts)
{
	if (facts == NULL)
		return;
	g_free(facts->artifact_name);
	g_free(facts->device_type);
	g_hash_table_unref(facts->provides);
	g_free(facts);
}

char *device_facts_to_text(const DeviceFacts *facts)
{
	g_autoptr(json_t) object = json_object();
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, facts->provides);
	while (g_hash_table_iter_next(&iter, &key, &value))
		json_object_set_new(object, key, json_string(value));
	return json_to_canonical_text(object);
}

gboolean device_facts_are_same(const DeviceFacts *facts, const char *text)
{
	g_autoptr(json_t) object = json_parse_strict(text, strlen(text), NULL);

	return g_strcmp0(json_string_value(json_object_get(object, name_key)),
		       facts->artifact_name) == 0 &&
	       g_strcmp0(json_string_value(json_object_get(object, type_key)),
		       facts->device_type) == 0;
}

static gboolean list_has(const json_t *list, const char *text)
{
	for (gsize i = 0; text != NULL && i < json_array_size(list); i++)
		if (g_strcmp0(json_string_value(json_array_get(list, i)), text) == 0)
			return TRUE;
	return FALSE;
}

gboolean matching_fits(const Artifact *artifact, const DeviceFacts *facts)
{
	const char *key;
	json_t *values;

	if (!list_has(artifact_device_types(artifact), facts->device_type))
		return FALSE;
	json_object_foreach (artifact_depends(artifact), key, values) {
		const char *provided = g_hash_table_lookup(facts->provides, key);

		if (provided == NULL && !facts->is_complete)
			continue; /* the device itself will check it */
		if (!list_has(values, provided))
			return FALSE;
	}
	return TRUE;
}

const Artifact *matching_choose(const GPtrArray *artifacts, const DeviceFacts *facts)
{
	const Artifact *best = NULL;

	for (guint i = 0; i < artifacts->len; i++) {
		const Artifact *artifact = g_ptr_array_index(artifacts, i);

		if (matching_fits(artifact, facts) &&
			(best == NULL || artifact->size_bytes < best->size_bytes))
			best = artifact;
	}
	return best;
}
