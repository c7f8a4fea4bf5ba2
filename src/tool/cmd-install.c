/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/artifact-tool.h"
#include "tool/edit.h"
#include "tool/source-file.h"

enum { MODE_NOT_GIVEN = 0, MODE_MAX = 07777 };

typedef struct {
	EditOptions edit;
	char *mode;
	gboolean folder;
} InstallOptions;

static const Option install_options[] = {
	{ "mode", 'm', OPTION_TEXT, G_STRUCT_OFFSET(InstallOptions, mode), "MODE",
		"permission bits in octal, as 0755", NULL },
	{ "directory", 'd', OPTION_FLAG, G_STRUCT_OFFSET(InstallOptions, folder), NULL,
		"makes a folder, and those above it that are not there", NULL },
	{ "Image", 0, OPTION_GROUP, G_STRUCT_OFFSET(InstallOptions, edit), .rows = edit_options },
	{ NULL },
};

/* FALSE after the complaint. */
static gboolean read_mode(const InstallOptions *options, guint *ret_mode)
{
	guint64 mode = MODE_NOT_GIVEN;

	if (options->mode &&
		!g_ascii_string_to_unsigned(options->mode, 8, 0, MODE_MAX, &mode, NULL)) {
		complain(STATUS_USAGE, "--mode: not permission bits in octal");
		return FALSE;
	}
	*ret_mode = (guint)mode;
	if (mode != MODE_NOT_GIVEN || options->folder)
		return TRUE;
	complain(STATUS_USAGE, "File permissions needs to be set, if you are simply copying, the "
			       "cp command should fit your needs");
	return FALSE;
}

static gboolean make_folder(Disk *disk, const char *path, gpointer user_data, GError **error)
{
	guint mode = *(guint *)user_data;

	return disk_make_folders(disk, path, error) &&
	       (mode == MODE_NOT_GIVEN || disk_set_mode(disk, path, mode, error));
}

static gboolean install(const InstallOptions *options, char **operands, guint mode,
	EditPlace *place, GError **error)
{
	g_auto(SourceFile) file = { .fd = -1 };

	if (options->folder)
		return edit_once(place, &options->edit, make_folder, &mode, error);
	if (!source_file_open(&file, operands[0], options->edit.temporary_folder, error) ||
		!source_file_complete(place, operands[0], error))
		return FALSE;
	file.mode = mode;
	return edit_once(place, &options->edit, source_file_write, &file, error);
}

static int install_file(gconstpointer data, char **operands, gconstpointer global_options)
{
	const InstallOptions *options = data;
	g_auto(EditPlace) place = { 0 };
	g_autoptr(GError) error = NULL;
	guint mode;

	if (!check_operands(operands, options->folder ? 1 : 2,
		    options->folder ? "install -d: one FILE:PATH must be named"
				    : "install: a file and FILE:PATH must be named"))
		return STATUS_USAGE;
	const char *target = operands[options->folder ? 0 : 1];
	if (!edit_place_parse(target, &place))
		return complain(STATUS_USAGE, "No artifact or sdimg provided");
	if (!read_mode(options, &mode))
		return STATUS_USAGE;
	if (!install(options, operands, mode, &place, &error))
		return complain(STATUS_USAGE, error->message);
	console_tell(json_pack("{s:s}", "installed", target), NULL);
	return STATUS_GOOD;
}

const Verb install_verb = { "install", "[FILE] FILE:PATH",
	"Puts a file or a folder into an image or artifact, with its mode",
	"install -m MODE FILE IMAGE:PATH puts a file there, install -d IMAGE:PATH "
	"makes a folder. What IMAGE and PATH may be: as for cp.",
	install_options, sizeof(InstallOptions), install_file };
