/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "artifact/names.h"
#include "artifact/reader-private.h"

/* From this size on a file of a compressed payload is worth a thread for its sum. */
enum { PARALLEL_SIZE_MIN = 1024 * 1024 };

/* A packed payload smaller than this is unpacked before threads are started for it. */
enum { LOOK_AHEAD_SIZE_MIN = 4 * 1024 * 1024 };

/* "data/0003.tar.gz" */
static gboolean parse_data_name(
	const char *name, guint *ret_payload, ArtifactCompression *ret_compression)
{
	guint payload = 0;

	if (!g_str_has_prefix(name, "data/"))
		return FALSE;
	name += strlen("data/");
	for (guint i = 0; i < 4; i++, name++) {
		if (!g_ascii_isdigit(*name))
			return FALSE;
		payload = payload * 10 + (guint)(*name - '0');
	}
	*ret_payload = payload;
	return reader_is_archive(name, ".tar", ret_compression);
}

static gboolean open_payload(ArtifactReader *reader, GError **error)
{
	ArtifactCompression compression;
	guint payload;

	if (!parse_data_name(reader->entry->name, &payload, &compression))
		return reader_refuse_entry(reader, "a payload or the end", error);
	if (payload >= reader->n_payloads)
		return place_refuse(&reader->place, 8, ARTIFACT_ERROR_STRUCTURE, error,
			"no header announces this payload");
	if (payload < reader->next_payload)
		return reader_refuse_entry(reader, "a later payload", error);
	reader->next_payload = payload + 1;
	reader->file.payload = payload;

	Stream *stream = inner_archive_open(
		&reader->inner, compression, &reader->outer.body, NULL, &reader->place);
	if (reader->policy.look_ahead && reader->entry->size >= LOOK_AHEAD_SIZE_MIN)
		inner_archive_look_ahead(&reader->inner);
	tar_reader_init(&reader->files, stream, &reader->place, TAR_INNER);
	reader->payload_open = TRUE;
	return TRUE;
}

void reader_close_payload(ArtifactReader *reader)
{
	if (!reader->payload_open)
		return;
	tar_reader_clear(&reader->files);
	inner_archive_close(&reader->inner);
	place_enter_inner(&reader->place, NULL);
	reader->payload_open = FALSE;
}

static gboolean check_file(ArtifactReader *reader, const TarEntry *entry, GError **error)
{
	Place *place = &reader->place;

	if (entry->type != '0')
		return place_refuse(place, 13, ARTIFACT_ERROR_PATH, error, "not a regular file");
	if (!name_is_payload_file(entry->name))
		return place_refuse(place, 12, ARTIFACT_ERROR_PATH, error,
			"a name with other characters than letters, digits and _ - . ,");
	if (reader->empty_payload[reader->file.payload])
		return place_refuse(
			place, 18, ARTIFACT_ERROR_STRUCTURE, error, "a file in an empty payload");
	if (reader->n_files >= ARTIFACT_FILES_MAX)
		return place_refuse(place, 16, ARTIFACT_ERROR_LIMIT, error,
			"more than %d payload files", ARTIFACT_FILES_MAX);
	if (reader->listed_files &&
		!g_strv_contains((const char *const *)reader->listed_files, entry->name))
		return place_refuse(place, 7, ARTIFACT_ERROR_MANIFEST, error,
			"%s is not in headers/0000/files", entry->name);
	return TRUE;
}

static gboolean open_file(ArtifactReader *reader, const TarEntry *entry, GError **error)
{
	if (!check_file(reader, entry, error))
		return FALSE;
	g_autofree char *name = g_strdup_printf("data/%04u/%s", reader->file.payload, entry->name);
	reader->file_line = manifest_use(&reader->manifest, name, &reader->place, error);
	if (!reader->file_line)
		return FALSE;
	g_free(reader->file.name);
	g_free(reader->file.sha256);
	reader->file.name = g_strdup(entry->name);
	reader->file.sha256 = g_strdup(reader->file_line->sum);
	reader->file.size = entry->size;
	reader->file.modified_s = entry->modified_s;
	reader->file.augmented = reader->file_line->augmented;
	if (!reader->file_sum)
		reader->file_sum = sha256_new();
	sha256_reset(reader->file_sum);
	if (reader->inner.compressed && entry->size >= PARALLEL_SIZE_MIN && !reader->parallel)
		reader->parallel = parallel_sum_new(reader->file_sum);
	reader->n_files++;
	reader->file_open = TRUE;
	return TRUE;
}

gboolean reader_lend_file(ArtifactReader *reader, const guint8 **ret_data, gsize size_max,
	gsize *ret_size, GError **error)
{
	if (!stream_peek(&reader->files.body, ret_data, ret_size, error))
		return FALSE;
	if (*ret_size == 0) {
		reader->file_open = FALSE;
		if (reader->parallel)
			parallel_sum_wait(reader->parallel);
		return manifest_compare(reader->file_line, reader->file_sum, &reader->place, error);
	}
	*ret_size = MIN(*ret_size, size_max);
	/* Bytes that come uncompressed lie in a buffer that is filled again at once. */
	if (reader->parallel && reader->inner.compressed)
		parallel_sum_update(reader->parallel, *ret_data, *ret_size);
	else
		sha256_update(reader->file_sum, *ret_data, *ret_size);
	stream_advance(&reader->files.body, *ret_size);
	return TRUE;
}

static gboolean skip_file(ArtifactReader *reader, GError **error)
{
	while (reader->file_open) {
		const guint8 *data;
		gsize size;

		if (!reader_lend_file(reader, &data, G_MAXSIZE, &size, error))
			return FALSE;
	}
	return TRUE;
}

/* The next file of the open payload; at its end the payload is closed and *ret_found FALSE. */
static gboolean next_in_payload(ArtifactReader *reader, gboolean *ret_found, GError **error)
{
	const TarEntry *entry;

	*ret_found = FALSE;
	if (!tar_reader_next(&reader->files, &entry, error))
		return FALSE;
	if (entry) {
		*ret_found = TRUE;
		return open_file(reader, entry, error);
	}
	place_enter_inner(&reader->place, NULL);
	if (!tar_reader_finish(&reader->files, error))
		return FALSE;
	reader_close_payload(reader);
	return reader_next_entry(reader, error);
}

gboolean reader_find_next_file(ArtifactReader *reader, gboolean *ret_found, GError **error)
{
	*ret_found = FALSE;
	if (!skip_file(reader, error))
		return FALSE;
	while (!*ret_found && (reader->payload_open || reader->entry)) {
		if (!reader->payload_open && !open_payload(reader, error))
			return FALSE;
		if (!next_in_payload(reader, ret_found, error))
			return FALSE;
	}
	return TRUE;
}
