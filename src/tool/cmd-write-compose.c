/* SPDX-License-Identifier: Apache-2.0 */
/* What gen_docker-compose makes: a composition with its images, for the update module
 * docker-compose. */
#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include "base/error.h"
#include "base/json.h"
#include "tool/artifact-tool.h"
#include "tool/generator.h"
#include "tool/payload-files.h"
#include "tool/write-spec.h"

typedef struct {
	WriteOptions write;
	char *manifests, *images, *project;
} ComposeOptions;

#define AT(member) G_STRUCT_OFFSET(ComposeOptions, member)

static const Option artifact_rows[] =
	WRITE_ARTIFACT_TABLE("docker-compose-artifact.mender", 0, 'd');

static const Option write_compose_options[] = {
	{ "manifests-dir", 'm', OPTION_TEXT, AT(manifests), "FOLDER",
		"folder with the composition: compose.yaml or docker-compose.yml", NULL },
	{ "images-dir", 'i', OPTION_TEXT, AT(images), "FOLDER",
		"folder with all its images, one archive each, as docker save writes them", NULL },
	{ "project-name", 'p', OPTION_TEXT, AT(project), "NAME",
		"the project: letters, digits, _ and -", NULL },
	{ "Output", 0, OPTION_GROUP, AT(write), .rows = artifact_rows },
	{ "Payload", 0, OPTION_GROUP, AT(write), .rows = write_payload_options },
	{ NULL },
};

static const char write_compose_details[] =
	"The artifact holds the composition and its images: the device needs no registry. It is "
	"for the update module docker-compose and replaces what gen_docker-compose makes; it is "
	"not compressed unless --compression says so, because the images are. Nothing is fetched "
	"here, so that the same input gives the same artifact.\n\n"
	"Example: an image is saved, then packed with the composition that names it:\n\n"
	"    docker save -o images/telemetry.tar registry.example.com/telemetry:5\n"
	"    rota-artifact write docker-compose -n telemetry-5 -t ecu-gateway -p telemetry \\\n"
	"        -m manifests -i images --software-filesystem data-partition -k signing.pem \\\n"
	"        -o telemetry-5.mender\n\n"
	"skopeo copy docker://NAME docker-archive:images/FILE.tar:NAME saves one without docker.";

enum { MANIFEST_SIZE_MAX = 4 * 1024 * 1024, ENTRIES_MAX = 100000 };

typedef struct archive Archive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_read_free)

/* --- what goes in --- */

static gboolean check_composition(const char *folder, GError **error)
{
	static const char *const names[] = { "compose.yaml", "compose.yml", "docker-compose.yaml",
		"docker-compose.yml" };

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(folder, names[i], NULL);

		if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
			return TRUE;
	}
	return generator_refuse(
		error, "%s: neither compose.yaml nor docker-compose.yml is in it", folder);
}

/* docker load wants an archive with manifest.json (of its own) or index.json (of OCI). */
static gboolean is_image(const char *path)
{
	g_autoptr(Archive) archive = archive_read_new();
	struct archive_entry *entry;

	archive_read_support_format_tar(archive);
	archive_read_support_filter_gzip(archive);
	if (archive_read_open_filename(archive, path, 256 * 1024) != ARCHIVE_OK)
		return FALSE;
	for (guint i = 0; i < ENTRIES_MAX; i++) {
		if (archive_read_next_header(archive, &entry) != ARCHIVE_OK)
			return FALSE;
		const char *name = archive_entry_pathname(entry);
		if (name && (g_str_equal(name, "manifest.json") || g_str_equal(name, "index.json")))
			return TRUE;
	}
	return FALSE;
}

static gboolean check_images(const char *folder, GError **error)
{
	g_autoptr(GDir) entries = g_dir_open(folder, 0, error);
	guint n_images = 0;

	if (!entries)
		return FALSE;
	for (const char *name; (name = g_dir_read_name(entries)); n_images++) {
		g_autofree char *path = g_build_filename(folder, name, NULL);

		if (!is_image(path))
			return generator_refuse(
				error, "%s: not an image as docker save writes it", path);
	}
	return n_images > 0 || generator_refuse(error, "%s: no image is in it", folder);
}

static gboolean check(const ComposeOptions *options, GError **error)
{
	if (!options->manifests)
		return generator_refuse(error, "--manifests-dir is needed");
	if (!options->images)
		return generator_refuse(error, "--images-dir is needed");
	return generator_check_project("--project-name", options->project, error) &&
	       check_composition(options->manifests, error) && check_images(options->images, error);
}

/* --- packing --- */

static gboolean add_folder(PayloadFiles *files, const ComposeOptions *options, const char *name,
	const char *folder, const TreeTarChoice *choice, GError **error)
{
	int fd = generator_pack_folder(folder, choice, &options->write, error);

	if (fd >= 0)
		payload_files_add_fd(files, name, fd);
	return fd >= 0;
}

static gboolean gather(PayloadFiles *files, const ComposeOptions *options, GError **error)
{
	/* The builder's numbers mean nothing on the device. */
	const TreeTarChoice images = {
		.name = "images", .has_owner = TRUE, .compression = { ARTIFACT_COMPRESSION_GZIP, 0 }
	};
	const TreeTarChoice manifests = { .name = "manifests", .has_owner = TRUE };

	return add_folder(files, options, "images.tar.gz", options->images, &images, error) &&
	       add_folder(files, options, "manifests.tar", options->manifests, &manifests, error);
}

/* The device runs one project of this module: whichever was there before is cleared. The second
 * pattern is the one of gen_docker-compose, whose own names it misses. */
static gboolean make_spec(WriteSpec *spec, const ComposeOptions *options, const char *software,
	const GlobalOptions *global_options, GError **error)
{
	static const char *const clears[] = { "*mender-docker-compose.*",
		"*mender-docker-compose_*", NULL };
	const WriteWay way = { .clears = clears,
		.payload_type = "docker-compose",
		.software_name = software,
		.has_software = TRUE };
	GlobalOptions global = *global_options;

	if (!global.compression)
		global.compression = (char *)(guintptr) "none";
	return write_spec_init(spec, &options->write, &way, &global, error);
}

static int write_compose(gconstpointer data, char **operands, gconstpointer global_options)
{
	const ComposeOptions *options = data;
	g_autofree char *software = g_strconcat("mender-docker-compose.", options->project, NULL);
	g_auto(PayloadFiles) files = { 0 };
	g_auto(WriteSpec) spec = { 0 };
	g_autoptr(GError) error = NULL;

	payload_files_init(&files);
	if (!check(options, &error) ||
		!make_spec(&spec, options, software, global_options, &error) ||
		!gather(&files, options, &error))
		return complain(STATUS_USAGE, error->message);
	g_autoptr(json_t) meta_data =
		json_pack("{s:s, s:s}", "version", "1", "project_name", options->project);
	spec.artifact.meta_data = meta_data;
	payload_files_give(&files, &spec.artifact);
	return write_spec_save(&spec, &options->write);
}

const Verb write_docker_compose_verb = { "write docker-compose", NULL,
	"Makes an artifact that runs a composition of containers", write_compose_details,
	write_compose_options, sizeof(ComposeOptions), write_compose };

const Verb write_compose_verb = { "write compose", NULL, "The same as write docker-compose",
	write_compose_details, write_compose_options, sizeof(ComposeOptions), write_compose };
