/* SPDX-License-Identifier: Apache-2.0 */
#include "server/artifacts/artifact.h"

#include <string.h>
#include "base/clock.h"
#include "base/json.h"

void artifact_free(Artifact *artifact)
{
	if (artifact == NULL)
		return;
	g_free(artifact->id);
	g_free(artifact->name);
	g_free(artifact->description);
	g_free(artifact->digest);
	g_free(artifact->manifest_digest);
	json_decref(artifact->document);
	g_free(artifact);
}

static void set_time(json_t *object, const char *name, gint64 time_us)
{
	g_autofree char *text = clock_format_rfc3339(time_us);

	json_object_set_new(object, name, json_string(text));
}

static json_t *texts_to_json(char **texts)
{
	json_t *array = json_array();

	for (; texts != NULL && *texts != NULL; texts++)
		json_array_append_new(array, json_string(*texts));
	return array;
}

json_t *artifact_file_to_json(const ArtifactFile *file)
{
	json_t *object = json_pack("{s:s, s:s, s:I}", "name", file->name, "checksum", file->sha256,
		"size", (json_int_t)file->size);

	set_time(object, "date", file->modified_s * G_USEC_PER_SEC);
	return object;
}

/* An array of pairs: clients of Mender refuse a whole list where this is an object. */
static json_t *meta_data_to_json(json_t *meta_data)
{
	json_t *array = json_array();
	const char *key;
	json_t *value;

	json_object_foreach (meta_data, key, value)
		json_array_append_new(array, json_pack("{s:s, s:O}", "Key", key, "Value", value));
	return array;
}

static json_t *payload_to_json(const ArtifactPayload *payload, json_t *files)
{
	json_t *update = json_object();

	json_object_set_new(update, "type_info", json_pack("{s:s?}", "type", payload->type));
	json_object_set(update, "files", files);
	json_object_set_new(update, "meta_data", meta_data_to_json(payload->meta_data));
	return update;
}

static void set_texts(json_t *object, const char *name, char **texts)
{
	if (texts != NULL && texts[0] != NULL)
		json_object_set_new(object, name, texts_to_json(texts));
}

static json_t *provides_to_json(const ArtifactHeader *header)
{
	json_t *provides = json_pack("{s:s}", "artifact_name", header->name);

	if (header->group != NULL)
		json_object_set_new(provides, "artifact_group", json_string(header->group));
	for (guint i = 0; i < header->payloads->len; i++) {
		const ArtifactPayload *payload = g_ptr_array_index(header->payloads, i);
		GHashTableIter iter;
		gpointer key, value;

		g_hash_table_iter_init(&iter, payload->provides);
		while (g_hash_table_iter_next(&iter, &key, &value))
			json_object_set_new(provides, key, json_string(value));
	}
	return provides;
}

static json_t *depends_to_json(const ArtifactHeader *header)
{
	json_t *depends = json_object();

	json_object_set_new(depends, "device_type", texts_to_json(header->device_types));
	set_texts(depends, "artifact_name", header->depends_names);
	set_texts(depends, "artifact_group", header->depends_groups);
	for (guint i = 0; i < header->payloads->len; i++) {
		const ArtifactPayload *payload = g_ptr_array_index(header->payloads, i);
		GHashTableIter iter;
		gpointer key, value;

		g_hash_table_iter_init(&iter, payload->depends);
		while (g_hash_table_iter_next(&iter, &key, &value))
			json_object_set_new(depends, key, texts_to_json(value));
	}
	return depends;
}

static json_t *clears_to_json(const ArtifactHeader *header)
{
	json_t *clears = json_array();

	for (guint i = 0; i < header->payloads->len; i++) {
		const ArtifactPayload *payload = g_ptr_array_index(header->payloads, i);
		g_autoptr(json_t) texts = texts_to_json(payload->clears_provides);

		json_array_extend(clears, texts);
	}
	return clears;
}

json_t *artifact_make_document(const ArtifactHeader *header, json_t *files)
{
	json_t *document = json_object();
	json_t *updates = json_array();

	for (guint i = 0; i < header->payloads->len; i++)
		json_array_append_new(
			updates, payload_to_json(g_ptr_array_index(header->payloads, i),
					 json_array_get(files, i)));
	json_object_set_new(
		document, "device_types_compatible", texts_to_json(header->device_types));
	json_object_set_new(document, "info",
		json_pack("{s:s, s:i}", "format", "mender", "version", header->version));
	json_object_set_new(document, "updates", updates);
	json_object_set_new(document, "artifact_provides", provides_to_json(header));
	json_object_set_new(document, "artifact_depends", depends_to_json(header));
	json_object_set_new(document, "clears_artifact_provides", clears_to_json(header));
	return document;
}

json_t *artifact_to_json(const Artifact *artifact)
{
	json_t *object = json_pack("{s:s, s:s, s:s}", "id", artifact->id, "name", artifact->name,
		"description", artifact->description);

	json_object_update(object, artifact->document);
	json_object_set_new(object, "signed", json_boolean(artifact->is_signed));
	json_object_set_new(object, "size", json_integer(artifact->size_bytes));
	json_object_set_new(object, "checksum", json_string(artifact->digest));
	json_object_set_new(object, "manifest_checksum", json_string(artifact->manifest_digest));
	set_time(object, "modified", artifact->modified_us);
	return object;
}

json_t *artifact_device_types(const Artifact *artifact)
{
	return json_object_get(artifact->document, "device_types_compatible");
}

json_t *artifact_depends(const Artifact *artifact)
{
	return json_object_get(artifact->document, "artifact_depends");
}

GPtrArray *artifact_update_types(const Artifact *artifact)
{
	GPtrArray *types = g_ptr_array_new_with_free_func(g_free);
	gsize i;
	json_t *update;

	json_array_foreach (json_object_get(artifact->document, "updates"), i, update) {
		const char *type = json_string_value(
			json_object_get(json_object_get(update, "type_info"), "type"));

		if (type != NULL &&
			!g_ptr_array_find_with_equal_func(types, type, g_str_equal, NULL))
			g_ptr_array_add(types, g_strdup(type));
	}
	return types;
}

static gboolean lists_intersect(const json_t *a, const json_t *b)
{
	for (gsize i = 0; i < json_array_size(a); i++)
		for (gsize j = 0; j < json_array_size(b); j++)
			if (json_equal(json_array_get(a, i), json_array_get(b, j)))
				return TRUE;
	return FALSE;
}

gboolean artifacts_overlap(const Artifact *a, const Artifact *b)
{
	const json_t *others = artifact_depends(b);
	const char *key;
	json_t *values;

	if (!g_str_equal(a->name, b->name) ||
		json_object_size(artifact_depends(a)) != json_object_size(others))
		return FALSE;
	json_object_foreach (artifact_depends(a), key, values)
		if (!lists_intersect(values, json_object_get(others, key)))
			return FALSE;
	return TRUE;
}
