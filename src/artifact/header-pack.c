/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/header-pack.h"
#include <string.h>
#include "artifact/header-json.h"
#include "artifact/header-private.h"
#include "artifact/names.h"
#include "artifact/tar-writer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum { DOCUMENT_MODE = 0600, SCRIPT_MODE = 0755 };

/* What the documents of one header are made from: the spec's own values, or those of its augment.
 */
typedef struct {
	const ArtifactSpec *spec;
	HeaderKind kind;
	const char *payload_type;
	GHashTable *provides, *depends;
	json_t *meta_data;
	char **clears_provides;
	gboolean empty_meta_data;
} Documents;

static gboolean refuse(GError **error, const char *what, const char *why)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: %s", what, why);
	return FALSE;
}

/* --- header-info --- */

static void set_texts(json_t *object, const char *key, char **texts)
{
	if (texts && *texts)
		json_object_set_new(object, key, artifact_texts_to_json(texts));
}

static json_t *type_to_json(const char *type)
{
	return type ? json_string(type) : json_null();
}

static json_t *payloads_to_json(const Documents *documents)
{
	json_t *payloads = json_array(), *payload = json_object();

	json_object_set_new(payload, "type", type_to_json(documents->payload_type));
	json_array_append_new(payloads, payload);
	return payloads;
}

static json_t *make_info_v2(const Documents *documents)
{
	const ArtifactSpec *spec = documents->spec;
	json_t *info = json_object();

	json_object_set_new(info, "artifact_name", json_string(spec->name));
	json_object_set_new(info, "updates", payloads_to_json(documents));
	set_texts(info, "device_types_compatible", spec->device_types);
	return info;
}

static json_t *make_info(const Documents *documents)
{
	const ArtifactSpec *spec = documents->spec;
	json_t *info = json_object(), *provides = json_object(), *depends = json_object();

	json_object_set_new(provides, "artifact_name", json_string(spec->name));
	if (spec->group && *spec->group)
		json_object_set_new(provides, "artifact_group", json_string(spec->group));
	set_texts(depends, "artifact_name", spec->depends_names);
	set_texts(depends, "device_type", spec->device_types);
	set_texts(depends, "artifact_group", spec->depends_groups);
	json_object_set_new(info, "payloads", payloads_to_json(documents));
	json_object_set_new(info, "artifact_provides", provides);
	json_object_set_new(info, "artifact_depends", depends);
	return info;
}

/* --- headers/0000 --- */

/* The sum of the image is known only once it was packed; it is provided by the base header. */
static json_t *make_provides(const Documents *documents, const PayloadPack *pack)
{
	char **checksum_keys = documents->kind == HEADER_V3 ? documents->spec->checksum_keys : NULL;
	g_autoptr(GHashTable) all = artifact_provides_new();
	GHashTableIter iter;
	gpointer key, value;

	if (documents->provides) {
		g_hash_table_iter_init(&iter, documents->provides);
		while (g_hash_table_iter_next(&iter, &key, &value))
			g_hash_table_replace(all, g_strdup(key), g_strdup(value));
	}
	for (char **name = checksum_keys; name && *name && pack->files->len > 0; name++) {
		const PackedFile *file = pack->files->pdata[0];

		g_hash_table_replace(all, g_strdup(*name), g_strdup(file->sum));
	}
	return artifact_provides_to_json(all);
}

static json_t *make_type_info(const Documents *documents, const PayloadPack *pack)
{
	json_t *info = json_object();

	json_object_set_new(info, "type", type_to_json(documents->payload_type));
	if (documents->kind == HEADER_V2)
		return info;
	g_autoptr(json_t) provides = make_provides(documents, pack);
	g_autoptr(json_t) depends = artifact_depends_to_json(documents->depends);
	if (json_object_size(depends) > 0)
		json_object_set(info, "artifact_depends", depends);
	if (json_object_size(provides) > 0)
		json_object_set(info, "artifact_provides", provides);
	if (documents->clears_provides)
		json_object_set_new(info, "clears_artifact_provides",
			artifact_texts_to_json(documents->clears_provides));
	return info;
}

static json_t *make_file_list(const PayloadPack *pack)
{
	json_t *list = json_array();

	for (guint i = 0; i < pack->files->len; i++) {
		const PackedFile *file = pack->files->pdata[i];

		json_array_append_new(list, json_string(file->name));
	}
	return json_pack("{s:o}", "files", list);
}

/* --- header.tar --- */

static gboolean append_text(
	GByteArray *tar, const char *name, const char *text, gint64 modified_s, GError **error)
{
	TarHeader header = { name, strlen(text), DOCUMENT_MODE, modified_s };

	if (header.size > ARTIFACT_JSON_SIZE_MAX)
		return refuse(error, name, "larger than 1 MiB");
	return tar_append(tar, &header, text, error);
}

/* @value: (transfer full) */
static gboolean append_document(
	GByteArray *tar, const char *name, json_t *value, gint64 modified_s, GError **error)
{
	g_autofree char *text = json_to_text(value);

	json_decref(value);
	return append_text(tar, name, text, modified_s, error);
}

static gint compare_base_names(gconstpointer a, gconstpointer b)
{
	const char *const *path_a = a, *const *path_b = b;
	g_autofree char *name_a = g_path_get_basename(*path_a);
	g_autofree char *name_b = g_path_get_basename(*path_b);

	return strcmp(name_a, name_b);
}

static gboolean append_script(GByteArray *tar, const char *path, gint64 modified_s, GError **error)
{
	g_autofree char *base = g_path_get_basename(path);
	g_autofree char *name = g_strconcat("scripts/", base, NULL);
	TarHeader header = { name, 0, SCRIPT_MODE, modified_s };

	if (!name_is_script(base))
		return refuse(error, base,
			"not the name of an artifact's state script (ArtifactInstall_Enter_00)");
	g_autoptr(GBytes) bytes = file_read(path, ARTIFACT_SCRIPT_SIZE_MAX, error);
	if (!bytes)
		return FALSE;
	gsize size;
	gconstpointer data = g_bytes_get_data(bytes, &size);
	header.size = size;
	return tar_append(tar, &header, data, error);
}

/* In the order they will run, whatever the order of the command line. */
static gboolean append_scripts(GByteArray *tar, const ArtifactSpec *spec, GError **error)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new();
	g_autofree char *earlier = NULL;

	for (char **path = spec->script_paths; path && *path; path++)
		g_ptr_array_add(paths, *path);
	g_ptr_array_sort(paths, compare_base_names);
	for (guint i = 0; i < paths->len; i++) {
		g_autofree char *name = g_path_get_basename(paths->pdata[i]);

		if (g_strcmp0(name, earlier) == 0)
			return refuse(error, name, "two state scripts of one name");
		if (!append_script(tar, paths->pdata[i], spec->modified_s, error))
			return FALSE;
		g_free(earlier);
		earlier = g_steal_pointer(&name);
	}
	return TRUE;
}

static gboolean append_meta_data(GByteArray *tar, const Documents *documents, GError **error)
{
	static const char name[] = "headers/0000/meta-data";
	gint64 modified_s = documents->spec->modified_s;

	if (!documents->meta_data)
		return !documents->empty_meta_data || append_text(tar, name, "", modified_s, error);
	if (!json_is_object(documents->meta_data))
		return refuse(error, "meta-data", "not a JSON object");
	g_autofree char *text = json_to_canonical_text(documents->meta_data);
	return append_text(tar, name, text, modified_s, error);
}

static gboolean append_documents(
	GByteArray *tar, const Documents *documents, const PayloadPack *pack, GError **error)
{
	gint64 modified_s = documents->spec->modified_s;

	return (documents->kind != HEADER_V2 || append_document(tar, "headers/0000/files",
							make_file_list(pack), modified_s, error)) &&
	       append_document(tar, "headers/0000/type-info", make_type_info(documents, pack),
		       modified_s, error) &&
	       append_meta_data(tar, documents, error);
}

static gboolean add_to_array(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	g_byte_array_append(user_data, data, (guint)size);
	return TRUE;
}

static GByteArray *compress_header(
	GByteArray *tar, const CompressChoice *compression, GError **error)
{
	g_autoptr(GByteArray) packed = g_byte_array_new();
	g_auto(Compressor) compressor = { 0 };

	if (tar->len > ARTIFACT_HEADER_SIZE_MAX) {
		refuse(error, "the header with its state scripts", "larger than 64 MiB");
		return NULL;
	}
	if (!compressor_open(&compressor, compression, add_to_array, packed, error) ||
		!compressor_push(&compressor, tar->data, tar->len, error) ||
		!compressor_finish(&compressor, error))
		return NULL;
	return g_steal_pointer(&packed);
}

/* What belongs to the kind of header. Version 2 knows no provides, depends and clears. */
static Documents choose_documents(const ArtifactSpec *spec, HeaderKind kind)
{
	Documents documents = { .spec = spec, .kind = kind };

	if (kind == HEADER_AUGMENT) {
		documents.payload_type = spec->augment->payload_type;
		documents.provides = spec->augment->provides;
		documents.depends = spec->augment->depends;
		documents.meta_data = spec->augment->meta_data;
		return documents;
	}
	documents.payload_type = spec->payload_type;
	documents.provides = spec->provides;
	documents.depends = spec->depends;
	documents.meta_data = spec->meta_data;
	documents.clears_provides = spec->clears_provides;
	documents.empty_meta_data = spec->empty_meta_data;
	return documents;
}

GByteArray *header_pack_make(
	const ArtifactSpec *spec, HeaderKind kind, const PayloadPack *pack, GError **error)
{
	g_autoptr(GByteArray) tar = g_byte_array_new();
	const Documents documents = choose_documents(spec, kind);
	json_t *info = kind == HEADER_V2 ? make_info_v2(&documents) : make_info(&documents);

	if (!append_document(tar, "header-info", info, spec->modified_s, error) ||
		(kind != HEADER_AUGMENT && !append_scripts(tar, spec, error)) ||
		!append_documents(tar, &documents, pack, error))
		return NULL;
	tar_append_end(tar);
	return compress_header(tar, &spec->compression, error);
}
