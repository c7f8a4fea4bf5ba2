/* SPDX-License-Identifier: Apache-2.0 */
/* The three ways to write an artifact that mender-artifact has. */
#include "base/error.h"
#include "base/json.h"
#include "tool/artifact-tool.h"
#include "tool/words.h"
#include "tool/write-augment.h"
#include "tool/write-spec.h"

/* --- write module-image --- */

typedef struct {
	WriteOptions write;
	AugmentOptions augment;
	char *type, *meta_data;
	GPtrArray *files;
} ModuleOptions;

static const char write_module_image_details[] =
	"For a module that has no command of its own here; single-file, directory, deb, rpm, "
	"script and docker have one. An augmented part lies outside the signature: the tool names "
	"such an artifact AUGMENTED, and agents refuse it.\n\n"
	"Example: a calibration set for a module of one's own, only for ECUs that run 4.2 now:\n\n"
	"    rota-artifact write module-image -T calibration -n cal-18 -t ecu-brake -t ecu-brake-2 "
	"\\\n"
	"        -f maps.bin -f limits.json -m meta.json -d ecu.version:4.2 -p ecu.calibration:18 "
	"\\\n"
	"        -s ArtifactInstall_Enter_05_ignition-off -k signing.pem -o cal-18.mender";

static const Option write_module_image_options[] = {
	{ "type", 'T', OPTION_TEXT, G_STRUCT_OFFSET(ModuleOptions, type), "TYPE",
		"the update module", NULL },
	{ "file", 'f', OPTION_TEXTS, G_STRUCT_OFFSET(ModuleOptions, files), "FILE",
		"payload file; may be given several times", NULL },
	{ "meta-data", 'm', OPTION_TEXT, G_STRUCT_OFFSET(ModuleOptions, meta_data), "FILE",
		"JSON object for the module", NULL },
	{ "Output", 0, OPTION_GROUP, G_STRUCT_OFFSET(ModuleOptions, write),
		.rows = write_artifact_options },
	{ "Payload", 0, OPTION_GROUP, G_STRUCT_OFFSET(ModuleOptions, write),
		.rows = write_payload_options },
	{ "Augmented part, outside the signature", 0, OPTION_GROUP,
		G_STRUCT_OFFSET(ModuleOptions, augment), .rows = write_augment_options },
	{ NULL },
};

static int write_module_image(gconstpointer data, char **operands, gconstpointer global_options)
{
	const ModuleOptions *options = data;
	const WriteWay way = {
		.payload_type = options->type, .software_name = options->type, .has_software = TRUE
	};
	g_autofree char **files = words_list(options->files);
	g_autoptr(json_t) meta_data = NULL;
	g_autoptr(GError) error = NULL;
	g_auto(WriteSpec) spec = { 0 };
	g_auto(WriteAugment) augment = { 0 };

	if (!options->type)
		return complain(STATUS_USAGE, "--type is needed");
	if (!write_spec_init(&spec, &options->write, &way, global_options, &error) ||
		!words_meta_data(options->meta_data, &meta_data, &error) ||
		!write_augment_init(&augment, &options->augment, &spec.artifact.augment, &error))
		return complain(STATUS_USAGE, error->message);
	spec.artifact.file_paths = files;
	spec.artifact.meta_data = meta_data;
	/* As the field's tool writes an image, whichever of the two commands makes it. */
	spec.artifact.empty_meta_data = g_str_equal(options->type, "rootfs-image");
	return write_spec_save(&spec, &options->write);
}

/* --- write rootfs-image --- */

typedef struct {
	WriteOptions write;
	GPtrArray *files, *ssh_arguments;
	gboolean no_checksum, legacy_checksum;
} ImageOptions;

static const char write_rootfs_image_details[] =
	"The sum of the image and the name of the artifact are provided, and what older software "
	"provided is cleared.\n\n"
	"Example: a whole system for two boards, zstd, signed:\n\n"
	"    rota-artifact --compression zstd_better write rootfs-image -n release-2026.11 \\\n"
	"        -t gateway-a -t gateway-b -f rootfs.ext4 -k signing.pem -o release-2026.11.mender";

static const Option write_rootfs_image_options[] = {
	{ "file", 'f', OPTION_TEXTS, G_STRUCT_OFFSET(ImageOptions, files), "FILE", "the image",
		NULL },
	{ "no-checksum-provide", 0, OPTION_FLAG, G_STRUCT_OFFSET(ImageOptions, no_checksum), NULL,
		"does not provide the sum of the image", NULL },
	{ "legacy-rootfs-image-checksum", 0, OPTION_FLAG,
		G_STRUCT_OFFSET(ImageOptions, legacy_checksum), NULL,
		"provides the sum as rootfs_image_checksum", NULL },
	{ "ssh-args", 'S', OPTION_TEXTS, G_STRUCT_OFFSET(ImageOptions, ssh_arguments), "ARGUMENT",
		"refused: snapshots of a running device are not taken by this program", NULL },
	{ "Output", 0, OPTION_GROUP, G_STRUCT_OFFSET(ImageOptions, write),
		.rows = write_artifact_options },
	{ "Payload", 0, OPTION_GROUP, G_STRUCT_OFFSET(ImageOptions, write),
		.rows = write_payload_options },
	{ NULL },
};

/* A running system has no moment at which its disk is whole, and what runs as root on a device is
 * not started from a build machine. */
#define NO_SNAPSHOTS                                                                               \
	"snapshots of a running device are not taken by this program; copy the image "             \
	"to a file and name that"

static gboolean check_image(const ImageOptions *options, GError **error)
{
	const GPtrArray *files = options->files;
	const char *message = NULL;

	if (options->ssh_arguments)
		message = "--ssh-args: " NO_SNAPSHOTS;
	else if (!files || files->len != 1)
		message = "--file is needed, once";
	else if (g_str_has_prefix(files->pdata[0], "ssh://"))
		message = "--file ssh://: " NO_SNAPSHOTS;
	if (message)
		g_set_error_literal(error, ROTA_ERROR, ROTA_ERROR_INVALID, message);
	return !message;
}

static int write_rootfs_image(gconstpointer data, char **operands, gconstpointer global_options)
{
	const ImageOptions *options = data;
	static const WriteWay way = {
		.payload_type = "rootfs-image", .has_software = TRUE, .is_image = TRUE
	};
	const char *checksum_key =
		options->legacy_checksum ? "rootfs_image_checksum" : "rootfs-image.checksum";
	char *checksum_keys[] = { (char *)(guintptr)checksum_key, NULL };
	g_autofree char **files = words_list(options->files);
	g_autoptr(GError) error = NULL;
	g_auto(WriteSpec) spec = { 0 };

	if (!write_spec_init(&spec, &options->write, &way, global_options, &error) ||
		!check_image(options, &error))
		return complain(STATUS_USAGE, error->message);
	spec.artifact.file_paths = files;
	spec.artifact.empty_meta_data = TRUE;
	if (!options->no_checksum)
		spec.artifact.checksum_keys = checksum_keys;
	return write_spec_save(&spec, &options->write);
}

/* --- write bootstrap-artifact --- */

static const char write_bootstrap_details[] =
	"It has no payload: installed once, it tells a device what it provides.\n\n"
	"Example: what a device leaves the factory with:\n\n"
	"    rota-artifact write bootstrap-artifact -n factory-1 -t gateway-a \\\n"
	"        -p rootfs-image.version:release-2026.10 -g line-3 -o bootstrap.mender";

static const Option write_bootstrap_options[] = {
	{ "Output", 0, OPTION_GROUP, 0, .rows = write_artifact_options },
	{ NULL },
};

static int write_bootstrap(gconstpointer data, char **operands, gconstpointer global_options)
{
	static const WriteWay way = { 0 };
	g_autoptr(GError) error = NULL;
	g_auto(WriteSpec) spec = { 0 };

	if (!write_spec_init(&spec, data, &way, global_options, &error))
		return complain(STATUS_USAGE, error->message);
	return write_spec_save(&spec, data);
}

const Verb write_module_image_verb = { "write module-image", NULL,
	"Makes an artifact for an update module", write_module_image_details,
	write_module_image_options, sizeof(ModuleOptions), write_module_image };

const Verb write_rootfs_image_verb = { "write rootfs-image", NULL,
	"Makes an artifact with an image of a root file system", write_rootfs_image_details,
	write_rootfs_image_options, sizeof(ImageOptions), write_rootfs_image };

const Verb write_bootstrap_verb = { "write bootstrap-artifact", NULL,
	"Makes an artifact that gives a device its first provides", write_bootstrap_details,
	write_bootstrap_options, sizeof(WriteOptions), write_bootstrap };
