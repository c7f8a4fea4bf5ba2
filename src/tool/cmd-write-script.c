/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are run once, for the update module script. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"
#include "tool/artifact-tool.h"
#include "tool/generator.h"
#include "tool/payload-files.h"
#include "tool/write-spec.h"

typedef struct {
	WriteOptions write;
	GPtrArray *files;
} ScriptOptions;

#define AT(member) G_STRUCT_OFFSET(ScriptOptions, member)

static const Option write_script_options[] = {
	{ "file", 'f', OPTION_TEXTS, AT(files), "FILE", "a program, instead of an operand", NULL },
	{ "Output", 0, OPTION_GROUP, AT(write), .rows = write_artifact_options },
	{ "Payload", 0, OPTION_GROUP, AT(write), .rows = write_payload_options },
	{ NULL },
};

static const char write_script_details[] =
	"Each file is run once on the device, in the order of their names, until one fails; what "
	"they did cannot be rolled back. The artifact is for the update module script. (The "
	"option --script is about state scripts, which run around an update.)\n\n"
	"Example: two steps, numbered because the names give the order:\n\n"
	"    rota-artifact write script -n calibrate-3 -t ecu-radar -k signing.pem \\\n"
	"        -o calibrate-3.mender 01-stop-service 02-calibrate";

/* What a kernel can run begins so; a shell runs anything else as a script of its own, and that is
 * what the module's shell does. */
static gboolean read_start(const char *path, char ret_start[4], GError **error)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : TEMP_FAILURE_RETRY(read(fd, ret_start, 4));

	if (got > 0)
		return TRUE;
	if (got == 0)
		return generator_refuse(error, "%s: an empty file is no program", path);
	rota_set_errno_error(error, errno, "open %s", path);
	return FALSE;
}

static gboolean check_program(const char *path, GError **error)
{
	char start[4] = { 0 };

	if (!read_start(path, start, error))
		return FALSE;
	if (memcmp(start, "#!", 2) == 0 || memcmp(start, "\177ELF", 4) == 0)
		return TRUE;
	g_autofree char *text = g_strdup_printf(
		"%s: neither a program nor begun by #!: whether it runs is up to the device's "
		"shell",
		path);
	console_warn(text);
	return TRUE;
}

/* Whoever gave another order may have meant it. */
static void check_order(char **paths)
{
	for (; paths[0] && paths[1]; paths++) {
		g_autofree char *name = g_path_get_basename(paths[0]);
		g_autofree char *next = g_path_get_basename(paths[1]);

		if (strcmp(name, next) <= 0)
			continue;
		g_autofree char *text = g_strdup_printf(
			"%s is run before %s: their names give the order", next, name);
		console_warn(text);
	}
}

static int write_script(gconstpointer data, char **operands, gconstpointer global_options)
{
	const ScriptOptions *options = data;
	static const WriteWay way = {
		.payload_type = "script", .software_name = "script", .has_software = TRUE
	};
	g_autofree char **inputs = generator_inputs(options->files, operands);
	g_auto(WriteSpec) spec = { 0 };
	g_autoptr(GError) error = NULL;

	if (!generator_check_some(inputs, "program", &error) ||
		!write_spec_init(&spec, &options->write, &way, global_options, &error))
		return complain(STATUS_USAGE, error->message);
	for (char **path = inputs; *path; path++)
		if (!check_program(*path, &error))
			return complain(STATUS_USAGE, error->message);
	check_order(inputs);
	spec.artifact.file_paths = inputs;
	return write_spec_save(&spec, &options->write);
}

const Verb write_script_verb = { "write script", "FILE...",
	"Makes an artifact that runs programs once", write_script_details, write_script_options,
	sizeof(ScriptOptions), write_script };
