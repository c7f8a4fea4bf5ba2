/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/header-json.h"
#include <string.h>

json_t *artifact_texts_to_json(char **texts)
{
	json_t *list = json_array();

	for (; texts && *texts; texts++)
		json_array_append_new(list, json_string(*texts));
	return list;
}

static json_t *depends_value(gpointer value)
{
	char **texts = value;

	return g_strv_length(texts) == 1 ? json_string(texts[0]) : artifact_texts_to_json(texts);
}

static json_t *provides_value(gpointer value)
{
	return json_string(value);
}

static json_t *table_to_json(GHashTable *table, json_t *(*value_to_json)(gpointer))
{
	json_t *object = json_object();
	g_autoptr(GList) keys =
		table ? g_list_sort(g_hash_table_get_keys(table), (GCompareFunc)strcmp) : NULL;

	for (GList *item = keys; item; item = item->next)
		json_object_set_new(
			object, item->data, value_to_json(g_hash_table_lookup(table, item->data)));
	return object;
}

json_t *artifact_provides_to_json(GHashTable *provides)
{
	return table_to_json(provides, provides_value);
}

json_t *artifact_depends_to_json(GHashTable *depends)
{
	return table_to_json(depends, depends_value);
}

json_t *artifact_script_to_json(const ArtifactScript *script)
{
	g_autofree char *sum = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, script->bytes);
	json_t *object = json_object();

	json_object_set_new(object, "name", json_string(script->name));
	json_object_set_new(object, "sha256", json_string(sum));
	json_object_set_new(
		object, "size", json_integer((json_int_t)g_bytes_get_size(script->bytes)));
	return object;
}
