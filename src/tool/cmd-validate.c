/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "tool/artifact-tool.h"
#include "tool/input.h"
#include "tool/report.h"
#include "tool/signer.h"

typedef struct {
	InputOptions input;
	SignerOptions signer;
	char *signatures_dir;
	gint64 required; /* 0: the one inside, by any key */
} ValidateOptions;

static const Option validate_options[] = {
	{ "require", 0, OPTION_NUMBER, G_STRUCT_OFFSET(ValidateOptions, required), "N",
		"so many different keys of those given must have signed, inside or detached; "
		"without it one must have, inside",
		NULL },
	{ "signatures-dir", 0, OPTION_TEXT, G_STRUCT_OFFSET(ValidateOptions, signatures_dir), "DIR",
		"where detached signatures are, instead of FILE.sig.d", NULL },
	{ "Keys", 0, OPTION_GROUP, G_STRUCT_OFFSET(ValidateOptions, signer),
		.rows = signer_public_options },
	{ "Input", 0, OPTION_GROUP, G_STRUCT_OFFSET(ValidateOptions, input),
		.rows = input_options },
	{ NULL },
};

static const char validate_details[] =
	"At least two of three people must have signed, inside or beside the artifact:\n"
	"    rota-artifact validate -k a.pub -k b.pub -k c.pub --require 2 a.mender";

/* A signature that nobody looks at gives a false peace of mind. */
static gboolean check_key_given(const ArtifactHeader *header)
{
	if (header->signature != ARTIFACT_SIGNED_UNCHECKED)
		return TRUE;
	complain(STATUS_INVALID,
		"R10 signature: the artifact is signed, and no key to verify with was given");
	return FALSE;
}

/* More than there are keys can never be met: two names of one key are one. */
static gboolean check_required(
	const ValidateOptions *options, const Signatures *signatures, GError **error)
{
	if (options->required >= 0 && options->required <= signatures->keys->len)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"--require %" G_GINT64_FORMAT ", and %u different keys are given",
		options->required, signatures->keys->len);
	return FALSE;
}

static json_t *verdict_object(const Signatures *signatures, gboolean valid)
{
	json_t *object = report_head_to_json(signatures->header, signatures);

	json_object_set_new(object, "valid", json_boolean(valid));
	return object;
}

static int tell_unmet(const ValidateOptions *options, const Signatures *signatures)
{
	g_autofree char *who = signatures_describe(signatures);
	g_autofree char *message = g_strdup_printf(
		"%" G_GINT64_FORMAT " of the %u keys must have signed, and %u did: %s",
		options->required, signatures->keys->len, signatures_count(signatures), who);
	json_t *object = verdict_object(signatures, FALSE);

	json_object_set_new(object, "error",
		json_pack("{s:i,s:s}", "status", STATUS_INVALID, "message", message));
	console_tell(object, NULL);
	return complain_after(STATUS_INVALID, message);
}

static int tell_valid(const char *path, const Signatures *signatures)
{
	const ArtifactHeader *header = signatures->header;
	gboolean augmented = header->augmented && header->signature != ARTIFACT_UNSIGNED;
	g_autofree char *detached = signatures_to_text(signatures);
	g_autofree char *text = g_strdup_printf("Artifact file '%s' validated successfully\n%s%s",
		path, augmented ? REPORT_AUGMENTED "\n" : "", detached);

	report_warnings(header);
	console_tell(verdict_object(signatures, TRUE), text);
	return STATUS_GOOD;
}

static int judge(const ValidateOptions *options, Signatures *signatures,
	const ArtifactHeader *header, const char *path)
{
	g_autoptr(GError) error = NULL;

	if (!signatures_find(signatures, header, path, options->signatures_dir,
		    options->required > 0, &error))
		return complain(STATUS_INVALID, error->message);
	if (signatures_count(signatures) < options->required)
		return tell_unmet(options, signatures);
	return tell_valid(path, signatures);
}

static int validate_artifact(gconstpointer data, char **operands, gconstpointer global_options)
{
	const ValidateOptions *options = data;
	const char *path = one_operand(operands, "validate");
	g_auto(Signatures) signatures = { 0 };
	ArtifactRefusal refusal = { 0 };
	g_autoptr(GError) error = NULL;

	if (!path)
		return STATUS_USAGE;
	if (!signatures_init(&signatures, &options->signer, &error) ||
		!check_required(options, &signatures, &error))
		return complain(STATUS_USAGE, error->message);
	g_autoptr(GInputStream) in = open_artifact(path, &options->input);
	if (!in)
		return STATUS_OPEN;
	ArtifactPolicy policy = { .keys = signatures.keys,
		.look_ahead = TRUE,
		.show_bad_signature = options->required > 0 };
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, &policy, &refusal, &error);
	if (reader && !check_key_given(artifact_reader_header(reader)))
		return STATUS_INVALID;
	if (!reader || !artifact_reader_finish(reader, &error))
		return complain_of_artifact(
			status_of_reading(error, STATUS_INVALID), error, &refusal);
	return judge(options, &signatures, artifact_reader_header(reader), path);
}

const Verb validate_verb = { "validate", "FILE", "Checks all of an artifact, and its signature",
	validate_details, validate_options, sizeof(ValidateOptions), validate_artifact };
