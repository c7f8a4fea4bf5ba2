/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/artifact-tool.h"
#include "tool/edit.h"

typedef struct {
	EditOptions edit;
	gboolean recursive;
} RmOptions;

static const Option rm_options[] = {
	{ "recursive", 'r', OPTION_FLAG, G_STRUCT_OFFSET(RmOptions, recursive), NULL,
		"removes a folder with all that is in it", NULL },
	{ "Image", 0, OPTION_GROUP, G_STRUCT_OFFSET(RmOptions, edit), .rows = edit_options },
	{ NULL },
};

static gboolean remove_it(Disk *disk, const char *path, gpointer user_data, GError **error)
{
	return disk_remove(disk, path, *(gboolean *)user_data, error);
}

static int remove_file(gconstpointer data, char **operands, gconstpointer global_options)
{
	const RmOptions *options = data;
	gboolean recursive = options->recursive;
	g_auto(EditPlace) place = { 0 };
	g_autoptr(GError) error = NULL;

	if (!check_operands(operands, 1, "rm: one FILE:PATH must be named"))
		return STATUS_USAGE;
	if (!edit_place_parse(operands[0], &place))
		return complain(STATUS_USAGE, "The input image does not have a valid extension");
	if (!edit_once(&place, &options->edit, remove_it, &recursive, &error))
		return complain(STATUS_USAGE, error->message);
	console_tell(json_pack("{s:s}", "removed", operands[0]), NULL);
	return STATUS_GOOD;
}

const Verb rm_verb = { "rm", "FILE:PATH", "Removes a file of an image or artifact",
	"A folder that is empty goes when PATH ends in /, any folder with -r. "
	"What FILE and PATH may be: as for cp.",
	rm_options, sizeof(RmOptions), remove_file };
