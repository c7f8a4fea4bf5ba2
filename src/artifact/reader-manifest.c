/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/document.h"
#include "artifact/header-private.h"
#include "artifact/reader-private.h"

static gboolean parse_version(
	ArtifactReader *reader, GBytes *bytes, int *ret_version, GError **error)
{
	static const char *const keys[] = { "format", "version", NULL };
	Place *place = &reader->place;
	g_autoptr(json_t) object = document_parse(bytes, place, error);

	if (!object || !document_check_keys(object, keys, "version", place, error))
		return FALSE;
	const json_t *number = document_get(object, "version");
	const char *format = json_string_value(document_get(object, "format"));
	if (!json_is_integer(number))
		return place_refuse(
			place, 4, ARTIFACT_ERROR_JSON, error, "version: missing or not a number");
	if (g_strcmp0(format, "mender") != 0)
		return place_refuse(
			place, 4, ARTIFACT_ERROR_VERSION, error, "format: not \"mender\"");
	json_int_t version = json_integer_value(number);
	if (version != 2 && version != 3)
		return place_refuse(place, 4, ARTIFACT_ERROR_VERSION, error,
			"version %" JSON_INTEGER_FORMAT " is not supported, only 2 and 3 are",
			version);
	*ret_version = (int)version;
	return TRUE;
}

void early_member_clear(EarlyMember *member)
{
	g_clear_pointer(&member->bytes, g_bytes_unref);
}

static gboolean read_early(
	ArtifactReader *reader, EarlyMember *member, gsize size_max, GError **error)
{
	member->start = reader->place.start;
	member->end = reader->place.end;
	member->offset = reader->source.position;
	member->bytes = tar_reader_read_body(&reader->outer, size_max, error);
	return member->bytes != NULL;
}

gboolean reader_read_version(ArtifactReader *reader, EarlyMember *version, GError **error)
{
	if (!reader_next_entry(reader, error))
		return FALSE;
	return reader_at(reader, "version")
		       ? read_early(reader, version, ARTIFACT_VERSION_SIZE_MAX, error) &&
				 parse_version(
					 reader, version->bytes, &reader->header->version, error)
		       : reader_refuse_entry(reader, "version", error);
}

gboolean reader_read_manifest(ArtifactReader *reader, EarlyMember *manifest, GError **error)
{
	if (!reader_next_entry(reader, error))
		return FALSE;
	return reader_at(reader, "manifest")
		       ? read_early(reader, manifest, ARTIFACT_MANIFEST_SIZE_MAX, error)
		       : reader_refuse_entry(reader, "manifest", error);
}

gboolean reader_judge_manifest(ArtifactReader *reader, const EarlyMember *version,
	const EarlyMember *manifest, GError **error)
{
	g_autoptr(Sha256) sum = sha256_new();
	Place *place = &reader->place;
	gsize size;
	gconstpointer data = g_bytes_get_data(manifest->bytes, &size);

	reader->header->manifest_bytes = g_bytes_ref(manifest->bytes);
	reader->header->manifest_digest = sha256_hex_of(data, size);
	place_enter(place, "manifest", manifest->start, manifest->end);
	if (!manifest_parse(
		    &reader->manifest, manifest->bytes, manifest->offset, FALSE, place, error))
		return FALSE;
	const ManifestLine *line = manifest_use(&reader->manifest, "version", place, error);
	if (!line)
		return FALSE;
	data = g_bytes_get_data(version->bytes, &size);
	sha256_update(sum, data, size);
	place_enter(place, "version", version->start, version->end);
	return manifest_compare(line, sum, place, error);
}

gboolean reader_read_augmented_manifest(ArtifactReader *reader, GError **error)
{
	if (!reader_at(reader, "manifest-augment"))
		return TRUE;
	if (reader->policy.refuse_augmented)
		return place_refuse(&reader->place, 11, ARTIFACT_ERROR_STRUCTURE, error,
			"an augmented part lies outside the signature and is not accepted here");
	if (reader->header->version == 2)
		return reader_refuse_entry(reader, "the header of version 2", error);
	guint64 offset = reader->source.position;
	g_autoptr(GBytes) bytes =
		tar_reader_read_body(&reader->outer, ARTIFACT_MANIFEST_SIZE_MAX, error);
	if (!bytes ||
		!manifest_parse(&reader->manifest, bytes, offset, TRUE, &reader->place, error))
		return FALSE;
	reader->header->augmented = TRUE;
	artifact_header_warn(
		reader->header, "AUGMENTED: the artifact has a part that no signature covers");
	return reader_next_entry(reader, error);
}
