/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/header-private.h"
#include "artifact/library/library-private.h"
#include "artifact/writer.h"
#include "base/json.h"

/* What base and augmented part both have. */
typedef struct {
	char *type;       /* NULL: none */
	GPtrArray *files; /* of char *, ended by a NULL, like all lists here */
	GHashTable *provides, *depends;
	json_t *meta_data;
} Part;

struct RotaArtifactSpec {
	char *name, *group;
	GPtrArray *device_types, *depends_names, *depends_groups, *scripts, *clears, *checksum_keys;
	gboolean augmented;
	Part base, augment;
	CompressChoice compression;
	gint64 modified_s;
	guint64 size_max;
};

static GPtrArray *texts_new(void)
{
	return g_ptr_array_new_null_terminated(0, g_free, TRUE);
}

static void part_init(Part *part)
{
	part->files = texts_new();
	part->provides = artifact_provides_new();
	part->depends = artifact_depends_new();
}

static void part_clear(Part *part)
{
	g_free(part->type);
	g_ptr_array_unref(part->files);
	g_hash_table_unref(part->provides);
	g_hash_table_unref(part->depends);
	json_decref(part->meta_data);
}

RotaArtifactSpec *rota_artifact_spec_new(const char *artifact_name)
{
	RotaArtifactSpec *spec = g_new0(RotaArtifactSpec, 1);

	spec->name = g_strdup(artifact_name);
	spec->device_types = texts_new();
	spec->depends_names = texts_new();
	spec->depends_groups = texts_new();
	spec->scripts = texts_new();
	spec->clears = texts_new();
	spec->checksum_keys = texts_new();
	spec->compression.kind = ARTIFACT_COMPRESSION_GZIP;
	part_init(&spec->base);
	part_init(&spec->augment);
	return spec;
}

void rota_artifact_spec_free(RotaArtifactSpec *spec)
{
	if (!spec)
		return;
	GPtrArray *lists[] = { spec->device_types, spec->depends_names, spec->depends_groups,
		spec->scripts, spec->clears, spec->checksum_keys };
	for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
		g_ptr_array_unref(lists[i]);
	part_clear(&spec->base);
	part_clear(&spec->augment);
	g_free(spec->name);
	g_free(spec->group);
	g_free(spec);
}

/* --- what it says of itself --- */

static void set_text(char **text, const char *value)
{
	g_free(*text);
	*text = g_strdup(value);
}

static void add_text(GPtrArray *list, const char *text)
{
	g_ptr_array_add(list, g_strdup(text));
}

/* One more value that will do. */
static void add_depends(GHashTable *depends, const char *key, const char *value)
{
	char **old = g_hash_table_lookup(depends, key);
	g_autoptr(GStrvBuilder) values = g_strv_builder_new();

	for (; old && *old; old++)
		g_strv_builder_add(values, *old);
	g_strv_builder_add(values, value);
	g_hash_table_replace(depends, g_strdup(key), g_strv_builder_end(values));
}

static bool set_meta_data(
	json_t **meta_data, const char *json, size_t size, RotaArtifactError **error)
{
	GError *failure = NULL;
	g_autoptr(json_t) value = json_parse_strict(json, size, &failure);

	if (!value) {
		g_prefix_error(&failure, "meta-data: ");
		library_set_error(error, failure, NULL);
		return false;
	}
	if (!json_is_object(value)) {
		library_set_invalid(error, "meta-data: not a JSON object");
		return false;
	}
	json_decref(*meta_data);
	*meta_data = g_steal_pointer(&value);
	return true;
}

void rota_artifact_spec_add_device_type(RotaArtifactSpec *spec, const char *device_type)
{
	add_text(spec->device_types, device_type);
}

void rota_artifact_spec_set_group(RotaArtifactSpec *spec, const char *group)
{
	set_text(&spec->group, group);
}

void rota_artifact_spec_add_depends_name(RotaArtifactSpec *spec, const char *artifact_name)
{
	add_text(spec->depends_names, artifact_name);
}

void rota_artifact_spec_add_depends_group(RotaArtifactSpec *spec, const char *group)
{
	add_text(spec->depends_groups, group);
}

void rota_artifact_spec_set_payload_type(RotaArtifactSpec *spec, const char *type)
{
	set_text(&spec->base.type, type);
}

void rota_artifact_spec_add_file(RotaArtifactSpec *spec, const char *path)
{
	add_text(spec->base.files, path);
}

void rota_artifact_spec_add_script(RotaArtifactSpec *spec, const char *path)
{
	add_text(spec->scripts, path);
}

void rota_artifact_spec_add_provides(RotaArtifactSpec *spec, const char *key, const char *value)
{
	g_hash_table_replace(spec->base.provides, g_strdup(key), g_strdup(value));
}

void rota_artifact_spec_add_depends(RotaArtifactSpec *spec, const char *key, const char *value)
{
	add_depends(spec->base.depends, key, value);
}

void rota_artifact_spec_add_clears_provides(RotaArtifactSpec *spec, const char *pattern)
{
	add_text(spec->clears, pattern);
}

void rota_artifact_spec_add_checksum_provides(RotaArtifactSpec *spec, const char *key)
{
	add_text(spec->checksum_keys, key);
}

bool rota_artifact_spec_set_meta_data(
	RotaArtifactSpec *spec, const char *json, size_t size, RotaArtifactError **error)
{
	return set_meta_data(&spec->base.meta_data, json, size, error);
}

/* --- the augmented part --- */

static Part *augment_of(RotaArtifactSpec *spec)
{
	spec->augmented = TRUE;
	return &spec->augment;
}

void rota_artifact_spec_set_augment_type(RotaArtifactSpec *spec, const char *type)
{
	set_text(&augment_of(spec)->type, type);
}

void rota_artifact_spec_add_augment_file(RotaArtifactSpec *spec, const char *path)
{
	add_text(augment_of(spec)->files, path);
}

void rota_artifact_spec_add_augment_provides(
	RotaArtifactSpec *spec, const char *key, const char *value)
{
	g_hash_table_replace(augment_of(spec)->provides, g_strdup(key), g_strdup(value));
}

void rota_artifact_spec_add_augment_depends(
	RotaArtifactSpec *spec, const char *key, const char *value)
{
	add_depends(augment_of(spec)->depends, key, value);
}

bool rota_artifact_spec_set_augment_meta_data(
	RotaArtifactSpec *spec, const char *json, size_t size, RotaArtifactError **error)
{
	return set_meta_data(&augment_of(spec)->meta_data, json, size, error);
}

/* --- how it is written --- */

void rota_artifact_spec_set_compression(
	RotaArtifactSpec *spec, RotaArtifactCompression compression, int level)
{
	spec->compression =
		(CompressChoice){ .kind = (ArtifactCompression)compression, .level = level };
}

void rota_artifact_spec_set_modified_s(RotaArtifactSpec *spec, int64_t modified_s)
{
	spec->modified_s = modified_s;
}

void rota_artifact_spec_set_size_max(RotaArtifactSpec *spec, uint64_t size_max)
{
	spec->size_max = size_max;
}

static char **texts_of(const GPtrArray *list)
{
	return list->len > 0 ? (char **)list->pdata : NULL;
}

static ArtifactAugment augment_spec(const Part *part)
{
	return (ArtifactAugment){
		.payload_type = part->type,
		.provides = part->provides,
		.depends = part->depends,
		.meta_data = part->meta_data,
		.file_paths = texts_of(part->files),
	};
}

static ArtifactSpec base_spec(const RotaArtifactSpec *spec, const ArtifactAugment *augment)
{
	return (ArtifactSpec){
		.name = spec->name,
		.group = spec->group,
		.device_types = texts_of(spec->device_types),
		.depends_names = texts_of(spec->depends_names),
		.depends_groups = texts_of(spec->depends_groups),
		.payload_type = spec->base.type,
		.provides = spec->base.provides,
		.depends = spec->base.depends,
		.clears_provides = texts_of(spec->clears),
		.checksum_keys = texts_of(spec->checksum_keys),
		.meta_data = spec->base.meta_data,
		.empty_meta_data = g_strcmp0(spec->base.type, "rootfs-image") == 0,
		.script_paths = texts_of(spec->scripts),
		.file_paths = texts_of(spec->base.files),
		.augment = spec->augmented ? augment : NULL,
		.compression = spec->compression,
		.modified_s = spec->modified_s,
		.size_max = spec->size_max,
	};
}

bool rota_artifact_write(const RotaArtifactSpec *spec, const RotaArtifactSigner *signer, int out_fd,
	const char *spool_folder, uint64_t *ret_size, RotaArtifactError **error)
{
	ArtifactAugment augment = augment_spec(&spec->augment);
	ArtifactSpec inner = base_spec(spec, &augment);
	GError *failure = NULL;
	guint64 size;

	if ((guint)spec->compression.kind > ARTIFACT_COMPRESSION_ZSTD) {
		library_set_invalid(error, "compression: not one that is known");
		return false;
	}
	if (!artifact_write(&inner, library_signer_key(signer), out_fd,
		    spool_folder ? spool_folder : "/tmp", &size, &failure)) {
		library_set_error(error, failure, NULL);
		return false;
	}
	if (ret_size)
		*ret_size = size;
	return true;
}
