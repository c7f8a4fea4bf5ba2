/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/writer.h"
#include <string.h>
#include "artifact/header-json.h"
#include "artifact/header-private.h"
#include "artifact/names.h"
#include "artifact/file-range.h"
#include "artifact/output.h"
#include "artifact/payload-pack.h"
#include "artifact/signature.h"
#include "artifact/tar-writer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum { ENTRY_MODE = 0600, SCRIPT_MODE = 0755 };

static gboolean refuse(GError **error, const char *what, const char *why)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: %s", what, why);
	return FALSE;
}

/* --- what may be written --- */

static gboolean check_texts(char **texts, const char *what, gsize size_max, GError **error)
{
	for (; texts && *texts; texts++)
		if (!**texts || !text_is_printable(*texts, size_max))
			return refuse(error, what,
				"empty, too long, or with characters that cannot be printed");
	return TRUE;
}

static gboolean check_spec(const ArtifactSpec *spec, GError **error)
{
	char *name[] = { (char *)(guintptr)spec->name, NULL };
	char *group[] = { (char *)(guintptr)spec->group, NULL };

	if (!spec->name || !*spec->name)
		return refuse(error, "artifact name", "missing");
	if (strpbrk(spec->name, " \t\r\n"))
		return refuse(error, "artifact name", "blanks are not allowed");
	if (!spec->device_types || !*spec->device_types)
		return refuse(error, "device type", "at least one is needed");
	if (spec->payload_type && !name_is_payload_type(spec->payload_type))
		return refuse(error, "payload type", "not the name of an update module");
	if (!spec->payload_type && (spec->meta_data || (spec->file_paths && *spec->file_paths)))
		return refuse(error, "empty payload", "files and meta-data are not allowed");
	if (spec->modified_s < 0)
		return refuse(error, "time of the entries", "before 1970");
	return check_texts(name, "artifact name", ARTIFACT_NAME_SIZE_MAX, error) &&
	       check_texts(group, "artifact group", ARTIFACT_NAME_SIZE_MAX, error) &&
	       check_texts(spec->device_types, "device type", ARTIFACT_NAME_SIZE_MAX, error) &&
	       check_texts(spec->depends_names, "artifact name to depend on",
		       ARTIFACT_NAME_SIZE_MAX, error) &&
	       check_texts(
		       spec->depends_groups, "group to depend on", ARTIFACT_NAME_SIZE_MAX, error);
}

/* --- documents --- */

static void set_texts(json_t *object, const char *key, char **texts)
{
	if (texts && *texts)
		json_object_set_new(object, key, artifact_texts_to_json(texts));
}

static json_t *type_to_json(const ArtifactSpec *spec)
{
	return spec->payload_type ? json_string(spec->payload_type) : json_null();
}

static json_t *make_header_info(const ArtifactSpec *spec)
{
	json_t *info = json_object();
	json_t *provides = json_object(), *depends = json_object();
	json_t *payloads = json_array(), *payload = json_object();

	json_object_set_new(payload, "type", type_to_json(spec));
	json_array_append_new(payloads, payload);
	json_object_set_new(provides, "artifact_name", json_string(spec->name));
	if (spec->group && *spec->group)
		json_object_set_new(provides, "artifact_group", json_string(spec->group));
	set_texts(depends, "artifact_name", spec->depends_names);
	set_texts(depends, "device_type", spec->device_types);
	set_texts(depends, "artifact_group", spec->depends_groups);
	json_object_set_new(info, "payloads", payloads);
	json_object_set_new(info, "artifact_provides", provides);
	json_object_set_new(info, "artifact_depends", depends);
	return info;
}

static json_t *make_provides(const ArtifactSpec *spec, const PayloadPack *pack)
{
	g_autoptr(GHashTable) all = artifact_provides_new();
	GHashTableIter iter;
	gpointer key, value;

	if (spec->provides) {
		g_hash_table_iter_init(&iter, spec->provides);
		while (g_hash_table_iter_next(&iter, &key, &value))
			g_hash_table_replace(all, g_strdup(key), g_strdup(value));
	}
	for (char **name = spec->checksum_keys; name && *name && pack->files->len > 0; name++) {
		const PackedFile *file = pack->files->pdata[0];

		g_hash_table_replace(all, g_strdup(*name), g_strdup(file->sum));
	}
	return artifact_provides_to_json(all);
}

static json_t *make_type_info(const ArtifactSpec *spec, const PayloadPack *pack)
{
	json_t *info = json_object();
	g_autoptr(json_t) provides = make_provides(spec, pack);
	g_autoptr(json_t) depends = artifact_depends_to_json(spec->depends);

	json_object_set_new(info, "type", type_to_json(spec));
	if (json_object_size(depends) > 0)
		json_object_set(info, "artifact_depends", depends);
	if (json_object_size(provides) > 0)
		json_object_set(info, "artifact_provides", provides);
	if (spec->clears_provides)
		json_object_set_new(info, "clears_artifact_provides",
			artifact_texts_to_json(spec->clears_provides));
	return info;
}

/* --- header.tar --- */

static gboolean append_text(
	GByteArray *tar, const char *name, const char *text, gint64 modified_s, GError **error)
{
	TarHeader header = { name, strlen(text), ENTRY_MODE, modified_s };

	if (header.size > ARTIFACT_JSON_SIZE_MAX)
		return refuse(error, name, "larger than 1 MiB");
	return tar_append(tar, &header, text, error);
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

static gboolean append_documents(
	GByteArray *tar, const ArtifactSpec *spec, const PayloadPack *pack, GError **error)
{
	g_autoptr(json_t) type_info = make_type_info(spec, pack);
	g_autofree char *type_info_text = json_to_text(type_info);

	if (!append_text(tar, "headers/0000/type-info", type_info_text, spec->modified_s, error))
		return FALSE;
	if (!spec->meta_data)
		return !spec->empty_meta_data ||
		       append_text(tar, "headers/0000/meta-data", "", spec->modified_s, error);
	if (!json_is_object(spec->meta_data))
		return refuse(error, "meta-data", "not a JSON object");
	g_autofree char *meta_data_text = json_to_canonical_text(spec->meta_data);
	return append_text(tar, "headers/0000/meta-data", meta_data_text, spec->modified_s, error);
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

static GByteArray *make_header(const ArtifactSpec *spec, const PayloadPack *pack, GError **error)
{
	g_autoptr(GByteArray) tar = g_byte_array_new();
	g_autoptr(json_t) info = make_header_info(spec);
	g_autofree char *info_text = json_to_text(info);

	if (!append_text(tar, "header-info", info_text, spec->modified_s, error) ||
		!append_scripts(tar, spec, error) || !append_documents(tar, spec, pack, error))
		return NULL;
	tar_append_end(tar);
	return compress_header(tar, &spec->compression, error);
}

/* --- the whole --- */

static char *make_manifest(const PayloadPack *pack, const char *header_name,
	const GByteArray *header, const char *version)
{
	GString *manifest = g_string_new(NULL);
	g_autofree char *header_sum = sha256_hex_of(header->data, header->len);
	g_autofree char *version_sum = sha256_hex_of(version, strlen(version));

	for (guint i = 0; i < pack->files->len; i++) {
		const PackedFile *file = pack->files->pdata[i];

		g_string_append_printf(manifest, "%s  data/0000/%s\n", file->sum, file->name);
	}
	g_string_append_printf(manifest, "%s  %s\n", header_sum, header_name);
	g_string_append_printf(manifest, "%s  version\n", version_sum);
	return g_string_free(manifest, FALSE);
}

static gboolean append_signature(
	GByteArray *front, const char *manifest, const Key *key, gint64 modified_s, GError **error)
{
	g_autoptr(GBytes) bytes = g_bytes_new_static(manifest, strlen(manifest));
	g_autofree char *signature = key ? signature_make(bytes, key, error) : NULL;

	if (!key)
		return TRUE;
	return signature && append_text(front, "manifest.sig", signature, modified_s, error);
}

/* All that stands before the bytes of the payload archive, its tar header included. */
static GByteArray *make_front(const ArtifactSpec *spec, const PayloadPack *pack,
	const GByteArray *header, const Key *key, GError **error)
{
	static const char version[] = "{\"format\":\"mender\",\"version\":3}";
	const char *suffix = compression_suffix(spec->compression.kind);
	g_autofree char *header_name = g_strconcat("header.tar", suffix, NULL);
	g_autofree char *data_name = g_strconcat("data/0000.tar", suffix, NULL);
	g_autofree char *manifest = make_manifest(pack, header_name, header, version);
	TarHeader header_entry = { header_name, header->len, ENTRY_MODE, spec->modified_s };
	TarHeader data_entry = { data_name, pack->size, ENTRY_MODE, spec->modified_s };
	g_autoptr(GByteArray) front = g_byte_array_new();
	guint8 block[512];

	if (!append_text(front, "version", version, spec->modified_s, error) ||
		!append_text(front, "manifest", manifest, spec->modified_s, error) ||
		!append_signature(front, manifest, key, spec->modified_s, error) ||
		!tar_append(front, &header_entry, header->data, error) ||
		!tar_header_write(&data_entry, block, error))
		return NULL;
	g_byte_array_append(front, block, sizeof block);
	return g_steal_pointer(&front);
}

/* The front as it is, with the header that belongs to the sums of @pack. */
static GByteArray *build_front(
	const ArtifactSpec *spec, const PayloadPack *pack, const Key *key, GError **error)
{
	g_autoptr(GByteArray) header = make_header(spec, pack, error);

	return header ? make_front(spec, pack, header, key, error) : NULL;
}

static gboolean write_end(int out_fd, guint64 payload_size, GError **error)
{
	static const guint8 zeros[512 + TAR_END_SIZE];

	return output_write(out_fd, zeros, tar_padding(payload_size) + TAR_END_SIZE, error);
}

/* The sums stand before what they are of. Where the output can be gone back in, room is left for
 * the front: its size is known but for a few bytes of the compressed header, which mostly vanish in
 * the rounding to tar blocks. Where it was not, the payload is moved. */
static gboolean write_in_place(const ArtifactSpec *spec, PayloadPack *pack, const Key *key, int fd,
	guint64 start, GError **error)
{
	g_autoptr(GByteArray) guess = build_front(spec, pack, key, error);

	if (!guess || !file_seek(fd, start + guess->len, error) ||
		!payload_pack_write(
			pack, spec->file_paths, &spec->compression, spec->modified_s, fd, error))
		return FALSE;
	g_autoptr(GByteArray) front = build_front(spec, pack, key, error);
	return front &&
	       file_move_range(fd, start + guess->len, start + front->len, pack->size, error) &&
	       file_seek(fd, start, error) && output_write(fd, front->data, front->len, error) &&
	       file_seek(fd, start + front->len + pack->size, error) &&
	       write_end(fd, pack->size, error) && file_cut_here(fd, error);
}

/* A folder that is full is another one than the output's. */
static gboolean fill_spool(const ArtifactSpec *spec, PayloadPack *pack, int spool,
	const char *spool_folder, GError **error)
{
	g_autoptr(GError) failure = NULL;

	if (payload_pack_write(
		    pack, spec->file_paths, &spec->compression, spec->modified_s, spool, &failure))
		return TRUE;
	if (failure->domain == ARTIFACT_OUTPUT_ERROR)
		rota_set_errno_error(
			error, failure->code, "write a temporary file in %s", spool_folder);
	else
		g_propagate_error(error, g_steal_pointer(&failure));
	return FALSE;
}

/* Otherwise the payload waits in a file without a name. */
static gboolean write_through_spool(const ArtifactSpec *spec, PayloadPack *pack, const Key *key,
	int out_fd, const char *spool_folder, GError **error)
{
	autofd int spool = file_open_nameless(spool_folder, error);

	if (spool < 0 || !fill_spool(spec, pack, spool, spool_folder, error))
		return FALSE;
	g_autoptr(GByteArray) front = build_front(spec, pack, key, error);
	return front && output_write(out_fd, front->data, front->len, error) &&
	       file_copy_range(spool, out_fd, pack->size, error) &&
	       write_end(out_fd, pack->size, error);
}

gboolean artifact_write(const ArtifactSpec *spec, const Key *key, int out_fd,
	const char *spool_folder, GError **error)
{
	g_auto(PayloadPack) pack = { 0 };
	guint64 start;

	if (!check_spec(spec, error) || !payload_pack_init(&pack, spec->file_paths, error))
		return FALSE;
	pack.spool_folder = spool_folder;
	if (file_is_seekable(out_fd, &start))
		return write_in_place(spec, &pack, key, out_fd, start, error);
	return write_through_spool(spec, &pack, key, out_fd, spool_folder, error);
}
