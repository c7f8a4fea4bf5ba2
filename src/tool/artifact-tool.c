/* SPDX-License-Identifier: Apache-2.0 */
/* rota-artifact: makes, reads, checks and signs artifacts. Its command line takes what
 * mender-artifact's takes. */
#include "tool/artifact-tool.h"
#include "tool/ending.h"

const char *one_operand(char **operands, const char *verb)
{
	if (operands[0] && !operands[1])
		return operands[0];
	g_autofree char *message = g_strdup_printf("%s: one artifact must be named", verb);
	complain(STATUS_USAGE, message);
	return NULL;
}

gboolean check_operands(char **operands, guint wanted, const char *complaint)
{
	if (g_strv_length(operands) == wanted)
		return TRUE;
	g_autofree char *message =
		g_strdup_printf("%s; there were %u", complaint, g_strv_length(operands));
	complain(STATUS_USAGE, message);
	return FALSE;
}

static const Option global_options[] = {
	{ "compression", 0, OPTION_TEXT, G_STRUCT_OFFSET(GlobalOptions, compression), "NAME",
		"none, gzip (the default), lzma, or zstd_fastest, zstd_fast, zstd_better, "
		"zstd_best",
		NULL },
	{ "json", 0, OPTION_FLAG, G_STRUCT_OFFSET(GlobalOptions, json), NULL,
		"prints one JSON object, also of an error, instead of text", NULL },
	{ "no-progress", 0, OPTION_FLAG, G_STRUCT_OFFSET(GlobalOptions, no_progress), NULL,
		"no progress bar; there is none anyway where stderr is not a terminal", NULL },
	{ NULL },
};

static void complain_of_usage(const char *message)
{
	complain(STATUS_USAGE, message);
}

static const Verb *const verbs[] = {
	&write_module_image_verb,
	&write_rootfs_image_verb,
	&write_bootstrap_verb,
	&write_single_file_verb,
	&write_directory_verb,
	&write_deb_verb,
	&write_rpm_verb,
	&write_script_verb,
	&write_docker_verb,
	&write_docker_compose_verb,
	&write_compose_verb,
	&read_verb,
	&validate_verb,
	&sign_verb,
	&dump_verb,
	&cp_verb,
	&cat_verb,
	&install_verb,
	&rm_verb,
	&modify_verb,
	NULL,
};

static const Program program = {
	.name = "rota-artifact",
	.help = "Makes, reads, checks and signs artifacts",
	.details = "An artifact is one file that carries an update, with sums and a signature "
		   "over all of it. The exit status is 0, 1 for a command line that makes no "
		   "sense and most other failures, 2 where no file can be made in the place of "
		   "the output, 3 for an artifact that cannot be opened, 4 for one that is not "
		   "valid. Files appear under their name only when they are whole. Where "
		   "SOURCE_DATE_EPOCH is set it is the time of all that is written.",
	.options = global_options,
	.options_size = sizeof(GlobalOptions),
	.verbs = verbs,
	.usage_status = STATUS_USAGE,
	.helps_when_bare = TRUE,
	.complain = complain_of_usage,
};

int main(int argc, char **argv)
{
	console_init(argv);
	ending_catch_signals();
	return ending_flush_output(program_main(&program, argc, argv));
}
