/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind the sums (shared/parts.h): what is accepted hands out the files that went in,
 * and nothing else. */
#include <gio/gio.h>
#include "artifact/reader.h"
#include "shared/parts.h"
#include "shared/target.h"

enum { READ_SIZE = 700 };

static gboolean read_file(const Parts *parts, ArtifactReader *reader, const ArtifactFile *file)
{
	g_autofree char *key = g_strdup_printf("%u/%s", file->payload, file->name);
	GBytes *expected = g_hash_table_lookup(parts_files(parts), key);
	g_autoptr(GByteArray) got = g_byte_array_new();
	guint8 buffer[READ_SIZE];
	gssize size;

	g_assert_nonnull(expected);
	while ((size = artifact_reader_read(reader, buffer, sizeof buffer, NULL)) > 0)
		g_byte_array_append(got, buffer, (guint)size);
	if (size < 0)
		return FALSE;
	g_assert_cmpmem(
		got->data, got->len, g_bytes_get_data(expected, NULL), g_bytes_get_size(expected));
	return TRUE;
}

static gboolean read_files(const Parts *parts, ArtifactReader *reader)
{
	const ArtifactFile *file;
	guint n_files = 0;

	for (;;) {
		if (!artifact_reader_next_file(reader, &file, NULL))
			return FALSE;
		if (!file)
			break;
		if (!read_file(parts, reader, file))
			return FALSE;
		n_files++;
	}
	if (!artifact_reader_finish(reader, NULL))
		return FALSE;
	g_assert_cmpuint(n_files, ==, g_hash_table_size(parts_files(parts)));
	return TRUE;
}

static void read_artifact(const Parts *parts, GBytes *bytes, gboolean refuse_augmented)
{
	g_autoptr(GInputStream) in = g_memory_input_stream_new_from_bytes(bytes);
	ArtifactPolicy policy = { .refuse_augmented = refuse_augmented };
	ArtifactRefusal refusal;
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, &policy, &refusal, NULL);

	if (reader && read_files(parts, reader)) {
		g_assert_cmpuint(artifact_reader_offset(reader), ==, g_bytes_get_size(bytes));
		g_assert_true(!refuse_augmented || !artifact_reader_header(reader)->augmented);
		return;
	}
	g_assert_cmpint(refusal.rule, >=, 1);
	if (!parts_bring_sums(parts))
		g_assert_cmpint(refusal.rule, !=, 9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(Parts) parts = parts_new(data, size);
	g_autoptr(GBytes) bytes = parts_to_artifact(parts);

	read_artifact(parts, bytes, FALSE);
	read_artifact(parts, bytes, TRUE);
	return 0;
}
