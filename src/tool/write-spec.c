/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/write-spec.h"
#include <sys/stat.h>
#include "base/error.h"
#include "tool/output-file.h"
#include "tool/progress.h"
#include "tool/words.h"

static gboolean refuse(GError **error, const char *message)
{
	g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID, message);
	return FALSE;
}

static gboolean check_options(const WriteOptions *options, GError **error)
{
	if (!options->name)
		return refuse(error, "--artifact-name is needed");
	if (options->device_types && options->compatible_types)
		return refuse(error,
			"--device-type and --compatible-types are the same: give one of them");
	if (!options->device_types && !options->compatible_types)
		return refuse(error, "--device-type is needed");
	return TRUE;
}

/* Version 2 has no place for what version 3 added. mender-artifact drops it without a word. */
static gboolean choose_version(
	const WriteOptions *options, const WriteWay *way, int *ret_version, GError **error)
{
	*ret_version = 3;
	if (g_str_equal(options->version, "3"))
		return TRUE;
	if (!g_str_equal(options->version, "2"))
		return refuse(error, "--version: only format versions 2 and 3 can be written");
	if (!way->is_image)
		return refuse(error,
			"--version: format version 2 knows images of a root file system only");
	*ret_version = 2;
	if (options->group || options->depends_names || options->depends_groups ||
		options->provides || options->depends || options->clears)
		console_warn("format version 2 knows no provides, depends, groups and clears: "
			     "they are left out");
	return TRUE;
}

/* --- defaults --- */

/* "rootfs-image.NAME", or "rootfs-image" alone for an image without a name of its own. The name of
 * the way is a default too, and goes with --no-default-software-version. */
static char *software_key(const WriteOptions *options, const WriteWay *way)
{
	const char *filesystem =
		options->software_filesystem ? options->software_filesystem : "rootfs-image";
	const char *name = options->software_name;

	if (!name && !options->no_software_version)
		name = way->software_name;
	return name ? g_strconcat(filesystem, ".", name, NULL) : g_strdup(filesystem);
}

/* A version that is named is provided whatever else was said. */
static void add_default_version(
	const WriteOptions *options, const WriteWay *way, GHashTable *provides)
{
	g_autofree char *software = software_key(options, way);
	g_autofree char *key = g_strconcat(software, ".version", NULL);

	if (!way->has_software || g_hash_table_contains(provides, key) ||
		(options->no_software_version && !options->software_version))
		return;
	const char *version = options->software_version ? options->software_version
			      : way->software_version   ? way->software_version
							: options->name;
	g_hash_table_replace(provides, g_steal_pointer(&key), g_strdup(version));
}

static gboolean contains(const GPtrArray *texts, const char *text)
{
	return g_ptr_array_find_with_equal_func(
		(GPtrArray *)(guintptr)texts, text, g_str_equal, NULL);
}

static void add_pattern(GPtrArray *clears, const char *pattern)
{
	if (!contains(clears, pattern))
		g_ptr_array_add(clears, g_strdup(pattern));
}

/* The patterns of the command line, then the defaults; NULL where there are none at all. */
static char **make_clears(const WriteOptions *options, const WriteWay *way)
{
	g_autoptr(GPtrArray) clears = g_ptr_array_new();
	g_autofree char *software = software_key(options, way);
	g_autofree char *pattern = g_strconcat(software, ".*", NULL);

	for (guint i = 0; options->clears && i < options->clears->len; i++)
		add_pattern(clears, options->clears->pdata[i]);
	/* Without a version of its own it does not speak for the software that was there. */
	if (way->has_software && !options->no_clears && !options->no_software_version) {
		for (const char *const *own = way->clears; own && *own; own++)
			add_pattern(clears, *own);
		if (way->is_image && g_str_equal(pattern, "rootfs-image.*")) {
			add_pattern(clears, "artifact_group");
			add_pattern(clears, "rootfs_image_checksum");
		}
		if (!way->clears)
			add_pattern(clears, pattern);
	}
	if (clears->len == 0)
		return NULL;
	g_ptr_array_add(clears, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&clears), FALSE);
}

/* --- the spec --- */

gboolean write_spec_init(WriteSpec *spec, const WriteOptions *options, const WriteWay *way,
	gconstpointer global_options, GError **error)
{
	const GlobalOptions *global = global_options;
	ArtifactSpec *artifact = &spec->artifact;

	*spec = (WriteSpec){
		.provides = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
		.depends = g_hash_table_new_full(
			g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev),
	};
	output_file_announce(options->output);
	if (!check_options(options, error) ||
		!choose_version(options, way, &artifact->version, error) ||
		!words_size("--max-artifact-size", options->size_max, &artifact->size_max, error) ||
		!words_size("--warn-artifact-size", options->size_warn, &spec->size_warn, error) ||
		!words_compression(global->compression, &artifact->compression, error) ||
		!words_provides(options->provides, spec->provides, error) ||
		!words_depends(options->depends, spec->depends, error) ||
		!words_source_date(&artifact->modified_s, error))
		return FALSE;
	add_default_version(options, way, spec->provides);
	artifact->name = options->name;
	artifact->group = options->group;
	artifact->payload_type = way->payload_type;
	artifact->provides = spec->provides;
	artifact->depends = spec->depends;
	artifact->clears_provides = spec->clears = make_clears(options, way);
	artifact->device_types = spec->device_types = words_list(
		options->device_types ? options->device_types : options->compatible_types);
	artifact->depends_names = spec->depends_names = words_list(options->depends_names);
	artifact->depends_groups = spec->depends_groups = words_list(options->depends_groups);
	artifact->script_paths = spec->scripts = words_list(options->scripts);
	return TRUE;
}

void write_spec_add_software(
	WriteSpec *spec, const WriteOptions *options, const char *name, const char *version)
{
	const WriteWay way = {
		.software_name = name, .software_version = version, .has_software = TRUE
	};

	if (options->software_name)
		return;
	add_default_version(options, &way, spec->provides);
	g_auto(GStrv) more = make_clears(options, &way);
	g_autoptr(GPtrArray) all = g_ptr_array_new_null_terminated(8, NULL, TRUE);
	for (char **pattern = spec->clears; pattern && *pattern; pattern++)
		g_ptr_array_add(all, g_strdup(*pattern));
	for (char **pattern = more; pattern && *pattern; pattern++)
		add_pattern(all, *pattern);
	if (all->len == 0)
		return;
	g_strfreev(spec->clears);
	spec->clears = (char **)g_ptr_array_free(g_steal_pointer(&all), FALSE);
	spec->artifact.clears_provides = spec->clears;
}

void write_spec_clear(WriteSpec *spec)
{
	g_clear_pointer(&spec->facts, json_decref);
	g_clear_pointer(&spec->text, g_free);
	g_clear_pointer(&spec->provides, g_hash_table_unref);
	g_clear_pointer(&spec->depends, g_hash_table_unref);
	g_clear_pointer(&spec->clears, g_strfreev);
	g_clear_pointer(&spec->device_types, g_free);
	g_clear_pointer(&spec->depends_names, g_free);
	g_clear_pointer(&spec->depends_groups, g_free);
	g_clear_pointer(&spec->scripts, g_free);
}

static void add_sizes(char **paths, guint64 *total_bytes)
{
	for (; paths && *paths; paths++) {
		struct stat status;

		if (stat(*paths, &status) == 0)
			*total_bytes += (guint64)status.st_size;
	}
}

static void start_progress(ArtifactSpec *artifact)
{
	guint64 total_bytes = 0;

	add_sizes(artifact->file_paths, &total_bytes);
	add_sizes(artifact->augment ? artifact->augment->file_paths : NULL, &total_bytes);
	progress_start("Writing", total_bytes);
	artifact->progress = progress_add;
}

static gboolean save(const WriteSpec *spec, const WriteOptions *options, OutputFile *output,
	guint64 *ret_size, GError **error)
{
	gboolean has_key = signer_names_key(&options->signer);
	g_autoptr(Key) key = has_key ? signer_load_private(&options->signer, error) : NULL;
	ArtifactSpec artifact = spec->artifact;

	if (has_key && !key)
		return FALSE;
	if (!output_file_open(output, options->output, 0644, error))
		return FALSE;
	const char *folder = options->temporary_folder ? options->temporary_folder : output->folder;
	start_progress(&artifact);
	return artifact_write(&artifact, key, output->fd, folder, ret_size, error) &&
	       output_file_commit(output, error);
}

static void warn_of_size(const WriteSpec *spec, guint64 size_bytes)
{
	if (spec->size_warn == 0 || size_bytes <= spec->size_warn)
		return;
	g_autofree char *text = g_strdup_printf("the artifact has %" G_GUINT64_FORMAT
						" bytes, more than %" G_GUINT64_FORMAT,
		size_bytes, spec->size_warn);
	console_warn(text);
}

int write_spec_save(const WriteSpec *spec, const WriteOptions *options)
{
	g_auto(OutputFile) output = { 0 };
	g_autoptr(GError) error = NULL;
	guint64 size_bytes = 0;

	if (!save(spec, options, &output, &size_bytes, &error))
		return error->domain == OUTPUT_FILE_ERROR ? complain(STATUS_CREATE, error->message)
							  : output_file_complain(&output, error);
	warn_of_size(spec, size_bytes);
	json_t *told = json_pack("{s:s, s:s, s:I, s:b}", "artifact", options->output, "name",
		options->name, "size", (json_int_t)size_bytes, "signed",
		(int)signer_names_key(&options->signer));
	if (spec->facts)
		json_object_update(told, spec->facts);
	console_tell(told, spec->text);
	return STATUS_GOOD;
}
