/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which an artifact is read, and what is known after each entry:
 *
 *     version           the format; its sum is kept until the manifest is there
 *     manifest          what everything else must add up to
 *     manifest.sig      from here on the manifest is the signer's word (where keys were given)
 *     manifest-augment  more sums, outside the signature
 *     header.tar*       gathered while it is hashed; parsed only when its sum was right
 *     header-augment*   the same
 *     data/NNNN.tar*    the sum of each file is looked up before its first byte is handed out
 *     the end           every line of the manifest used, nothing but zeros behind
 *
 * One entry is looked ahead of: the optional ones are known by their name only. */
#include "artifact/reader.h"
#include <string.h>
#include "artifact/header-private.h"
#include "artifact/reader-private.h"

static gboolean read_all_before_payloads(ArtifactReader *reader, GError **error)
{
	g_auto(EarlyMember) version = { 0 };
	g_auto(EarlyMember) manifest = { 0 };

	if (!reader_read_version(reader, &version, error) ||
		!reader_read_manifest(reader, &manifest, error) ||
		!reader_next_entry(reader, error) ||
		!reader_read_signature(reader, &version, &manifest, error) ||
		!reader_read_augmented_manifest(reader, error) ||
		!reader_read_header(reader, error) || !reader_read_augmented_header(reader, error))
		return FALSE;
	/* The header may be taken away while payloads are still read. */
	reader->n_payloads = reader->header->payloads->len;
	for (guint i = 0; i < reader->n_payloads; i++) {
		const ArtifactPayload *payload = reader->header->payloads->pdata[i];

		reader->empty_payload[i] = payload->type == NULL;
	}
	return TRUE;
}

ArtifactReader *artifact_reader_open(GInputStream *in, const ArtifactPolicy *policy,
	ArtifactRefusal *ret_refusal, GError **error)
{
	g_autoptr(ArtifactReader) reader = g_new0(ArtifactReader, 1);

	source_init(&reader->source, in);
	place_init(&reader->place, &reader->source.position, ret_refusal);
	tar_reader_init(&reader->outer, &reader->source.stream, &reader->place, TAR_OUTER);
	reader->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	reader->keys = g_ptr_array_new_with_free_func((GDestroyNotify)key_unref);
	if (policy)
		reader->policy = *policy;
	for (guint i = 0; policy && policy->keys && i < policy->keys->len; i++)
		g_ptr_array_add(reader->keys, key_ref(policy->keys->pdata[i]));
	reader->policy.keys = reader->keys;
	manifest_init(&reader->manifest);
	reader->header = artifact_header_new();
	if (!read_all_before_payloads(reader, error))
		return NULL;
	return g_steal_pointer(&reader);
}

const ArtifactHeader *artifact_reader_header(const ArtifactReader *reader)
{
	return reader->header;
}

ArtifactHeader *artifact_reader_steal_header(ArtifactReader *reader)
{
	return g_steal_pointer(&reader->header);
}

guint64 artifact_reader_offset(const ArtifactReader *reader)
{
	return reader->source.position;
}

/* Remembers why, so that no later call can go on behind a refusal. */
static gboolean keep_failure(ArtifactReader *reader, GError *failure, GError **error)
{
	if (!reader->failure)
		reader->failure = failure;
	g_propagate_error(error, g_error_copy(reader->failure));
	return FALSE;
}

gboolean artifact_reader_next_file(
	ArtifactReader *reader, const ArtifactFile **ret_file, GError **error)
{
	GError *failure = NULL;
	gboolean found;

	*ret_file = NULL;
	if (reader->failure || !reader_find_next_file(reader, &found, &failure))
		return keep_failure(reader, failure, error);
	if (found)
		*ret_file = &reader->file;
	return TRUE;
}

gssize artifact_reader_read(ArtifactReader *reader, gpointer buffer, gsize size, GError **error)
{
	GError *failure = NULL;
	const guint8 *data;
	gsize lent = 0;

	if (reader->failure ||
		(reader->file_open && !reader_lend_file(reader, &data, size, &lent, &failure))) {
		keep_failure(reader, failure, error);
		return -1;
	}
	if (lent > 0)
		memcpy(buffer, data, lent);
	return (gssize)lent;
}

static gboolean finish(ArtifactReader *reader, GError **error)
{
	gboolean found = TRUE;

	while (found)
		if (!reader_find_next_file(reader, &found, error))
			return FALSE;
	return tar_reader_finish(&reader->outer, error) &&
	       manifest_finish(&reader->manifest, &reader->place, error);
}

gboolean artifact_reader_finish(ArtifactReader *reader, GError **error)
{
	GError *failure = NULL;

	if (reader->failure || !finish(reader, &failure))
		return keep_failure(reader, failure, error);
	return TRUE;
}

void artifact_reader_free(ArtifactReader *reader)
{
	if (!reader)
		return;
	parallel_sum_free(reader->parallel); /* before what was lent to it */
	reader_close_payload(reader);
	tar_reader_clear(&reader->outer);
	g_clear_pointer(&reader->header, artifact_header_free);
	manifest_clear(&reader->manifest);
	g_hash_table_unref(reader->seen);
	g_ptr_array_unref(reader->keys);
	g_strfreev(reader->listed_files);
	g_free(reader->file.name);
	g_free(reader->file.sha256);
	g_clear_pointer(&reader->file_sum, sha256_free);
	place_clear(&reader->place);
	source_clear(&reader->source);
	g_clear_error(&reader->failure);
	g_free(reader);
}
