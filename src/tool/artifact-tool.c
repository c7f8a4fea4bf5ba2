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

int main(int argc, char **argv)
{
	const Verb verbs[] = {
		{ "write module-image", NULL, "Makes an artifact for an update module",
			write_module_image_details, write_module_image_options,
			write_module_image_options_size, write_module_image },
		{ "write rootfs-image", NULL,
			"Makes an artifact with an image of a root file system",
			write_rootfs_image_details, write_rootfs_image_options,
			write_rootfs_image_options_size, write_rootfs_image },
		{ "write bootstrap-artifact", NULL,
			"Makes an artifact that gives a device its first provides",
			write_bootstrap_details, write_bootstrap_options,
			write_bootstrap_options_size, write_bootstrap },
		{ "write single-file", "FILE", "Makes an artifact that puts one file in its place",
			write_single_file_details, write_single_file_options,
			write_single_file_options_size, write_single_file },
		{ "write directory", "FOLDER", "Makes an artifact that replaces a folder",
			write_directory_details, write_directory_options,
			write_directory_options_size, write_directory },
		{ "write deb", "FILE...", "Makes an artifact that installs Debian packages",
			write_deb_details, write_package_options, write_package_options_size,
			write_deb },
		{ "write rpm", "FILE...", "Makes an artifact that installs RPM packages",
			write_rpm_details, write_package_options, write_package_options_size,
			write_rpm },
		{ "write script", "FILE...", "Makes an artifact that runs programs once",
			write_script_details, write_script_options, write_script_options_size,
			write_script },
		{ "write docker", "IMAGE...", "Makes an artifact that runs container images",
			write_docker_details, write_docker_options, write_docker_options_size,
			write_docker },
		{ "write docker-compose", NULL,
			"Makes an artifact that runs a composition of containers",
			write_compose_details, write_compose_options, write_compose_options_size,
			write_compose },
		{ "write compose", NULL, "The same as write docker-compose", write_compose_details,
			write_compose_options, write_compose_options_size, write_compose },
		{ "read", "FILE", "Checks an artifact and tells what it says", NULL, read_options,
			read_options_size, read_artifact },
		{ "validate", "FILE", "Checks all of an artifact, and its signature",
			validate_details, validate_options, validate_options_size,
			validate_artifact },
		{ "sign", "[FILE]", "Adds a signature; all else stays as it is", sign_details,
			sign_options, sign_options_size, sign_artifact },
		{ "dump", "FILE", "Unpacks what is in an artifact, and says how to make it again",
			dump_details, dump_options, dump_options_size, dump_artifact },
		{ "cp", "FROM TO", "Copies a file into an image or artifact, or out of it",
			"One of the two is FILE:PATH, with an artifact, a plain image of a file "
			"system or one with partitions as FILE. Of partitions, /uboot, /boot/efi "
			"and /boot/grub are in the first, /data is the fourth, and all else is "
			"in the second and third, the root file systems. - is the standard "
			"input, or output. A file in an image is root's, with the mode of its "
			"source.",
			cp_options, cp_options_size, copy_file },
		{ "cat", "FILE:PATH", "Prints a file of an image or artifact",
			"FILE is an artifact, a plain image or one with partitions, as for cp.",
			cat_options, cat_options_size, cat_file },
		{ "install", "[FILE] FILE:PATH",
			"Puts a file or a folder into an image or artifact, with its mode",
			"install -m MODE FILE IMAGE:PATH puts a file there, install -d IMAGE:PATH "
			"makes a folder. What IMAGE and PATH may be: as for cp.",
			install_options, install_options_size, install_file },
		{ "rm", "FILE:PATH", "Removes a file of an image or artifact",
			"A folder that is empty goes when PATH ends in /, any folder with -r. "
			"What FILE and PATH may be: as for cp.",
			rm_options, rm_options_size, remove_file },
		{ "modify", "FILE", "Changes what an artifact or an image says of itself",
			"FILE is an artifact, a plain image or one with partitions. What no "
			"option names is kept as it is, the payload to the byte where nothing in "
			"it changes; rootfs-image.checksum follows a changed image.",
			modify_options, modify_options_size, modify_file },
		{ NULL },
	};
	const Program program = {
		.name = "rota-artifact",
		.help = "Makes, reads, checks and signs artifacts",
		.details = "An artifact is one file that carries an update, with sums and a "
			   "signature over all "
			   "of it. The exit status is 0, 1 for a command line that makes no sense "
			   "and most "
			   "other failures, 2 where no file can be made in the place of "
			   "the output, 3 for an artifact that cannot be opened, 4 for one "
			   "that is not "
			   "valid. Files appear under their name only when they are whole. Where "
			   "SOURCE_DATE_EPOCH is set it is the time of all that is written.",
		.options = global_options,
		.options_size = sizeof(GlobalOptions),
		.verbs = verbs,
		.usage_status = STATUS_USAGE,
		.helps_when_bare = TRUE,
		.complain = complain_of_usage,
	};

	console_init(argv);
	ending_catch_signals();
	return ending_flush_output(program_main(&program, argc, argv));
}
