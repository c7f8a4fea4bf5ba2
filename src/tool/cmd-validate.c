/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/artifact-tool.h"
#include "tool/input.h"
#include "tool/report.h"
#include "tool/signer.h"

typedef struct {
	SignerOptions signer;
} ValidateOptions;

const gsize validate_options_size = sizeof(ValidateOptions);
const Option validate_options[] = {
	{ "Keys", 0, OPTION_GROUP, G_STRUCT_OFFSET(ValidateOptions, signer),
		.rows = signer_public_options },
	{ NULL },
};

/* A signature that nobody looks at gives a false peace of mind. */
static gboolean check_key_given(const ArtifactHeader *header)
{
	if (header->signature != ARTIFACT_SIGNED_UNCHECKED)
		return TRUE;
	complain(STATUS_INVALID,
		"R10 signature: the artifact is signed, and no key to verify with was given");
	return FALSE;
}

static int tell_valid(const char *path, const ArtifactHeader *header)
{
	gboolean augmented = header->augmented && header->signature != ARTIFACT_UNSIGNED;
	g_autofree char *text = g_strdup_printf("Artifact file '%s' validated successfully\n%s",
		path, augmented ? REPORT_AUGMENTED "\n" : "");
	json_t *object = report_head_to_json(header);

	report_warnings(header);
	json_object_set_new(object, "valid", json_true());
	console_tell(object, text);
	return STATUS_GOOD;
}

int validate_artifact(gconstpointer data, char **operands, gconstpointer global_options)
{
	const ValidateOptions *options = data;
	const char *path = one_operand(operands, "validate");
	g_autoptr(GError) error = NULL;

	if (!path)
		return STATUS_USAGE;
	g_autoptr(GPtrArray) keys = signer_load_public(&options->signer, &error);
	if (!keys)
		return complain(STATUS_USAGE, error->message);
	g_autoptr(GInputStream) in = open_artifact(path);
	if (!in)
		return STATUS_OPEN;
	ArtifactPolicy policy = { .keys = keys };
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, &policy, NULL, &error);
	if (reader && !check_key_given(artifact_reader_header(reader)))
		return STATUS_INVALID;
	if (!reader || !artifact_reader_finish(reader, &error))
		return complain(g_error_matches(error, ARTIFACT_ERROR, ARTIFACT_ERROR_IO)
					? STATUS_OPEN
					: STATUS_INVALID,
			error->message);
	return tell_valid(path, artifact_reader_header(reader));
}
