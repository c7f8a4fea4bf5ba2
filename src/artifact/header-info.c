/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/header-info.h"
#include <string.h>
#include "artifact/document.h"
#include "artifact/header-private.h"
#include "artifact/names.h"

static const char rootfs_type[] = "rootfs-image";

/* Where the words of header-info stand in each version. */
typedef struct {
	const char *const *keys;
	const char *provides, *depends; /* objects; NULL: the words stand at the top */
	const char *const *provides_keys, *const *depends_keys;
	const char *payloads, *device_types;
} HeaderInfoLayout;

static const char *const keys_v3[] = { "payloads", "artifact_provides", "artifact_depends", NULL };
static const char *const provides_keys_v3[] = { "artifact_name", "artifact_group", NULL };
static const char *const depends_keys_v3[] = {
	"artifact_name",
	"device_type",
	"artifact_group",
	NULL,
};
static const char *const keys_v2[] = {
	"artifact_name",
	"updates",
	"device_types_compatible",
	NULL,
};

static const HeaderInfoLayout layout_v3 = {
	keys_v3,
	"artifact_provides",
	"artifact_depends",
	provides_keys_v3,
	depends_keys_v3,
	"payloads",
	"device_type",
};
static const HeaderInfoLayout layout_v2 = {
	keys_v2,
	NULL,
	NULL,
	NULL,
	NULL,
	"updates",
	"device_types_compatible",
};

/* One of the objects of header-info, or @info itself where the layout has none. */
static gboolean get_part(const json_t *info, const char *key, const char *const *part_keys,
	const json_t **ret_part, Place *place, GError **error)
{
	if (!key) {
		*ret_part = info;
		return TRUE;
	}
	return document_object(info, key, ret_part, place, error) &&
	       (!*ret_part || document_check_keys(*ret_part, part_keys, key, place, error));
}

static gboolean parse_name(
	ArtifactHeader *header, const json_t *provides, Place *place, GError **error)
{
	const json_t *name = document_get(provides, "artifact_name");
	const json_t *group = document_get(provides, "artifact_group");
	const char *text;

	if (!name)
		return place_refuse(
			place, 17, ARTIFACT_ERROR_SCHEMA, error, "artifact_name: missing");
	if (!document_text(name, "artifact_name", ARTIFACT_NAME_SIZE_MAX, &text, place, error))
		return FALSE;
	header->name = g_strdup(text);
	/* The real tool may leave an empty group behind. */
	if (!group || (json_is_string(group) && json_string_length(group) == 0))
		return TRUE;
	if (!document_text(group, "artifact_group", ARTIFACT_NAME_SIZE_MAX, &text, place, error))
		return FALSE;
	header->group = g_strdup(text);
	return TRUE;
}

static gboolean parse_depends(ArtifactHeader *header, const json_t *depends,
	const char *device_types, Place *place, GError **error)
{
	header->device_types = document_texts(document_get(depends, device_types), device_types,
		ARTIFACT_NAME_SIZE_MAX, place, error);
	if (!header->device_types)
		return FALSE;
	if (!*header->device_types)
		return place_refuse(place, 17, ARTIFACT_ERROR_SCHEMA, error, "%s: missing or empty",
			device_types);

	gboolean v2 = g_str_equal(device_types, layout_v2.device_types);
	header->depends_names = document_texts(v2 ? NULL : document_get(depends, "artifact_name"),
		"artifact_name", ARTIFACT_NAME_SIZE_MAX, place, error);
	header->depends_groups = document_texts(v2 ? NULL : document_get(depends, "artifact_group"),
		"artifact_group", ARTIFACT_NAME_SIZE_MAX, place, error);
	return header->depends_names && header->depends_groups;
}

/* {"type": TEXT or null} */
static gboolean parse_payload_type(
	const json_t *value, const char **ret_type, Place *place, GError **error)
{
	static const char *const keys[] = { "type", NULL };

	*ret_type = NULL;
	if (!json_is_object(value))
		return place_refuse(
			place, 14, ARTIFACT_ERROR_JSON, error, "a payload that is not an object");
	if (!document_check_keys(value, keys, "payload", place, error))
		return FALSE;
	const json_t *type = json_object_get(value, "type");
	if (!type)
		return place_refuse(
			place, 17, ARTIFACT_ERROR_SCHEMA, error, "payload type: missing");
	if (json_is_null(type))
		return TRUE;
	if (!document_text(type, "payload type", ARTIFACT_NAME_SIZE_MAX, ret_type, place, error))
		return FALSE;
	if (!name_is_payload_type(*ret_type))
		return place_refuse(place, 17, ARTIFACT_ERROR_SCHEMA, error,
			"payload type: not a name of an update module");
	return TRUE;
}

static gboolean parse_payloads(ArtifactHeader *header, const json_t *payloads, const char *key,
	Place *place, GError **error)
{
	gsize n_payloads = json_array_size(payloads);

	if (payloads && !json_is_array(payloads))
		return place_refuse(place, 14, ARTIFACT_ERROR_JSON, error, "%s: not a list", key);
	if (n_payloads == 0)
		return place_refuse(
			place, 17, ARTIFACT_ERROR_SCHEMA, error, "%s: missing or empty", key);
	if (n_payloads > ARTIFACT_PAYLOADS_MAX)
		return place_refuse(place, 16, ARTIFACT_ERROR_LIMIT, error,
			"%" G_GSIZE_FORMAT " payloads, at most %d are allowed", n_payloads,
			ARTIFACT_PAYLOADS_MAX);
	for (gsize i = 0; i < n_payloads; i++) {
		const char *type;

		if (!parse_payload_type(json_array_get(payloads, i), &type, place, error))
			return FALSE;
		if (header->version == 2 && g_strcmp0(type, rootfs_type) != 0)
			return place_refuse(place, 17, ARTIFACT_ERROR_SCHEMA, error,
				"version 2 carries rootfs-image only");
		artifact_header_add_payload(header, type);
	}
	return TRUE;
}

gboolean header_info_parse(
	ArtifactHeader *header, GBytes *bytes, int version, Place *place, GError **error)
{
	const HeaderInfoLayout *layout = version == 2 ? &layout_v2 : &layout_v3;
	g_autoptr(json_t) info = document_parse(bytes, place, error);
	const json_t *provides, *depends;

	if (!info)
		return FALSE;
	header->version = version;
	return document_check_keys(info, layout->keys, "header-info", place, error) &&
	       get_part(info, layout->provides, layout->provides_keys, &provides, place, error) &&
	       get_part(info, layout->depends, layout->depends_keys, &depends, place, error) &&
	       parse_name(header, provides, place, error) &&
	       parse_depends(header, depends, layout->device_types, place, error) &&
	       parse_payloads(header, document_get(info, layout->payloads), layout->payloads, place,
		       error);
}

/* --- augmented header-info --- */

static gboolean list_equals(const json_t *list, char **texts)
{
	if (json_array_size(list) != g_strv_length(texts))
		return FALSE;
	for (gsize i = 0; i < json_array_size(list); i++)
		if (g_strcmp0(json_string_value(json_array_get(list, i)), texts[i]) != 0)
			return FALSE;
	return TRUE;
}

/* The documents allow only the payloads here; the real tool repeats the rest, with the same values.
 */
static gboolean equals_header(
	const ArtifactHeader *header, const json_t *provides, const json_t *depends)
{
	const json_t *name = document_get(provides, "artifact_name");
	const json_t *group = document_get(provides, "artifact_group");
	const json_t *types = document_get(depends, "device_type");
	const json_t *names = document_get(depends, "artifact_name");
	const json_t *groups = document_get(depends, "artifact_group");

	return (!name || g_strcmp0(json_string_value(name), header->name) == 0) &&
	       (!group || g_strcmp0(json_string_value(group), header->group) == 0) &&
	       (!types || list_equals(types, header->device_types)) &&
	       (!names || list_equals(names, header->depends_names)) &&
	       (!groups || list_equals(groups, header->depends_groups));
}

gboolean header_info_parse_augment(const ArtifactHeader *header, GBytes *bytes, char ***ret_types,
	Place *place, GError **error)
{
	g_autoptr(json_t) info = document_parse(bytes, place, error);
	g_autoptr(ArtifactHeader) augment = artifact_header_new();
	const json_t *provides, *depends;

	if (!info || !document_check_keys(info, keys_v3, "header-info", place, error) ||
		!get_part(info, layout_v3.provides, provides_keys_v3, &provides, place, error) ||
		!get_part(info, layout_v3.depends, depends_keys_v3, &depends, place, error))
		return FALSE;
	if (!equals_header(header, provides, depends))
		return place_refuse(place, 11, ARTIFACT_ERROR_SCHEMA, error,
			"the augmented header-info says other things than the header");
	if (!parse_payloads(
		    augment, document_get(info, layout_v3.payloads), "payloads", place, error))
		return FALSE;
	if (augment->payloads->len > header->payloads->len)
		return place_refuse(place, 11, ARTIFACT_ERROR_SCHEMA, error,
			"the augmented header-info has more payloads than the header");

	char **types = g_new0(char *, augment->payloads->len + 1);
	for (guint i = 0; i < augment->payloads->len; i++) {
		const ArtifactPayload *payload = augment->payloads->pdata[i];

		types[i] = g_strdup(payload->type ? payload->type : "");
	}
	*ret_types = types;
	return TRUE;
}

/* --- type-info --- */

static gboolean check_type(ArtifactHeader *header, const char *expected, const json_t *info,
	Place *place, GError **error)
{
	const json_t *value = document_get(info, "type");
	const char *type = json_string_value(value);

	if (value && !type)
		return place_refuse(place, 14, ARTIFACT_ERROR_JSON, error, "type: not a text");
	if (type && strlen(type) != json_string_length(value))
		return place_refuse(
			place, 17, ARTIFACT_ERROR_SCHEMA, error, "type: holds a NUL character");
	if (g_strcmp0(type, expected) == 0)
		return TRUE;
	if (g_strcmp0(expected, rootfs_type) == 0 && (!type || !*type)) {
		artifact_header_warn(header,
			"type-info has no type; mender-artifact before 4 wrote rootfs-image so");
		return TRUE;
	}
	return place_refuse(place, 17, ARTIFACT_ERROR_SCHEMA, error,
		"the type in type-info is not the one in header-info");
}

static gboolean parse_provides(
	const json_t *info, GHashTable *provides, Place *place, GError **error)
{
	const json_t *object;
	const char *key, *text;
	json_t *value;

	if (!document_object(info, "artifact_provides", &object, place, error))
		return FALSE;
	json_object_foreach ((json_t *)(guintptr)object, key, value) {
		if (!*key || !text_is_printable(key, ARTIFACT_NAME_SIZE_MAX))
			return place_refuse(place, 17, ARTIFACT_ERROR_SCHEMA, error,
				"artifact_provides: a key that is empty, too long or unprintable");
		if (!json_is_string(value))
			return place_refuse(place, 17, ARTIFACT_ERROR_SCHEMA, error,
				"artifact_provides: %s: not a text", key);
		if (!document_text(value, "artifact_provides", DOCUMENT_VALUE_SIZE_MAX, &text,
			    place, error))
			return FALSE;
		g_hash_table_insert(provides, g_strdup(key), g_strdup(text));
	}
	return TRUE;
}

/* One text, or a list of them. */
static char **parse_depends_value(const json_t *value, Place *place, GError **error)
{
	const char *text;

	if (!json_is_string(value))
		return document_texts(
			value, "artifact_depends", DOCUMENT_VALUE_SIZE_MAX, place, error);
	if (!document_text(value, "artifact_depends", DOCUMENT_VALUE_SIZE_MAX, &text, place, error))
		return NULL;
	char **texts = g_new0(char *, 2);
	texts[0] = g_strdup(text);
	return texts;
}

static gboolean parse_type_depends(
	const json_t *info, GHashTable *depends, Place *place, GError **error)
{
	const json_t *object;
	const char *key;
	json_t *value;

	if (!document_object(info, "artifact_depends", &object, place, error))
		return FALSE;
	json_object_foreach ((json_t *)(guintptr)object, key, value) {
		if (!*key || !text_is_printable(key, ARTIFACT_NAME_SIZE_MAX))
			return place_refuse(place, 17, ARTIFACT_ERROR_SCHEMA, error,
				"artifact_depends: a key that is empty, too long or unprintable");
		char **texts = parse_depends_value(value, place, error);
		if (!texts)
			return FALSE;
		g_hash_table_insert(depends, g_strdup(key), texts);
	}
	return TRUE;
}

gboolean type_info_parse(ArtifactHeader *header, ArtifactPayload *payload, GBytes *bytes,
	Place *place, GError **error)
{
	static const char clears_key[] = "clears_artifact_provides";
	g_autoptr(json_t) info = document_parse(bytes, place, error);

	if (!info || !check_type(header, payload->type, info, place, error) ||
		!parse_provides(info, payload->provides, place, error) ||
		!parse_type_depends(info, payload->depends, place, error))
		return FALSE;
	const json_t *clears = document_get(info, clears_key);
	if (clears) {
		payload->clears_provides =
			document_texts(clears, clears_key, DOCUMENT_VALUE_SIZE_MAX, place, error);
		if (!payload->clears_provides)
			return FALSE;
	}
	payload->type_info = g_steal_pointer(&info);
	payload->type_info_bytes = g_bytes_ref(bytes);
	return TRUE;
}

/* --- meta-data and files --- */

static gboolean parse_meta_data(
	const char *type, GBytes *bytes, json_t **ret_value, Place *place, GError **error)
{
	*ret_value = NULL;
	if (g_bytes_get_size(bytes) == 0)
		return TRUE;
	if (!type)
		return place_refuse(place, 18, ARTIFACT_ERROR_STRUCTURE, error,
			"an empty payload with meta-data");
	*ret_value = document_parse(bytes, place, error);
	return *ret_value != NULL;
}

gboolean meta_data_parse(ArtifactPayload *payload, GBytes *bytes, Place *place, GError **error)
{
	payload->meta_data_bytes = g_bytes_ref(bytes);
	return parse_meta_data(payload->type, bytes, &payload->meta_data, place, error);
}

char **file_list_parse(GBytes *bytes, Place *place, GError **error)
{
	static const char *const keys[] = { "files", NULL };
	g_autoptr(json_t) list = document_parse(bytes, place, error);

	if (!list || !document_check_keys(list, keys, "files", place, error))
		return NULL;
	return document_texts(
		document_get(list, "files"), "files", NAME_FILE_SIZE_MAX, place, error);
}

/* --- augmented documents --- */

static void lay_over(GHashTable *base, GHashTable *augmented, gpointer (*copy)(gconstpointer))
{
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, augmented);
	while (g_hash_table_iter_next(&iter, &key, &value))
		g_hash_table_replace(base, g_strdup(key), copy(value));
}

static gpointer copy_text(gconstpointer text)
{
	return g_strdup(text);
}

static gpointer copy_texts(gconstpointer texts)
{
	return g_strdupv((char **)(guintptr)texts);
}

gboolean augment_parse(ArtifactHeader *header, ArtifactPayload *payload, const char *type,
	GBytes *type_info, Place *place, GError **error)
{
	g_autoptr(json_t) info = document_parse(type_info, place, error);

	payload->augmented_type = g_strdup(type);
	payload->augmented_provides = artifact_provides_new();
	payload->augmented_depends = artifact_depends_new();
	if (!info || !check_type(header, type, info, place, error) ||
		!parse_provides(info, payload->augmented_provides, place, error) ||
		!parse_type_depends(info, payload->augmented_depends, place, error))
		return FALSE;
	lay_over(payload->provides, payload->augmented_provides, copy_text);
	lay_over(payload->depends, payload->augmented_depends, copy_texts);
	return TRUE;
}

/* As mender-artifact has it: an object, a list, or anything else. */
static gboolean same_kind(const json_t *a, const json_t *b)
{
	return json_is_object(a) == json_is_object(b) && json_is_array(a) == json_is_array(b);
}

/* Depth is bounded by parsing. */
gboolean artifact_meta_data_merge(json_t *base, const json_t *augmented)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(guintptr)augmented, key, value) {
		json_t *old = json_object_get(base, key);

		if (old && !same_kind(old, value))
			return FALSE;
		if (json_is_object(old)
				? !artifact_meta_data_merge(old, value)
				: json_object_set_new(base, key, json_deep_copy(value)) != 0)
			return FALSE;
	}
	return TRUE;
}

gboolean augment_meta_data_parse(
	ArtifactPayload *payload, GBytes *bytes, Place *place, GError **error)
{
	if (!parse_meta_data(payload->type, bytes, &payload->augmented_meta_data, place, error))
		return FALSE;
	if (!payload->augmented_meta_data)
		return TRUE;
	if (!payload->meta_data)
		payload->meta_data = json_object();
	if (!artifact_meta_data_merge(payload->meta_data, payload->augmented_meta_data))
		return place_refuse(place, 11, ARTIFACT_ERROR_SCHEMA, error,
			"augmented meta-data changes the kind of a value");
	return TRUE;
}
