/* SPDX-License-Identifier: Apache-2.0 */
/* What directory-artifact-gen makes: a folder that replaces another, for the update module
 * directory. */
#include <string.h>
#include "tool/artifact-tool.h"
#include "tool/generator.h"
#include "tool/payload-files.h"
#include "tool/write-spec.h"

typedef struct {
	WriteOptions write;
	GPtrArray *files;
	char *dest_dir, *owner;
} DirectoryOptions;

#define AT(member) G_STRUCT_OFFSET(DirectoryOptions, member)

static const Option artifact_rows[] = WRITE_ARTIFACT_TABLE("directory-artifact.mender", 'p', 0);

static const Option write_directory_options[] = {
	{ "dest-dir", 'd', OPTION_TEXT, AT(dest_dir), "FOLDER",
		"the folder on the device that is replaced; an absolute path", NULL },
	{ "owner", 0, OPTION_TEXT, AT(owner), "UID:GID",
		"all of it belongs to these numbers; otherwise to those of here", NULL },
	{ "file", 'f', OPTION_TEXTS, AT(files), "FOLDER", "the folder, instead of the operand",
		NULL },
	{ "Output", 0, OPTION_GROUP, AT(write), .rows = artifact_rows },
	{ "Payload", 0, OPTION_GROUP, AT(write), .rows = write_payload_options },
	{ NULL },
};

static const char write_directory_details[] =
	"All of the folder's content is packed, sorted, with modes, owners, times, links and empty "
	"folders, so that the same folder gives the same bytes; SOURCE_DATE_EPOCH sets the times. "
	"Extended attributes and ACLs are not kept, as directory-artifact-gen, which this "
	"replaces, does not keep them; there is a warning where there are some. The artifact is "
	"for the update module directory.\n\n"
	"Example: the folder site takes the place of /srv/www, owned by root:\n\n"
	"    rota-artifact write directory -n site-12 -t ecu-gateway -d /srv/www --owner 0:0 \\\n"
	"        -k signing.pem -o site-12.mender site";

static gboolean choose_owner(const char *text, TreeTarChoice *choice, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text ? text : "", ":", 2);
	guint64 uid, gid;

	if (!text)
		return TRUE;
	if (g_strv_length(parts) != 2 ||
		!g_ascii_string_to_unsigned(parts[0], 10, 0, G_MAXINT32, &uid, NULL) ||
		!g_ascii_string_to_unsigned(parts[1], 10, 0, G_MAXINT32, &gid, NULL))
		return generator_refuse(error, "--owner: %s is not of the form UID:GID", text);
	choice->has_owner = TRUE;
	choice->uid = (uid_t)uid;
	choice->gid = (gid_t)gid;
	return TRUE;
}

/* The module would refuse it on the vehicle. */
static gboolean check_not_root(const char *dest_dir, GError **error)
{
	g_autofree char *plain = g_canonicalize_filename(dest_dir, "/");

	return strspn(plain, "/") != strlen(plain) ||
	       generator_refuse(error, "--dest-dir: / cannot be replaced");
}

static gboolean gather(
	PayloadFiles *files, const DirectoryOptions *options, const char *folder, GError **error)
{
	TreeTarChoice choice = { .name = "." };

	if (!generator_check_dest_dir(options->dest_dir, error) ||
		!check_not_root(options->dest_dir, error) ||
		!choose_owner(options->owner, &choice, error) ||
		!payload_files_add_line(files, "dest_dir", options->dest_dir, error))
		return FALSE;
	int fd = generator_pack_folder(folder, &choice, &options->write, error);
	if (fd >= 0)
		payload_files_add_fd(files, "update.tar", fd);
	return fd >= 0;
}

static int write_directory(gconstpointer data, char **operands, gconstpointer global_options)
{
	const DirectoryOptions *options = data;
	static const WriteWay way = {
		.payload_type = "directory", .software_name = "directory", .has_software = TRUE
	};
	g_autofree char **inputs = generator_inputs(options->files, operands);
	g_auto(PayloadFiles) files = { 0 };
	g_auto(WriteSpec) spec = { 0 };
	g_autoptr(GError) error = NULL;

	payload_files_init(&files);
	if (!generator_check_one(inputs, "folder", &error) ||
		!write_spec_init(&spec, &options->write, &way, global_options, &error) ||
		!gather(&files, options, inputs[0], &error))
		return complain(STATUS_USAGE, error->message);
	payload_files_give(&files, &spec.artifact);
	return write_spec_save(&spec, &options->write);
}

const Verb write_directory_verb = { "write directory", "FOLDER",
	"Makes an artifact that replaces a folder", write_directory_details,
	write_directory_options, sizeof(DirectoryOptions), write_directory };
