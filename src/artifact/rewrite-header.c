/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/rewrite-header.h"
#include <string.h>
#include "artifact/names.h"
#include "artifact/tar-writer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

enum { ENTRY_MODE = 0600, SCRIPT_MODE = 0755 };

static gboolean refuse(GError **error, const char *what, const char *why)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: %s", what, why);
	return FALSE;
}

/* --- documents as JSON --- */

static json_t *parse_member(const HeaderMember *member, GError **error)
{
	gsize size;
	const char *data = g_bytes_get_data(member->bytes, &size);

	return json_parse_strict(data, size, error);
}

static void replace_member(HeaderMember *member, char *text)
{
	g_clear_pointer(&member->bytes, g_bytes_unref);
	member->bytes = g_bytes_new_take(text, strlen(text));
}

static json_t *list_of(char **texts)
{
	json_t *list = json_array();

	for (; *texts; texts++)
		json_array_append_new(list, json_string(*texts));
	return list;
}

/* The object @key of @document, made where it is not there. */
static json_t *object_in(json_t *document, const char *key)
{
	json_t *object = json_object_get(document, key);

	if (json_is_object(object))
		return object;
	object = json_object();
	json_object_set_new(document, key, object);
	return object;
}

static void set_list(json_t *object, const char *key, char **texts)
{
	if (texts && *texts)
		json_object_set_new(object, key, list_of(texts));
	else if (texts)
		json_object_del(object, key);
}

/* An augmented header-info repeats what the base says, or says nothing: it must not begin to. */
static void change_info(json_t *info, HeaderKind kind, const ArtifactChange *change)
{
	gboolean may_add = kind != HEADER_AUGMENT;

	if (kind == HEADER_V2) {
		json_object_set_new(info, "artifact_name", json_string(change->name));
		return;
	}
	if ((change->name || change->group) &&
		(may_add || json_object_get(info, "artifact_provides"))) {
		json_t *provides = object_in(info, "artifact_provides");

		if (change->name)
			json_object_set_new(provides, "artifact_name", json_string(change->name));
		if (change->group && *change->group)
			json_object_set_new(provides, "artifact_group", json_string(change->group));
		else if (change->group)
			json_object_del(provides, "artifact_group");
	}
	if ((change->depends_names || change->depends_groups) &&
		(may_add || json_object_get(info, "artifact_depends"))) {
		json_t *depends = object_in(info, "artifact_depends");

		set_list(depends, "artifact_name", change->depends_names);
		set_list(depends, "artifact_group", change->depends_groups);
	}
}

static gboolean changes_info(const ArtifactChange *change)
{
	return change->name || change->group || change->depends_names || change->depends_groups;
}

static GList *sorted_keys(GHashTable *table)
{
	return g_list_sort(g_hash_table_get_keys(table), (GCompareFunc)strcmp);
}

static void replace_provides(json_t *type_info, GHashTable *provides)
{
	g_autoptr(GList) keys = sorted_keys(provides);
	json_t *object = json_object();

	for (GList *key = keys; key; key = key->next)
		json_object_set_new(
			object, key->data, json_string(g_hash_table_lookup(provides, key->data)));
	json_object_set_new(type_info, "artifact_provides", object);
}

static void replace_depends(json_t *type_info, GHashTable *depends)
{
	g_autoptr(GList) keys = sorted_keys(depends);
	json_t *object = json_object();

	for (GList *key = keys; key; key = key->next) {
		char **values = g_hash_table_lookup(depends, key->data);

		json_object_set_new(object, key->data,
			g_strv_length(values) == 1 ? json_string(values[0]) : list_of(values));
	}
	json_object_set_new(type_info, "artifact_depends", object);
}

static void change_clears(json_t *type_info, const ArtifactChange *change)
{
	json_t *before = json_object_get(type_info, "clears_artifact_provides");
	g_autoptr(GPtrArray) kept = g_ptr_array_new();
	json_t *pattern;
	gsize i;

	json_array_foreach (before, i, pattern)
		g_ptr_array_add(kept, (gpointer)(guintptr)json_string_value(pattern));
	for (char **added = change->clears_added; added && *added; added++)
		g_ptr_array_add(kept, *added);
	json_t *list = json_array();
	for (i = 0; i < kept->len; i++) {
		const char *text = kept->pdata[i];

		if (text &&
			!(change->clears_removed &&
				g_strv_contains((const char *const *)change->clears_removed, text)))
			json_array_append_new(list, json_string(text));
	}
	json_object_set_new(type_info, "clears_artifact_provides", list);
}

/* Both names the sum of an image has had. */
static void change_checksum(json_t *type_info, const char *sum)
{
	static const char *const names[] = { "rootfs-image.checksum", "rootfs_image_checksum" };
	json_t *provides = json_object_get(type_info, "artifact_provides");

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		if (json_object_get(provides, names[i]))
			json_object_set_new(provides, names[i], json_string(sum));
}

static gboolean changes_type_info(const ArtifactChange *change, const char *payload_sum)
{
	return change->provides || change->depends || change->clears_added ||
	       change->clears_removed || payload_sum;
}

/* mender-artifact before 4 left the type of a rootfs-image out, and 4.4 does not read such ones. */
static gboolean fill_type(json_t *type_info, const HeaderMember *info, GError **error)
{
	const char *type = json_string_value(json_object_get(type_info, "type"));

	if (type && *type)
		return TRUE;
	g_autoptr(json_t) header = parse_member(info, error);
	if (!header)
		return FALSE;
	json_t *payload = json_array_get(json_object_get(header, "payloads"), 0);
	json_t *known = json_object_get(payload, "type");
	if (json_is_string(known))
		json_object_set(type_info, "type", known);
	return TRUE;
}

static gboolean change_type_info(HeaderMembers *members, const ArtifactChange *change,
	const char *payload_sum, GError **error)
{
	HeaderMember *member = &members->payloads[0].type_info;

	if (!member->bytes || !changes_type_info(change, payload_sum))
		return TRUE;
	g_autoptr(json_t) info = parse_member(member, error);
	if (!info || !fill_type(info, &members->info, error))
		return FALSE;
	if (change->provides)
		replace_provides(info, change->provides);
	if (change->depends)
		replace_depends(info, change->depends);
	if (change->clears_added || change->clears_removed)
		change_clears(info, change);
	if (payload_sum)
		change_checksum(info, payload_sum);
	replace_member(member, json_to_text(info));
	return TRUE;
}

/* --- scripts --- */

static gboolean find_script(const HeaderMembers *members, const char *name, guint *ret_index)
{
	for (guint i = 0; i < members->script_names->len; i++) {
		if (!g_str_equal(members->script_names->pdata[i], name))
			continue;
		*ret_index = i;
		return TRUE;
	}
	return FALSE;
}

static gboolean add_script(HeaderMembers *members, const char *path, GError **error)
{
	g_autofree char *name = g_path_get_basename(path);
	guint index;

	if (!name_is_script(name))
		return refuse(error, name,
			"not the name of an artifact's state script (ArtifactInstall_Enter_00)");
	g_autoptr(GBytes) bytes = file_read(path, ARTIFACT_SCRIPT_SIZE_MAX, error);
	if (!bytes)
		return FALSE;
	if (find_script(members, name, &index)) {
		g_bytes_unref(members->scripts->pdata[index]);
		members->scripts->pdata[index] = g_steal_pointer(&bytes);
		return TRUE;
	}
	/* In the order they will run, as far as the others are. */
	for (index = 0; index < members->script_names->len; index++)
		if (strcmp(members->script_names->pdata[index], name) > 0)
			break;
	g_ptr_array_insert(members->script_names, (gint)index, g_steal_pointer(&name));
	g_ptr_array_insert(members->scripts, (gint)index, g_steal_pointer(&bytes));
	return TRUE;
}

/* --- the whole --- */

static gboolean check_change(HeaderKind kind, const ArtifactChange *change, GError **error)
{
	if (change->name && (!*change->name || strpbrk(change->name, " \t\r\n")))
		return refuse(error, "artifact name", "empty, or with blanks in it");
	if (change->meta_data && !json_is_object(change->meta_data))
		return refuse(error, "meta-data", "not a JSON object");
	if (kind == HEADER_V2 &&
		(change->group || change->depends_names || change->depends_groups ||
			changes_type_info(change, NULL) || change->meta_data))
		return refuse(error, "format version 2",
			"has no place for groups, provides, depends, clears and meta-data");
	return TRUE;
}

gboolean rewrite_header(HeaderMembers *members, HeaderKind kind, const ArtifactChange *change,
	const char *payload_sum, GError **error)
{
	HeaderPayload *payload = &members->payloads[0];

	if (!check_change(kind, change, error))
		return FALSE;
	if (changes_info(change)) {
		g_autoptr(json_t) info = parse_member(&members->info, error);

		if (!info)
			return FALSE;
		change_info(info, kind, change);
		replace_member(&members->info, json_to_text(info));
	}
	if (kind == HEADER_AUGMENT)
		return TRUE;
	for (char **path = change->script_paths; path && *path; path++)
		if (!add_script(members, *path, error))
			return FALSE;
	if (change->meta_data)
		replace_member(&payload->meta_data, json_to_canonical_text(change->meta_data));
	return kind == HEADER_V2 || change_type_info(members, change, payload_sum, error);
}

static gboolean append(GByteArray *tar, const char *name, GBytes *bytes, guint mode,
	gint64 modified_s, GError **error)
{
	gsize size;
	gconstpointer data;

	if (!bytes)
		return TRUE;
	data = g_bytes_get_data(bytes, &size);
	TarHeader header = { name, size, mode, modified_s };
	return tar_append(tar, &header, data, error);
}

static gboolean append_scripts(
	GByteArray *tar, const HeaderMembers *members, gint64 modified_s, GError **error)
{
	for (guint i = 0; i < members->scripts->len; i++) {
		g_autofree char *name =
			g_strconcat("scripts/", members->script_names->pdata[i], NULL);

		if (!append(tar, name, members->scripts->pdata[i], SCRIPT_MODE, modified_s, error))
			return FALSE;
	}
	return TRUE;
}

GByteArray *rewrite_header_archive(const HeaderMembers *members, gint64 modified_s, GError **error)
{
	const HeaderPayload *payload = &members->payloads[0];
	g_autoptr(GByteArray) tar = g_byte_array_new();

	if (!append(tar, "header-info", members->info.bytes, ENTRY_MODE, modified_s, error) ||
		!append_scripts(tar, members, modified_s, error) ||
		!append(tar, "headers/0000/files", payload->files.bytes, ENTRY_MODE, modified_s,
			error) ||
		!append(tar, "headers/0000/type-info", payload->type_info.bytes, ENTRY_MODE,
			modified_s, error) ||
		!append(tar, "headers/0000/meta-data", payload->meta_data.bytes, ENTRY_MODE,
			modified_s, error))
		return NULL;
	tar_append_end(tar);
	if (tar->len <= ARTIFACT_HEADER_SIZE_MAX)
		return g_steal_pointer(&tar);
	refuse(error, "the header with its state scripts", "larger than 64 MiB");
	return NULL;
}
