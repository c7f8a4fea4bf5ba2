/* SPDX-License-Identifier: Apache-2.0 */
/* What single-file-artifact-gen makes: one file for one place, for the update module single-file.
 */
#include <errno.h>
#include <sys/stat.h>
#include "artifact/names.h"
#include "base/error.h"
#include "tool/artifact-tool.h"
#include "tool/generator.h"
#include "tool/payload-files.h"
#include "tool/write-spec.h"

typedef struct {
	WriteOptions write;
	GPtrArray *files;
	char *dest_dir, *filename, *permissions;
} SingleFileOptions;

#define AT(member) G_STRUCT_OFFSET(SingleFileOptions, member)

static const Option artifact_rows[] = WRITE_ARTIFACT_TABLE("single-file-artifact.mender", 'p', 0);

static const Option write_single_file_options[] = {
	{ "dest-dir", 'd', OPTION_TEXT, AT(dest_dir), "FOLDER",
		"where the file goes on the device; an absolute path", NULL },
	{ "permissions", 0, OPTION_TEXT, AT(permissions), "MODE",
		"its permissions there, in octal; otherwise those it has here", NULL },
	{ "filename", 0, OPTION_TEXT, AT(filename), "NAME",
		"its name there; otherwise the one it has here", NULL },
	{ "file", 'f', OPTION_TEXTS, AT(files), "FILE", "the file, instead of the operand", NULL },
	{ "Output", 0, OPTION_GROUP, AT(write), .rows = artifact_rows },
	{ "Payload", 0, OPTION_GROUP, AT(write), .rows = write_payload_options },
	{ NULL },
};

static const char write_single_file_details[] =
	"The file takes its place by a rename, and a rollback brings the old one back. The "
	"artifact is for the update module single-file and replaces what "
	"single-file-artifact-gen makes; what stood behind its -- are options here.\n\n"
	"Example: a configuration file, readable by its group, signed:\n\n"
	"    rota-artifact write single-file -n app-conf-7 -t ecu-gateway -d /etc/app \\\n"
	"        --permissions 640 -k signing.pem -o app-conf-7.mender app.conf";

enum { MODE_MAX = 07777, PATH_SIZE_MAX = 4096 };

/* (transfer full): octal digits as stat prints them; NULL with @error */
static char *permissions_of(const SingleFileOptions *options, const char *path, GError **error)
{
	struct stat status;
	guint64 mode;

	if (options->permissions) {
		if (g_ascii_string_to_unsigned(options->permissions, 8, 0, MODE_MAX, &mode, NULL))
			return g_strdup_printf("%o", (guint)mode);
		generator_refuse(
			error, "--permissions: %s is no mode in octal", options->permissions);
		return NULL;
	}
	if (stat(path, &status) < 0) {
		rota_set_errno_error(error, errno, "open %s", path);
		return NULL;
	}
	if (S_ISREG(status.st_mode))
		return g_strdup_printf("%o", (guint)status.st_mode & MODE_MAX);
	generator_refuse(error, "%s: not a regular file: --permissions is needed", path);
	return NULL;
}

static gboolean check(const SingleFileOptions *options, const char *path, GError **error)
{
	if (!generator_check_dest_dir(options->dest_dir, error))
		return FALSE;
	if (g_str_equal(path, "-") && !options->filename)
		return generator_refuse(error, "--filename is needed for the standard input");
	if (options->filename && !name_is_payload_file(options->filename))
		return generator_refuse(
			error, "--filename: a name may have letters, digits and _ - . , only");
	return TRUE;
}

static gboolean gather(
	PayloadFiles *files, const SingleFileOptions *options, const char *path, GError **error)
{
	g_autofree char *name =
		options->filename ? g_strdup(options->filename) : g_path_get_basename(path);
	g_autofree char *permissions = permissions_of(options, path, error);

	if (!permissions || !payload_files_add_line(files, "dest_dir", options->dest_dir, error) ||
		!payload_files_add_line(files, "filename", name, error) ||
		!payload_files_add_line(files, "permissions", permissions, error))
		return FALSE;
	payload_files_add_path(files, name, path);
	return TRUE;
}

static int write_single_file(gconstpointer data, char **operands, gconstpointer global_options)
{
	const SingleFileOptions *options = data;
	static const WriteWay way = {
		.payload_type = "single-file", .software_name = "single-file", .has_software = TRUE
	};
	g_autofree char **inputs = generator_inputs(options->files, operands);
	g_auto(PayloadFiles) files = { 0 };
	g_auto(WriteSpec) spec = { 0 };
	g_autoptr(GError) error = NULL;

	payload_files_init(&files);
	if (!generator_check_one(inputs, "file", &error) ||
		!write_spec_init(&spec, &options->write, &way, global_options, &error) ||
		!check(options, inputs[0], &error) || !gather(&files, options, inputs[0], &error))
		return complain(STATUS_USAGE, error->message);
	payload_files_give(&files, &spec.artifact);
	return write_spec_save(&spec, &options->write);
}

const Verb write_single_file_verb = { "write single-file", "FILE",
	"Makes an artifact that puts one file in its place", write_single_file_details,
	write_single_file_options, sizeof(SingleFileOptions), write_single_file };
