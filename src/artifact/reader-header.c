/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/header-members.h"
#include "artifact/reader-private.h"

/* Gathers the header archive at hand and compares its sum; only then are its documents parsed. */
static gboolean read_header_archive(
	ArtifactReader *reader, HeaderKind kind, ArtifactCompression compression, GError **error)
{
	g_autoptr(Sha256) sum = sha256_new();
	Place *place = &reader->place;
	HeaderMembers members;
	InnerArchive inner;

	if (reader->entry->size > ARTIFACT_HEADER_SIZE_MAX)
		return place_refuse(place, 16, ARTIFACT_ERROR_LIMIT, error,
			"the header is larger than %d bytes", ARTIFACT_HEADER_SIZE_MAX);
	const ManifestLine *line =
		manifest_use(&reader->manifest, reader->entry->name, place, error);
	if (!line)
		return FALSE;
	if (line->augmented != (kind == HEADER_AUGMENT))
		return place_refuse(place, 7, ARTIFACT_ERROR_MANIFEST, error,
			"listed in the wrong one of manifest and manifest-augment");

	Stream *stream = inner_archive_open(&inner, compression, &reader->outer.body, sum, place);
	gboolean good = header_members_read(&members, kind, stream, place, error);
	inner_archive_close(&inner);
	place_enter_inner(place, NULL);
	good = good && manifest_compare(line, sum, place, error) &&
	       header_members_parse(
		       &members, kind, reader->header, &reader->listed_files, place, error);
	header_members_clear(&members);
	return good;
}

gboolean reader_read_header(ArtifactReader *reader, GError **error)
{
	HeaderKind kind = reader->header->version == 2 ? HEADER_V2 : HEADER_V3;
	ArtifactCompression compression;

	if (!reader->entry || !reader_is_archive(reader->entry->name, "header.tar", &compression))
		return reader_refuse_entry(reader, "the header", error);
	if (!read_header_archive(reader, kind, compression, error))
		return FALSE;
	reader->header->compression = compression;
	return reader_next_entry(reader, error);
}

gboolean reader_read_augmented_header(ArtifactReader *reader, GError **error)
{
	ArtifactCompression compression;

	if (!reader->header->augmented)
		return TRUE;
	if (!reader->entry ||
		!reader_is_archive(reader->entry->name, "header-augment.tar", &compression) ||
		compression != reader->header->compression)
		return reader_refuse_entry(
			reader, "the augmented header, compressed as the header is,", error);
	return read_header_archive(reader, HEADER_AUGMENT, compression, error) &&
	       reader_next_entry(reader, error);
}
