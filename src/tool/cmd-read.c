/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/artifact-tool.h"
#include "tool/input.h"
#include "tool/report.h"
#include "tool/signer.h"

typedef struct {
	SignerOptions signer;
} ReadOptions;

const gsize read_options_size = sizeof(ReadOptions);
const Option read_options[] = {
	{ "Keys", 0, OPTION_GROUP, G_STRUCT_OFFSET(ReadOptions, signer),
		.rows = signer_public_options },
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

int read_artifact(gconstpointer data, char **operands, gconstpointer global_options)
{
	const ReadOptions *options = data;
	const char *path = one_operand(operands, "read");
	g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(report_free_file);
	g_autoptr(GError) error = NULL;

	if (!path)
		return STATUS_USAGE;
	g_autoptr(GPtrArray) keys = signer_load_public(&options->signer, &error);
	if (!keys)
		return complain(STATUS_USAGE, error->message);
	g_autoptr(GInputStream) in = open_artifact(path);
	if (!in)
		return STATUS_OPEN;
	ArtifactPolicy policy = { .keys = keys, .show_bad_signature = TRUE };
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, &policy, NULL, &error);
	if (!reader || !read_files(reader, files, &error))
		return complain(STATUS_USAGE, error->message);
	report_warnings(artifact_reader_header(reader));
	Report report = { artifact_reader_header(reader), files };
	g_autofree char *text = report_to_text(&report);
	console_tell(report_to_json(&report), text);
	return STATUS_GOOD;
}
