/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>
#include "artifact/sign.h"
#include "base/file.h"
#include "tool/artifact-tool.h"
#include "tool/input.h"
#include "tool/output-file.h"
#include "tool/signer.h"

typedef struct {
	SignerOptions signer;
	char *output;
	gboolean force;
} SignOptions;

const gsize sign_options_size = sizeof(SignOptions);
const Option sign_options[] = {
	{ "output-path", 'o', OPTION_TEXT, G_STRUCT_OFFSET(SignOptions, output), "FILE",
		"where the signed artifact goes; without it the artifact itself is replaced",
		NULL },
	{ "force", 'f', OPTION_FLAG, G_STRUCT_OFFSET(SignOptions, force), NULL,
		"replaces a signature that is there already", NULL },
	{ "Keys", 0, OPTION_GROUP, G_STRUCT_OFFSET(SignOptions, signer),
		.rows = signer_private_options },
	{ NULL },
};

int sign_artifact(gconstpointer data, char **operands, gconstpointer global_options)
{
	const SignOptions *options = data;
	const char *path = one_operand(operands, "sign");
	g_autoptr(GError) error = NULL;
	g_auto(OutputFile) output = { 0 };
	struct stat status;

	if (!path)
		return STATUS_USAGE;
	g_autoptr(Key) key = signer_load_private(&options->signer, &error);
	if (!key)
		return complain(STATUS_USAGE, error->message);
	autofd int fd = open_seekable_artifact(path, &status);
	if (fd < 0)
		return STATUS_OPEN;
	if (!output_file_open(&output, options->output ? options->output : path,
		    status.st_mode & 0777, &error))
		return output_file_complain(&output, error);
	if (!options->output)
		output_file_take_after(&output, &status);
	if (artifact_sign(fd, key, options->force, output.fd, &error) &&
		output_file_commit(&output, &error))
		return STATUS_GOOD;
	if (error->domain == ARTIFACT_ERROR)
		return complain(STATUS_INVALID, error->message);
	return output_file_complain(&output, error);
}
