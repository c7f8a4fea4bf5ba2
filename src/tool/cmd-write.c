/* SPDX-License-Identifier: Apache-2.0 */
/* The three ways to write an artifact are one, with other defaults. */
#include <stdlib.h>
#include <string.h>
#include "artifact/provides.h"
#include "artifact/writer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "tool/artifact-tool.h"
#include "tool/output-file.h"

typedef struct {
	char *name, *group, *type, *output, *key, *meta_data;
	char *software_name, *software_version, *software_filesystem, *version;
	GPtrArray *device_types, *compatible_types, *files, *scripts;
	GPtrArray *depends_names, *depends_groups, *provides, *depends, *clears;
	gboolean no_software_version, no_clears, no_checksum, legacy_checksum, no_progress;
} WriteOptions;

const gsize write_options_size = sizeof(WriteOptions);

#define AT(member) G_STRUCT_OFFSET(WriteOptions, member)

#define COMMON_OPTIONS                                                                             \
	{ "artifact-name", 'n', OPTION_TEXT, AT(name), "NAME", "name of the artifact", NULL },     \
		{ "device-type", 't', OPTION_TEXTS, AT(device_types), "TYPE",                      \
			"device type it is made for; may be given several times", NULL },          \
		{ "compatible-types", 'c', OPTION_TEXTS, AT(compatible_types), "TYPE",             \
			"the newer name of --device-type", NULL },                                 \
		{ "output-path", 'o', OPTION_TEXT, AT(output), "FILE",                             \
			"where the artifact goes; - is the standard output", "artifact.mender" },  \
		{ "version", 'v', OPTION_TEXT, AT(version), "NUMBER",                              \
			"format version; 3 is written", "3" },                                     \
		{ "key", 'k', OPTION_TEXT, AT(key), "FILE", "private key in PEM to sign with",     \
			NULL },                                                                    \
		{ "artifact-name-depends", 'N', OPTION_TEXTS, AT(depends_names), "NAME",           \
			"artifact that must be installed; of several, any one", NULL },            \
		{ "provides-group", 'g', OPTION_TEXT, AT(group), "GROUP", "group it provides",     \
			NULL },                                                                    \
		{ "depends-groups", 'G', OPTION_TEXTS, AT(depends_groups), "GROUP",                \
			"group that must be installed; of several, any one", NULL },               \
		{ "provides", 'p', OPTION_TEXTS, AT(provides), "KEY:VALUE", "what it provides",    \
			NULL },                                                                    \
		{ "depends", 'd', OPTION_TEXTS, AT(depends), "KEY:VALUE", "what must be provided", \
			NULL },                                                                    \
		{ "clears-provides", 0, OPTION_TEXTS, AT(clears), "PATTERN",                       \
			"which provides of the device it clears", NULL },                          \
	{                                                                                          \
		"no-progress", 0, OPTION_FLAG, AT(no_progress), NULL,                              \
			"taken for compatibility: there is no progress bar", NULL                  \
	}

#define PAYLOAD_OPTIONS                                                                            \
	{ "script", 's', OPTION_TEXTS, AT(scripts), "FILE", "state script", NULL },                \
		{ "software-name", 0, OPTION_TEXT, AT(software_name), "NAME",                      \
			"provides FILESYSTEM.NAME.version", NULL },                                \
		{ "software-version", 0, OPTION_TEXT, AT(software_version), "VERSION",             \
			"its value; otherwise the name of the artifact", NULL },                   \
		{ "software-filesystem", 0, OPTION_TEXT, AT(software_filesystem), "FILESYSTEM",    \
			"instead of rootfs-image", NULL },                                         \
		{ "no-default-software-version", 0, OPTION_FLAG, AT(no_software_version), NULL,    \
			"provides no software version by itself", NULL },                          \
	{                                                                                          \
		"no-default-clears-provides", 0, OPTION_FLAG, AT(no_clears), NULL,                 \
			"clears no provides by itself", NULL                                       \
	}

const Option write_module_image_options[] = {
	COMMON_OPTIONS,
	PAYLOAD_OPTIONS,
	{ "type", 'T', OPTION_TEXT, AT(type), "TYPE", "the update module", NULL },
	{ "file", 'f', OPTION_TEXTS, AT(files), "FILE", "payload file; may be given several times",
		NULL },
	{ "meta-data", 'm', OPTION_TEXT, AT(meta_data), "FILE", "JSON object for the module",
		NULL },
	{ NULL },
};

const Option write_rootfs_image_options[] = {
	COMMON_OPTIONS,
	PAYLOAD_OPTIONS,
	{ "file", 'f', OPTION_TEXTS, AT(files), "FILE", "the image", NULL },
	{ "no-checksum-provide", 0, OPTION_FLAG, AT(no_checksum), NULL,
		"does not provide the sum of the image", NULL },
	{ "legacy-rootfs-image-checksum", 0, OPTION_FLAG, AT(legacy_checksum), NULL,
		"provides the sum as rootfs_image_checksum", NULL },
	{ NULL },
};

const Option write_bootstrap_options[] = { COMMON_OPTIONS, { NULL } };

static gboolean refuse(GError **error, const char *message)
{
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID, message);
	return FALSE;
}

/* --- words of the command line --- */

typedef struct {
	const char *name;
	CompressChoice choice;
} CompressionName;

static const CompressionName compression_names[] = {
	{ "none", { ARTIFACT_COMPRESSION_NONE, 0 } },
	{ "gzip", { ARTIFACT_COMPRESSION_GZIP, 0 } },
	{ "lzma", { ARTIFACT_COMPRESSION_XZ, 0 } },
	{ "zstd_fastest", { ARTIFACT_COMPRESSION_ZSTD, 1 } },
	{ "zstd_fast", { ARTIFACT_COMPRESSION_ZSTD, 3 } },
	{ "zstd_better", { ARTIFACT_COMPRESSION_ZSTD, 7 } },
	{ "zstd_best", { ARTIFACT_COMPRESSION_ZSTD, 15 } },
};

static gboolean choose_compression(const char *name, CompressChoice *ret_choice, GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(compression_names); i++) {
		if (g_strcmp0(name ? name : "gzip", compression_names[i].name) != 0)
			continue;
		*ret_choice = compression_names[i].choice;
		return TRUE;
	}
	return refuse(error, "--compression: none, gzip, lzma, zstd_fastest, zstd_fast, "
			     "zstd_better or zstd_best");
}

/* (transfer container): NULL-terminated, or NULL where there are none. */
static char **texts_of(GPtrArray *texts)
{
	char **list = g_new0(char *, (texts ? texts->len : 0) + 1);

	for (guint i = 0; texts && i < texts->len; i++)
		list[i] = texts->pdata[i];
	return list;
}

/* KEY:VALUE, split at the first colon. */
static gboolean split_pair(const char *text, char **ret_key, char **ret_value, GError **error)
{
	const char *colon = strchr(text, ':');

	if (!colon || colon == text) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not of the form KEY:VALUE",
			text);
		return FALSE;
	}
	*ret_key = g_strndup(text, (gsize)(colon - text));
	*ret_value = g_strdup(colon + 1);
	return TRUE;
}

static gboolean add_provides(GHashTable *provides, GPtrArray *pairs, GError **error)
{
	for (guint i = 0; pairs && i < pairs->len; i++) {
		char *key, *value;

		if (!split_pair(pairs->pdata[i], &key, &value, error))
			return FALSE;
		g_hash_table_replace(provides, key, value);
	}
	return TRUE;
}

static gboolean add_depends(GHashTable *depends, GPtrArray *pairs, GError **error)
{
	for (guint i = 0; pairs && i < pairs->len; i++) {
		char **values = g_new0(char *, 2);
		char *key;

		if (!split_pair(pairs->pdata[i], &key, &values[0], error)) {
			g_free(values);
			return FALSE;
		}
		g_hash_table_replace(depends, key, values);
	}
	return TRUE;
}

/* --- defaults --- */

typedef struct {
	const char *payload_type; /* NULL: an empty payload, or the one of --type */
	gboolean is_rootfs;
	gboolean has_software; /* provides a version, clears what was there */
} Way;

static const Way module_way = { NULL, FALSE, TRUE };
static const Way rootfs_way = { "rootfs-image", TRUE, TRUE };
static const Way bootstrap_way = { NULL, FALSE, FALSE };

/* "rootfs-image.NAME", or "rootfs-image" alone for an image without a name of its own. */
static char *software_key(const WriteOptions *options, const Way *way)
{
	const char *filesystem =
		options->software_filesystem ? options->software_filesystem : "rootfs-image";
	const char *name = options->software_name;

	if (!name && !way->is_rootfs)
		name = options->type;
	return name ? g_strconcat(filesystem, ".", name, NULL) : g_strdup(filesystem);
}

static void add_default_version(const WriteOptions *options, const Way *way, GHashTable *provides)
{
	g_autofree char *software = software_key(options, way);
	g_autofree char *key = g_strconcat(software, ".version", NULL);

	if (!way->has_software || options->no_software_version ||
		g_hash_table_contains(provides, key))
		return;
	g_hash_table_replace(provides, g_steal_pointer(&key),
		g_strdup(options->software_version ? options->software_version : options->name));
}

static gboolean contains(const GPtrArray *texts, const char *text)
{
	for (guint i = 0; i < texts->len; i++)
		if (g_str_equal(texts->pdata[i], text))
			return TRUE;
	return FALSE;
}

static void add_pattern(GPtrArray *clears, const char *pattern)
{
	if (!contains(clears, pattern))
		g_ptr_array_add(clears, g_strdup(pattern));
}

/* The patterns of the command line, then the defaults; NULL where there are none at all. */
static char **make_clears(const WriteOptions *options, const Way *way)
{
	g_autoptr(GPtrArray) clears = g_ptr_array_new();
	g_autofree char *software = software_key(options, way);
	g_autofree char *pattern = g_strconcat(software, ".*", NULL);

	for (guint i = 0; options->clears && i < options->clears->len; i++)
		add_pattern(clears, options->clears->pdata[i]);
	if (way->has_software && !options->no_clears && !contains(clears, pattern)) {
		if (way->is_rootfs && g_str_equal(pattern, "rootfs-image.*")) {
			add_pattern(clears, "artifact_group");
			add_pattern(clears, "rootfs_image_checksum");
		}
		add_pattern(clears, pattern);
	}
	if (clears->len == 0)
		return NULL;
	g_ptr_array_add(clears, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&clears), FALSE);
}

static char **make_checksum_keys(const WriteOptions *options, const Way *way)
{
	char **keys = g_new0(char *, 2);

	if (way->is_rootfs && !options->no_checksum)
		keys[0] = g_strdup(options->legacy_checksum ? "rootfs_image_checksum"
							    : "rootfs-image.checksum");
	return keys;
}

/* --- checks --- */

static gboolean check_options(const WriteOptions *options, const Way *way, GError **error)
{
	guint n_files = options->files ? options->files->len : 0;

	if (!options->name)
		return refuse(error, "--artifact-name is needed");
	if (options->device_types && options->compatible_types)
		return refuse(error,
			"--device-type and --compatible-types are the same: give one of them");
	if (!options->device_types && !options->compatible_types)
		return refuse(error, "--device-type is needed");
	if (!g_str_equal(options->version, "3"))
		return refuse(error, "--version: only format version 3 is written");
	if (way == &module_way && !options->type)
		return refuse(error, "--type is needed");
	if (way->is_rootfs && n_files != 1)
		return refuse(error, "--file is needed, once");
	if (way->is_rootfs && g_str_has_prefix(options->files->pdata[0], "ssh://"))
		return refuse(error, "--file: snapshots of a device are not taken by this program");
	return TRUE;
}

/* Only a number that stands in the variable counts; a broken one must not pass unseen. */
static gboolean read_source_date(gint64 *ret_time, GError **error)
{
	const char *text = g_getenv("SOURCE_DATE_EPOCH");

	*ret_time = 0;
	return !text || !*text ||
	       g_ascii_string_to_signed(
		       text, 10, 0, G_MAXINT32 * G_GINT64_CONSTANT(4), ret_time, error);
}

static gboolean read_meta_data(const char *path, json_t **ret_value, GError **error)
{
	*ret_value = NULL;
	if (!path)
		return TRUE;
	g_autoptr(GBytes) bytes = file_read(path, ARTIFACT_JSON_SIZE_MAX, error);
	if (!bytes)
		return FALSE;
	gsize size;
	const char *data = g_bytes_get_data(bytes, &size);
	*ret_value = json_parse_strict(data, size, error);
	if (!*ret_value)
		g_prefix_error(error, "%s: ", path);
	return *ret_value != NULL;
}

/* --- writing --- */

static gboolean write_file(const ArtifactSpec *spec, const WriteOptions *options, GError **error)
{
	g_autoptr(Key) key = options->key ? key_load_private(options->key, NULL, error) : NULL;
	g_auto(OutputFile) output = { 0 };

	if (options->key && !key)
		return FALSE;
	return output_file_open(&output, options->output, 0644, error) &&
	       artifact_write(spec, key, output.fd, output.folder, error) &&
	       output_file_commit(&output, error);
}

static gboolean write_way(const WriteOptions *options, const Way *way,
	const GlobalOptions *global_options, GError **error)
{
	g_autoptr(GHashTable) provides =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(GHashTable) depends =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev);
	g_autoptr(json_t) meta_data = NULL;
	ArtifactSpec spec = { .provides = provides, .depends = depends };

	if (!check_options(options, way, error) ||
		!choose_compression(global_options->compression, &spec.compression, error) ||
		!add_provides(provides, options->provides, error) ||
		!add_depends(depends, options->depends, error) ||
		!read_source_date(&spec.modified_s, error) ||
		!read_meta_data(options->meta_data, &meta_data, error))
		return FALSE;
	add_default_version(options, way, provides);
	g_auto(GStrv) clears = make_clears(options, way);
	g_auto(GStrv) checksum_keys = make_checksum_keys(options, way);
	g_autofree char **device_types =
		texts_of(options->device_types ? options->device_types : options->compatible_types);
	g_autofree char **depends_names = texts_of(options->depends_names);
	g_autofree char **depends_groups = texts_of(options->depends_groups);
	g_autofree char **scripts = texts_of(options->scripts);
	g_autofree char **files = texts_of(options->files);

	spec.name = options->name;
	spec.group = options->group;
	spec.device_types = device_types;
	spec.depends_names = depends_names;
	spec.depends_groups = depends_groups;
	spec.payload_type = way->payload_type ? way->payload_type : options->type;
	spec.clears_provides = clears;
	spec.checksum_keys = checksum_keys;
	spec.meta_data = meta_data;
	spec.empty_meta_data = way->is_rootfs;
	spec.script_paths = scripts;
	spec.file_paths = files;
	return write_file(&spec, options, error);
}

static int run(gconstpointer options, const Way *way, gconstpointer global_options)
{
	g_autoptr(GError) error = NULL;

	if (!write_way(options, way, global_options, &error))
		return complain(STATUS_USAGE, error->message);
	return STATUS_GOOD;
}

int write_module_image(gconstpointer options, char **operands, gconstpointer global_options)
{
	return run(options, &module_way, global_options);
}

int write_rootfs_image(gconstpointer options, char **operands, gconstpointer global_options)
{
	return run(options, &rootfs_way, global_options);
}

int write_bootstrap(gconstpointer options, char **operands, gconstpointer global_options)
{
	return run(options, &bootstrap_way, global_options);
}
