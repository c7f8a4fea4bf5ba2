/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/artifact-tool.h"
#include "tool/input.h"
#include "tool/report.h"
#include "tool/signer.h"

typedef struct {
	InputOptions input;
	SignerOptions signer;
	char *signatures_dir;
	gboolean allow_bad_signature;
} ReadOptions;

static const Option read_options[] = {
	{ "allow-bad-signature", 0, OPTION_FLAG, G_STRUCT_OFFSET(ReadOptions, allow_bad_signature),
		NULL, "ends with 0 also where the signature does not verify with the keys", NULL },
	{ "signatures-dir", 0, OPTION_TEXT, G_STRUCT_OFFSET(ReadOptions, signatures_dir), "DIR",
		"where detached signatures are, instead of FILE.sig.d", NULL },
	{ "Keys", 0, OPTION_GROUP, G_STRUCT_OFFSET(ReadOptions, signer),
		.rows = signer_public_options },
	{ "Input", 0, OPTION_GROUP, G_STRUCT_OFFSET(ReadOptions, input), .rows = input_options },
	{ NULL },
};

static gboolean read_files(ArtifactReader *reader, GPtrArray *files, GError **error)
{
	const ArtifactFile *file;

	for (;;) {
		if (!artifact_reader_next_file(reader, &file, error))
			return FALSE;
		if (!file)
			return artifact_reader_finish(reader, error);
		g_ptr_array_add(files, report_copy_file(file));
	}
}

/* The field's tool ends with 0 whatever became of the signature: a script that reads with a key
 * would take anything. */
static int judge_signature(const ReadOptions *options, const Signatures *signatures)
{
	ArtifactSignature verdict = signatures->header->signature;

	if (signatures->keys->len == 0 || verdict == ARTIFACT_SIGNED_GOOD ||
		options->allow_bad_signature)
		return STATUS_GOOD;
	return complain_after(STATUS_INVALID,
		verdict == ARTIFACT_UNSIGNED
			? "the artifact has no signature to check with the key that was given; "
			  "--allow-bad-signature reads it nevertheless"
			: "the signature does not verify with any key that was given; "
			  "--allow-bad-signature reads it nevertheless");
}

static int read_artifact(gconstpointer data, char **operands, gconstpointer global_options)
{
	const ReadOptions *options = data;
	const char *path = one_operand(operands, "read");
	g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(report_free_file);
	g_auto(Signatures) signatures = { 0 };
	ArtifactRefusal refusal = { 0 };
	g_autoptr(GError) error = NULL;

	if (!path)
		return STATUS_USAGE;
	if (!signatures_init(&signatures, &options->signer, &error))
		return complain(STATUS_USAGE, error->message);
	g_autoptr(GInputStream) in = open_artifact(path, &options->input);
	if (!in)
		return STATUS_OPEN;
	ArtifactPolicy policy = {
		.keys = signatures.keys, .look_ahead = TRUE, .show_bad_signature = TRUE
	};
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, &policy, &refusal, &error);
	if (!reader || !read_files(reader, files, &error) ||
		!signatures_find(&signatures, artifact_reader_header(reader), path,
			options->signatures_dir, FALSE, &error))
		return complain_of_artifact(
			status_of_reading(error, STATUS_USAGE), error, &refusal);
	report_warnings(artifact_reader_header(reader));
	Report report = { artifact_reader_header(reader), files, &signatures };
	g_autofree char *text = report_to_text(&report);
	console_tell(report_to_json(&report), text);
	return judge_signature(options, &signatures);
}

const Verb read_verb = { "read", "FILE", "Checks an artifact and tells what it says", NULL,
	read_options, sizeof(ReadOptions), read_artifact };
