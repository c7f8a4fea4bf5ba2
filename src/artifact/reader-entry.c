/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "artifact/names.h"
#include "artifact/reader-private.h"

/* Takes the suffix off the end of @name; FALSE where it is none of ours. */
static gboolean split_suffix(const char *suffix, ArtifactCompression *ret_compression)
{
	*ret_compression = ARTIFACT_COMPRESSION_NONE;
	if (!*suffix)
		return TRUE;
	for (guint i = ARTIFACT_COMPRESSION_GZIP; i <= ARTIFACT_COMPRESSION_ZSTD; i++) {
		if (!g_str_equal(decompressor_for(i)->suffix, suffix))
			continue;
		*ret_compression = i;
		return TRUE;
	}
	return FALSE;
}

gboolean reader_is_archive(const char *name, const char *stem, ArtifactCompression *ret_compression)
{
	return g_str_has_prefix(name, stem) && split_suffix(name + strlen(stem), ret_compression);
}

gboolean reader_next_entry(ArtifactReader *reader, GError **error)
{
	if (!tar_reader_next(&reader->outer, &reader->entry, error))
		return FALSE;
	if (!reader->entry)
		return TRUE;
	const char *name = reader->entry->name;
	if (reader->entry->type != '0')
		return place_refuse(
			&reader->place, 13, ARTIFACT_ERROR_STRUCTURE, error, "not a regular file");
	if (!name_is_plain_path(name))
		return place_refuse(&reader->place, 12, ARTIFACT_ERROR_PATH, error,
			"a name that leaves its folder or holds forbidden characters");
	if (!g_hash_table_add(reader->seen, g_strdup(name)))
		return place_refuse(
			&reader->place, 6, ARTIFACT_ERROR_STRUCTURE, error, "there twice");
	return TRUE;
}

gboolean reader_at(const ArtifactReader *reader, const char *name)
{
	return reader->entry && g_str_equal(reader->entry->name, name);
}

gboolean reader_refuse_entry(ArtifactReader *reader, const char *expected, GError **error)
{
	if (!reader->entry)
		return place_refuse(&reader->place, 2, ARTIFACT_ERROR_TRUNCATED, error,
			"the archive ends where %s should be", expected);
	return place_refuse(
		&reader->place, 5, ARTIFACT_ERROR_STRUCTURE, error, "where %s should be", expected);
}
