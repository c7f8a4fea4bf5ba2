/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/header-members.h"
#include <string.h>
#include "artifact/header-info.h"
#include "artifact/header-private.h"
#include "artifact/names.h"
#include "artifact/tar.h"

/* Where the walk through the archive stands. Members come in the order of the table below, payload
 * by payload; a step back is what was there before. */
typedef struct {
	HeaderMembers *members;
	HeaderKind kind;
	Place *place;
	TarReader tar;
	guint64 offset;      /* of the present entry, in the file */
	GHashTable *scripts; /* names met so far */
} Walk;

/* The files of headers/NNNN, in their order. */
typedef struct {
	const char *name;
	gsize offset; /* in HeaderPayload */
	guint kinds;  /* bits of HeaderKind that know it */
} PayloadMember;

static const PayloadMember payload_members[] = {
	{ "files", G_STRUCT_OFFSET(HeaderPayload, files), 1 << HEADER_V2 },
	{ "type-info", G_STRUCT_OFFSET(HeaderPayload, type_info), ~0U },
	{ "meta-data", G_STRUCT_OFFSET(HeaderPayload, meta_data), ~0U },
};

static gboolean keep(Walk *walk, HeaderMember *member, gsize size_max, GError **error)
{
	if (member->bytes)
		return place_refuse(walk->place, 6, ARTIFACT_ERROR_STRUCTURE, error, "there twice");
	member->offset = walk->offset;
	member->bytes = tar_reader_read_body(&walk->tar, size_max, error);
	return member->bytes != NULL;
}

static gboolean refuse_unknown(Walk *walk, GError **error)
{
	return place_refuse(walk->place, 5, ARTIFACT_ERROR_STRUCTURE, error,
		"not a member of a header, or not at this place");
}

static gboolean take_script(Walk *walk, const char *name, GError **error)
{
	if (walk->kind == HEADER_AUGMENT)
		return place_refuse(walk->place, 11, ARTIFACT_ERROR_STRUCTURE, error,
			"an augmented header may not carry scripts");
	if (!name_is_script(name))
		return place_refuse(walk->place, 12, ARTIFACT_ERROR_STRUCTURE, error,
			"not the name of an artifact's state script");
	if (!g_hash_table_add(walk->scripts, g_strdup(name)))
		return place_refuse(walk->place, 6, ARTIFACT_ERROR_STRUCTURE, error, "there twice");
	if (walk->members->n_payloads > 0)
		return refuse_unknown(walk, error);
	GBytes *bytes = tar_reader_read_body(&walk->tar, ARTIFACT_SCRIPT_SIZE_MAX, error);
	if (!bytes)
		return FALSE;
	g_ptr_array_add(walk->members->script_names, g_strdup(name));
	g_ptr_array_add(walk->members->scripts, bytes);
	return TRUE;
}

/* "0012/type-info" */
static const PayloadMember *find_payload_member(
	const char *name, HeaderKind kind, guint *ret_payload)
{
	guint payload = 0;

	for (guint i = 0; i < 4; i++) {
		if (!g_ascii_isdigit(name[i]))
			return NULL;
		payload = payload * 10 + (guint)(name[i] - '0');
	}
	if (name[4] != '/')
		return NULL;
	*ret_payload = payload;
	for (gsize i = 0; i < G_N_ELEMENTS(payload_members); i++)
		if ((payload_members[i].kinds >> kind & 1) != 0 &&
			g_str_equal(name + 5, payload_members[i].name))
			return &payload_members[i];
	return NULL;
}

static HeaderMember *member_of(HeaderPayload *payload, const PayloadMember *row)
{
	return (HeaderMember *)((char *)payload + row->offset);
}

/* Is something there already that comes after @row? */
static gboolean has_later(HeaderPayload *payload, const PayloadMember *row)
{
	while (++row < payload_members + G_N_ELEMENTS(payload_members))
		if (member_of(payload, row)->bytes)
			return TRUE;
	return FALSE;
}

static gboolean take_payload_member(Walk *walk, const char *name, GError **error)
{
	HeaderMembers *members = walk->members;
	guint index;
	const PayloadMember *row = find_payload_member(name, walk->kind, &index);

	if (!row)
		return refuse_unknown(walk, error);
	if (index >= ARTIFACT_PAYLOADS_MAX)
		return place_refuse(walk->place, 16, ARTIFACT_ERROR_LIMIT, error,
			"at most %d payloads are allowed", ARTIFACT_PAYLOADS_MAX);
	HeaderPayload *payload = &members->payloads[index];
	HeaderMember *member = member_of(payload, row);
	gboolean present = index + 1 == members->n_payloads;
	if (!member->bytes &&
		((!present && index != members->n_payloads) || has_later(payload, row)))
		return refuse_unknown(walk, error);
	members->n_payloads = MAX(members->n_payloads, index + 1);
	return keep(walk, member, ARTIFACT_JSON_SIZE_MAX, error);
}

static gboolean check_entry(Walk *walk, const TarEntry *entry, GError **error)
{
	g_autofree char *name = g_strdup(entry->name);

	if (entry->type != '0' && entry->type != '5')
		return place_refuse(walk->place, 13, ARTIFACT_ERROR_PATH, error,
			"neither a regular file nor a folder");
	if (entry->type == '5' && g_str_has_suffix(name, "/"))
		name[strlen(name) - 1] = '\0';
	if (!name_is_plain_path(name))
		return place_refuse(walk->place, 12, ARTIFACT_ERROR_PATH, error,
			"a name that leaves its folder or holds forbidden characters");
	if (walk->tar.position + entry->size > ARTIFACT_HEADER_SIZE_MAX)
		return place_refuse(walk->place, 16, ARTIFACT_ERROR_LIMIT, error,
			"the header is larger than %d bytes", ARTIFACT_HEADER_SIZE_MAX);
	if (entry->type == '5' && entry->size > 0)
		return place_refuse(
			walk->place, 1, ARTIFACT_ERROR_CONTAINER, error, "a folder with a content");
	return TRUE;
}

static gboolean take_entry(Walk *walk, const TarEntry *entry, GError **error)
{
	static const char scripts[] = "scripts/", headers[] = "headers/";

	if (!check_entry(walk, entry, error))
		return FALSE;
	if (entry->type == '5')
		return TRUE;
	if (g_str_equal(entry->name, "header-info"))
		return keep(walk, &walk->members->info, ARTIFACT_JSON_SIZE_MAX, error);
	if (!walk->members->info.bytes)
		return place_refuse(walk->place, 5, ARTIFACT_ERROR_STRUCTURE, error,
			"header-info must come first");
	if (g_str_has_prefix(entry->name, scripts))
		return take_script(walk, entry->name + strlen(scripts), error);
	if (g_str_has_prefix(entry->name, headers))
		return take_payload_member(walk, entry->name + strlen(headers), error);
	return refuse_unknown(walk, error);
}

static gboolean check_complete(Walk *walk, GError **error)
{
	const HeaderMembers *members = walk->members;

	place_enter_inner(walk->place, NULL);
	if (!members->info.bytes)
		return place_refuse(walk->place, 5, ARTIFACT_ERROR_STRUCTURE, error,
			"the header has no header-info");
	for (guint i = 0; i < MAX(members->n_payloads, 1); i++) {
		const HeaderPayload *payload = &members->payloads[i];

		if (!payload->type_info.bytes || (walk->kind == HEADER_V2 && !payload->files.bytes))
			return place_refuse(walk->place, 5, ARTIFACT_ERROR_STRUCTURE, error,
				"headers/%04u lacks %s", i,
				payload->type_info.bytes ? "files" : "type-info");
	}
	return TRUE;
}

static gboolean read_entries(Walk *walk, GError **error)
{
	for (;;) {
		const TarEntry *entry;

		if (!tar_reader_next(&walk->tar, &entry, error))
			return FALSE;
		if (!entry)
			break;
		walk->offset = *walk->place->position;
		if (!take_entry(walk, entry, error))
			return FALSE;
	}
	return tar_reader_finish(&walk->tar, error) && check_complete(walk, error);
}

gboolean header_members_read(
	HeaderMembers *members, HeaderKind kind, Stream *in, Place *place, GError **error)
{
	Walk walk = {
		.members = members,
		.kind = kind,
		.place = place,
		.scripts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
	};

	memset(members, 0, sizeof *members);
	members->script_names = g_ptr_array_new_with_free_func(g_free);
	members->scripts = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	tar_reader_init(&walk.tar, in, place, TAR_INNER);
	gboolean read = read_entries(&walk, error);
	tar_reader_clear(&walk.tar);
	g_hash_table_unref(walk.scripts);
	return read;
}

void header_members_clear(HeaderMembers *members)
{
	g_clear_pointer(&members->info.bytes, g_bytes_unref);
	g_clear_pointer(&members->script_names, g_ptr_array_unref);
	g_clear_pointer(&members->scripts, g_ptr_array_unref);
	for (guint i = 0; i < ARTIFACT_PAYLOADS_MAX; i++)
		for (gsize row = 0; row < G_N_ELEMENTS(payload_members); row++)
			g_clear_pointer(
				&member_of(&members->payloads[i], &payload_members[row])->bytes,
				g_bytes_unref);
}

/* --- what the members say --- */

static GBytes *return_to(const HeaderMember *member, const char *name, Place *place)
{
	place_return_to_inner(place, name, member->offset);
	return member->bytes;
}

static gboolean parse_payload(const HeaderPayload *members, guint index, ArtifactHeader *header,
	char ***ret_files, Place *place, GError **error)
{
	ArtifactPayload *payload = header->payloads->pdata[index];
	g_autofree char *type_info = g_strdup_printf("headers/%04u/type-info", index);
	g_autofree char *meta_data = g_strdup_printf("headers/%04u/meta-data", index);
	g_autofree char *files = g_strdup_printf("headers/%04u/files", index);

	if (!type_info_parse(header, payload, return_to(&members->type_info, type_info, place),
		    place, error))
		return FALSE;
	if (!members->meta_data.bytes)
		payload->meta_data_bytes = g_bytes_new_static("", 0);
	else if (!meta_data_parse(
			 payload, return_to(&members->meta_data, meta_data, place), place, error))
		return FALSE;
	if (!members->files.bytes || *ret_files)
		return TRUE;
	*ret_files = file_list_parse(return_to(&members->files, files, place), place, error);
	return *ret_files != NULL;
}

static gboolean check_payload_count(
	const HeaderMembers *members, guint expected, Place *place, GError **error)
{
	if (members->n_payloads == expected)
		return TRUE;
	return place_refuse(place, 5, ARTIFACT_ERROR_STRUCTURE, error,
		"header-info has %u payloads, the header has %u", expected, members->n_payloads);
}

static gboolean parse_header(const HeaderMembers *members, int version, ArtifactHeader *header,
	char ***ret_files, Place *place, GError **error)
{
	if (!header_info_parse(
		    header, return_to(&members->info, "header-info", place), version, place, error))
		return FALSE;
	header->header_info_bytes = g_bytes_ref(members->info.bytes);
	if (!check_payload_count(members, header->payloads->len, place, error))
		return FALSE;
	for (guint i = 0; i < members->scripts->len; i++)
		artifact_header_add_script(header, members->script_names->pdata[i],
			g_bytes_ref(members->scripts->pdata[i]));
	for (guint i = 0; i < members->n_payloads; i++)
		if (!parse_payload(&members->payloads[i], i, header, ret_files, place, error))
			return FALSE;
	return TRUE;
}

static gboolean parse_augment(
	const HeaderMembers *members, ArtifactHeader *header, Place *place, GError **error)
{
	g_auto(GStrv) types = NULL;

	if (!header_info_parse_augment(header, return_to(&members->info, "header-info", place),
		    &types, place, error) ||
		!check_payload_count(members, g_strv_length(types), place, error))
		return FALSE;
	for (guint i = 0; i < members->n_payloads; i++) {
		const HeaderPayload *from = &members->payloads[i];
		ArtifactPayload *payload = header->payloads->pdata[i];
		g_autofree char *type_info = g_strdup_printf("headers/%04u/type-info", i);
		g_autofree char *meta_data = g_strdup_printf("headers/%04u/meta-data", i);

		if (!augment_parse(header, payload, *types[i] ? types[i] : NULL,
			    return_to(&from->type_info, type_info, place), place, error))
			return FALSE;
		if (from->meta_data.bytes &&
			!augment_meta_data_parse(payload,
				return_to(&from->meta_data, meta_data, place), place, error))
			return FALSE;
	}
	return TRUE;
}

gboolean header_members_parse(const HeaderMembers *members, HeaderKind kind, ArtifactHeader *header,
	char ***ret_files, Place *place, GError **error)
{
	char **files = NULL;
	gboolean parsed = kind == HEADER_AUGMENT ? parse_augment(members, header, place, error)
						 : parse_header(members, kind == HEADER_V2 ? 2 : 3,
							   header, &files, place, error);

	if (parsed && ret_files)
		*ret_files = g_steal_pointer(&files);
	g_strfreev(files);
	return parsed;
}
