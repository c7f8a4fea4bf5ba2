/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/output.h"
#include "tool/artifact-tool.h"
#include "tool/edit.h"
#include "tool/output-file.h"

typedef struct {
	EditOptions edit;
} CatOptions;

static const Option cat_options[] = {
	{ "Image", 0, OPTION_GROUP, G_STRUCT_OFFSET(CatOptions, edit), .rows = edit_view_options },
	{ NULL },
};

static gboolean write_out(gconstpointer data, gsize size, gpointer user_data, GError **error)
{
	return output_write(*(int *)user_data, data, size, error);
}

static int cat_file(gconstpointer data, char **operands, gconstpointer global_options)
{
	const CatOptions *options = data;
	g_auto(OutputFile) output = { 0 };
	g_auto(EditPlace) place = { 0 };
	g_autoptr(GError) error = NULL;
	ImageStat stat;

	console_give_stdout_away();
	if (!check_operands(operands, 1, "cat: one FILE:PATH must be named"))
		return STATUS_USAGE;
	if (!edit_place_parse(operands[0], &place))
		return complain(STATUS_USAGE, "The input image does not seem to be a valid image");
	g_autoptr(Edit) edit = edit_open_view(&place, &options->edit, &stat, &error);
	Disk *disk = edit ? edit_disk(edit, &error) : NULL;
	if (!disk)
		return complain(STATUS_USAGE, error->message);
	if (!output_file_open(&output, "-", 0, &error) ||
		!disk_read(disk, place.path, write_out, &output.fd, &error))
		return output_file_complain(&output, error);
	console_tell(
		json_pack("{s:s, s:I}", "path", place.path, "size", (json_int_t)stat.size), NULL);
	return STATUS_GOOD;
}

const Verb cat_verb = { "cat", "FILE:PATH", "Prints a file of an image or artifact",
	"FILE is an artifact, a plain image or one with partitions, as for cp.", cat_options,
	sizeof(CatOptions), cat_file };
