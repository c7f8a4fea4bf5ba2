/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/stat.h>
#include "artifact/output.h"
#include "tool/artifact-tool.h"
#include "tool/edit.h"
#include "tool/output-file.h"
#include "tool/source-file.h"
#include "tool/sparse-copy.h"

typedef struct {
	EditOptions edit;
} CpOptions;

static const Option cp_options[] = {
	{ "Image", 0, OPTION_GROUP, G_STRUCT_OFFSET(CpOptions, edit), .rows = edit_options },
	{ NULL },
};

/* --- into an image --- */

static gboolean copy_in(
	const CpOptions *options, const char *source, EditPlace *place, GError **error)
{
	g_auto(SourceFile) file = { .fd = -1 };

	if (!source_file_open(&file, source, options->edit.temporary_folder, error) ||
		!source_file_complete(place, source, error))
		return FALSE;
	return edit_once(place, &options->edit, source_file_write, &file, error);
}

/* --- out of an image --- */

static gboolean write_out(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	const OutputFile *output = user_data;

	return output->in_place ? output_write(output->fd, data, size, error)
				: sparse_write(output->fd, data, size, error);
}

static gboolean read_into(Disk *disk, const char *path, OutputFile *output, GError **error)
{
	return disk_read(disk, path, write_out, output, error) &&
	       (output->in_place || sparse_end(output->fd, error));
}

/* In a folder the file keeps its name; a link is followed. */
static char *find_target(const char *target, const char *path)
{
	g_autofree char *name = g_path_get_basename(path);
	g_autofree char *inside = g_build_filename(target, name, NULL);
	const char *chosen = g_file_test(target, G_FILE_TEST_IS_DIR) ? inside : target;
	gboolean exists = g_file_test(chosen, G_FILE_TEST_IS_REGULAR);
	char *real = exists ? realpath(chosen, NULL) : NULL;
	char *found = g_strdup(real ? real : chosen);

	free(real);
	return found;
}

static int copy_out(const CpOptions *options, const EditPlace *place, const char *target)
{
	g_auto(OutputFile) output = { 0 };
	g_autoptr(GError) error = NULL;
	ImageStat image_stat;
	struct stat status;
	g_autoptr(Edit) edit = edit_open_view(place, &options->edit, &image_stat, &error);
	Disk *disk = edit ? edit_disk(edit, &error) : NULL;

	if (!disk)
		return complain(STATUS_USAGE, error->message);
	g_autofree char *file = find_target(target, place->path);
	if (!output_file_open(&output, file, 0600, &error) ||
		!read_into(disk, place->path, &output, &error))
		return output_file_complain(&output, error);
	/* Not the bits that would lend rights: what was root's in the image is ours here. */
	if (!output.in_place && fstat(output.fd, &status) == 0) {
		status.st_mode = image_stat.mode & 0777;
		output_file_take_after(&output, &status);
	}
	if (!output_file_commit(&output, &error))
		return output_file_complain(&output, error);
	return STATUS_GOOD;
}

/* An image without a path is a file like any other where the second word is a place in an image. */
static gboolean is_out(char **operands, EditPlace *from, EditPlace *to)
{
	if (g_str_equal(operands[0], "-") || !edit_place_parse(operands[0], from))
		return FALSE;
	return from->path || !edit_place_parse(operands[1], to) || !to->path;
}

static int copy_file(gconstpointer data, char **operands, gconstpointer global_options)
{
	const CpOptions *options = data;
	const GlobalOptions *global = global_options;
	g_auto(EditPlace) from = { 0 };
	g_auto(EditPlace) to = { 0 };
	g_autoptr(GError) error = NULL;

	if (!check_operands(operands, 2, "cp: a source and a destination must be named"))
		return STATUS_USAGE;
	if (global->compression)
		console_warn("cp keeps the compression of an artifact; modify changes it");
	gboolean out = is_out(operands, &from, &to);
	if (!out && !to.file && !edit_place_parse(operands[1], &to))
		return complain(STATUS_USAGE, "no artifact or sdimage provided");
	if (out)
		output_file_announce(operands[1]);
	if (!out && !copy_in(options, operands[0], &to, &error))
		return complain(STATUS_USAGE, error->message);
	int status = out ? copy_out(options, &from, operands[1]) : STATUS_GOOD;
	if (status != STATUS_GOOD)
		return status;
	console_tell(json_pack("{s:s, s:s}", "from", operands[0], "to", operands[1]), NULL);
	return STATUS_GOOD;
}

const Verb cp_verb = { "cp", "FROM TO", "Copies a file into an image or artifact, or out of it",
	"One of the two is FILE:PATH, with an artifact, a plain image of a file "
	"system or one with partitions as FILE. Of partitions, /uboot, /boot/efi "
	"and /boot/grub are in the first, /data is the fourth, and all else is "
	"in the second and third, the root file systems. - is the standard "
	"input, or output. A file in an image is root's, with the mode of its "
	"source.",
	cp_options, sizeof(CpOptions), copy_file };
