/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/json.h"
#include "tool/artifact-tool.h"
#include "tool/edit.h"
#include "tool/image-facts.h"
#include "tool/words.h"

typedef struct {
	EditOptions edit;
	ImageFacts facts;
	char *group, *meta_data;
	GPtrArray *depends_names, *depends_groups, *provides, *depends;
	GPtrArray *clears_added, *clears_removed, *scripts;
} ModifyOptions;

#define AT(member) G_STRUCT_OFFSET(ModifyOptions, member)

static const Option modify_options[] = {
	{ "artifact-name", 'n', OPTION_TEXT, AT(facts.name), "NAME",
		"name of the artifact, also in /etc/mender/artifact_info of its image", NULL },
	{ "name", 0, OPTION_TEXT, AT(facts.name), "NAME", "the older name of --artifact-name",
		NULL },
	{ "server-uri", 'u', OPTION_TEXT, AT(facts.server_url), "URL",
		"ServerURL in /etc/mender/mender.conf", NULL },
	{ "server-cert", 'c', OPTION_TEXT, AT(facts.server_certificate), "FILE",
		"certificate for /etc/mender/server.crt", NULL },
	{ "verification-key", 'v', OPTION_TEXT, AT(facts.verification_key), "FILE",
		"public key for /etc/mender/artifact-verify-key.pem", NULL },
	{ "tenant-token", 't', OPTION_TEXT, AT(facts.tenant_token), "TOKEN",
		"TenantToken in /etc/mender/mender.conf: the token itself", NULL },
	{ "artifact-name-depends", 'N', OPTION_TEXTS, AT(depends_names), "NAME",
		"artifacts it depends on, instead of those there were", NULL },
	{ "provides-group", 'g', OPTION_TEXT, AT(group), "GROUP", "group it provides", NULL },
	{ "depends-groups", 'G', OPTION_TEXTS, AT(depends_groups), "GROUP",
		"groups it depends on, instead of those there were", NULL },
	{ "provides", 'p', OPTION_TEXTS, AT(provides), "KEY:VALUE",
		"what it provides, instead of all there was", NULL },
	{ "depends", 'd', OPTION_TEXTS, AT(depends), "KEY:VALUE",
		"what it depends on, instead of all there was", NULL },
	{ "clears-provides", 0, OPTION_TEXTS, AT(clears_added), "PATTERN",
		"clears these provides as well", NULL },
	{ "delete-clears-provides", 0, OPTION_TEXTS, AT(clears_removed), "PATTERN",
		"clears these no more", NULL },
	{ "meta-data", 'm', OPTION_TEXT, AT(meta_data), "FILE", "JSON object for the module",
		NULL },
	{ "script", 's', OPTION_TEXTS, AT(scripts), "FILE",
		"state script, beside those there are or in the place of one of its name", NULL },
	{ "Image", 0, OPTION_GROUP, AT(edit), .rows = edit_options },
	{ NULL },
};

/* What only an artifact has, as the command line names it. */
static const char *artifact_option(const ModifyOptions *options)
{
	const struct {
		gconstpointer value;
		const char *name;
	} rows[] = {
		{ options->depends_names, "artifact-name-depends" },
		{ options->depends_groups, "depends-groups" },
		{ options->group, "provides-group" },
		{ options->provides, "provides" },
		{ options->depends, "depends" },
		{ options->clears_added, "clears-provides" },
		{ options->clears_removed, "delete-clears-provides" },
		{ options->meta_data, "meta-data" },
		{ options->scripts, "script" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		if (rows[i].value)
			return rows[i].name;
	return NULL;
}

static gboolean refuse_without_artifact(const ModifyOptions *options, GError **error)
{
	const char *option = artifact_option(options);

	if (option)
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"`--%s` argument must be used with an Artifact", option);
	return option == NULL;
}

/* The name of an artifact stands in its header, too: an image in it that we cannot change is no
 * hindrance then. */
static gboolean change_image(Edit *edit, const ImageFacts *facts, GError **error)
{
	g_autoptr(GError) reason = NULL;
	Disk *disk = edit_disk(edit, &reason);

	if (disk)
		return image_facts_write(facts, disk, error);
	if (edit_is_artifact(edit) && image_facts_are_name_only(facts))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&reason));
	return FALSE;
}

static gboolean change_all(Edit *edit, const ModifyOptions *options, GError **error)
{
	if (!edit_is_artifact(edit) && !refuse_without_artifact(options, error))
		return FALSE;
	if (image_facts_are_any(&options->facts) && !change_image(edit, &options->facts, error))
		return FALSE;
	return edit_commit(edit, error);
}

/* Lists that were not given are NULL: kept. */
static char **list_or_null(const GPtrArray *texts)
{
	return texts ? words_list(texts) : NULL;
}

static gboolean modify(const char *file, const ModifyOptions *options,
	const CompressChoice *compression, GError **error)
{
	g_autoptr(GHashTable) provides =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(GHashTable) depends =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev);
	g_autoptr(json_t) meta_data = NULL;
	g_autofree char **depends_names = list_or_null(options->depends_names);
	g_autofree char **depends_groups = list_or_null(options->depends_groups);
	g_autofree char **clears_added = list_or_null(options->clears_added);
	g_autofree char **clears_removed = list_or_null(options->clears_removed);
	g_autofree char **scripts = list_or_null(options->scripts);

	if (!words_provides(options->provides, provides, error) ||
		!words_depends(options->depends, depends, error) ||
		!words_meta_data(options->meta_data, &meta_data, error))
		return FALSE;
	g_autoptr(Edit) edit = edit_open(file, &options->edit,
		image_facts_are_any(&options->facts) ? EDIT_ALL : EDIT_HEADER, error);
	if (!edit)
		return FALSE;
	ArtifactChange *change = edit_change(edit);
	change->name = options->facts.name;
	change->group = options->group;
	change->depends_names = depends_names;
	change->depends_groups = depends_groups;
	change->provides = options->provides ? provides : NULL;
	change->depends = options->depends ? depends : NULL;
	change->clears_added = clears_added;
	change->clears_removed = clears_removed;
	change->meta_data = meta_data;
	change->script_paths = scripts;
	change->compression = compression;
	return change_all(edit, options, error);
}

static int modify_file(gconstpointer data, char **operands, gconstpointer global_options)
{
	const ModifyOptions *options = data;
	const GlobalOptions *global = global_options;
	g_autoptr(GError) error = NULL;
	CompressChoice compression;

	if (!check_operands(operands, 1,
		    "modify: nothing specified, nothing will be modified; one artifact or image "
		    "must be named"))
		return STATUS_USAGE;
	if (global->compression && !words_compression(global->compression, &compression, &error))
		return complain(STATUS_USAGE, error->message);
	if (!modify(operands[0], options, global->compression ? &compression : NULL, &error))
		return complain(STATUS_USAGE, error->message);
	console_tell(json_pack("{s:s}", "modified", operands[0]), NULL);
	return STATUS_GOOD;
}

const Verb modify_verb = { "modify", "FILE", "Changes what an artifact or an image says of itself",
	"FILE is an artifact, a plain image or one with partitions. What no "
	"option names is kept as it is, the payload to the byte where nothing in "
	"it changes; rootfs-image.checksum follows a changed image.",
	modify_options, sizeof(ModifyOptions), modify_file };
