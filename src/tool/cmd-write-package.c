/* SPDX-License-Identifier: Apache-2.0 */
/* Packages of a distribution, for the update modules deb and rpm. */
#include <string.h>
#include "tool/artifact-tool.h"
#include "tool/generator.h"
#include "tool/package.h"
#include "tool/payload-files.h"
#include "tool/write-spec.h"

typedef struct {
	WriteOptions write;
	GPtrArray *files;
} PackageOptions;

#define AT(member) G_STRUCT_OFFSET(PackageOptions, member)

static const Option write_package_options[] = {
	{ "file", 'f', OPTION_TEXTS, AT(files), "FILE", "a package, instead of an operand", NULL },
	{ "Output", 0, OPTION_GROUP, AT(write), .rows = write_artifact_options },
	{ "Payload", 0, OPTION_GROUP, AT(write), .rows = write_payload_options },
	{ NULL },
};

#define PACKAGE_DETAILS                                                                            \
	"Each file must be such a package, and must say its name and version. These are what the " \
	"artifact provides, as rootfs-image.NAME.version, and it clears what an earlier version "  \
	"provided; --software-name and --software-version say otherwise. A name of a file that "   \
	"no artifact may hold (+ and ~ are not allowed) is changed inside the artifact only. "

static const char write_deb_details[] = PACKAGE_DETAILS
	"All packages are given to one dpkg -i by the update module deb.\n\n"
	"Example: a package with a library it needs:\n\n"
	"    rota-artifact write deb -n nav-2.1 -t ecu-head -k signing.pem -o nav-2.1.mender \\\n"
	"        nav_2.1-1_arm64.deb libmaps4_4.0-2_arm64.deb";

static const char write_rpm_details[] = PACKAGE_DETAILS
	"All packages are given to one rpm -U by the update module rpm.\n\n"
	"Example:\n\n"
	"    rota-artifact write rpm -n nav-2.1 -t ecu-head -k signing.pem -o nav-2.1.mender \\\n"
	"        nav-2.1-1.aarch64.rpm";

typedef struct {
	const char *type; /* of the payload, and what the files end with */
	Package *(*read)(const char *path, GError **error);
} PackageKind;

static const PackageKind deb = { "deb", package_read_deb };
static const PackageKind rpm = { "rpm", package_read_rpm };

static void packages_free(gpointer package)
{
	package_free(package);
}

/* (transfer full)(element-type Package), or NULL with @error */
static GPtrArray *read_packages(const PackageKind *kind, char **paths, GError **error)
{
	g_autoptr(GPtrArray) packages = g_ptr_array_new_with_free_func(packages_free);

	for (; *paths; paths++) {
		Package *package = kind->read(*paths, error);

		if (!package)
			return NULL;
		g_ptr_array_add(packages, package);
	}
	return g_steal_pointer(&packages);
}

/* The modules take files/\*.deb: the name must end so, whatever it was. */
static void add_file(PayloadFiles *files, const PackageKind *kind, const char *path)
{
	g_autofree char *base = g_path_get_basename(path);
	g_autofree char *ending = g_strconcat(".", kind->type, NULL);
	g_autofree char *named =
		g_str_has_suffix(base, ending) ? g_strdup(base) : g_strconcat(base, ending, NULL);
	g_autofree char *plain = payload_files_plain_name(named);

	payload_files_add_path(files, plain, path);
}

static void tell(WriteSpec *spec, const GPtrArray *packages)
{
	GString *text = g_string_new(NULL);
	json_t *list = json_array();

	for (guint i = 0; i < packages->len; i++) {
		const Package *package = packages->pdata[i];

		g_string_append_printf(text, "%s %s (%s)\n", package->name, package->version,
			package->architecture);
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s}", "name", package->name, "version",
				      package->version, "architecture", package->architecture));
	}
	spec->facts = json_object();
	json_object_set_new(spec->facts, "packages", list);
	spec->text = g_string_free(text, FALSE);
}

static gboolean make_spec(WriteSpec *spec, const PackageOptions *options, const PackageKind *kind,
	const GPtrArray *packages, gconstpointer global_options, GError **error)
{
	const Package *first = packages->pdata[0];
	gboolean several = packages->len > 1;
	const WriteWay way = { .payload_type = kind->type,
		.software_name = first->name,
		.software_version = first->version,
		.has_software = TRUE };
	const WriteWay common = {
		.payload_type = kind->type, .software_name = kind->type, .has_software = TRUE
	};

	/* One name given for all of them: then their versions are not what counts. */
	if (several && options->write.software_name)
		return write_spec_init(spec, &options->write, &common, global_options, error);
	if (several && options->write.software_version)
		return generator_refuse(error,
			"--software-version: of several packages, --software-name is needed too");
	if (!write_spec_init(spec, &options->write, &way, global_options, error))
		return FALSE;
	for (guint i = 1; i < packages->len; i++) {
		const Package *package = packages->pdata[i];

		write_spec_add_software(spec, &options->write, package->name, package->version);
	}
	return TRUE;
}

static int write_packages(const PackageOptions *options, const PackageKind *kind, char **operands,
	gconstpointer global_options)
{
	g_autofree char **inputs = generator_inputs(options->files, operands);
	g_auto(PayloadFiles) files = { 0 };
	g_auto(WriteSpec) spec = { 0 };
	g_autoptr(GError) error = NULL;

	payload_files_init(&files);
	if (!generator_check_some(inputs, "package", &error))
		return complain(STATUS_USAGE, error->message);
	g_autoptr(GPtrArray) packages = read_packages(kind, inputs, &error);
	if (!packages || !make_spec(&spec, options, kind, packages, global_options, &error))
		return complain(STATUS_USAGE, error->message);
	for (char **path = inputs; *path; path++)
		add_file(&files, kind, *path);
	payload_files_give(&files, &spec.artifact);
	tell(&spec, packages);
	return write_spec_save(&spec, &options->write);
}

static int write_deb(gconstpointer options, char **operands, gconstpointer global_options)
{
	return write_packages(options, &deb, operands, global_options);
}

static int write_rpm(gconstpointer options, char **operands, gconstpointer global_options)
{
	return write_packages(options, &rpm, operands, global_options);
}

const Verb write_deb_verb = { "write deb", "FILE...",
	"Makes an artifact that installs Debian packages", write_deb_details, write_package_options,
	sizeof(PackageOptions), write_deb };

const Verb write_rpm_verb = { "write rpm", "FILE...",
	"Makes an artifact that installs RPM packages", write_rpm_details, write_package_options,
	sizeof(PackageOptions), write_rpm };
