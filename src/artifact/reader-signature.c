/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/reader-private.h"
#include "artifact/signature.h"

/* With a key there must be a signature here. One that comes later is named as what it is, a wrong
 * order; nothing of what lies between is looked at. */
static gboolean refuse_unsigned(ArtifactReader *reader, GError **error)
{
	g_autofree char *shown = place_printable(reader->entry ? reader->entry->name : "the end");
	Place *place = &reader->place;
	guint64 start = place->start, end = place->end;

	if (reader->entry && reader->entry->size <= ARTIFACT_HEADER_SIZE_MAX) {
		g_autoptr(GError) ignored = NULL;

		if (reader_next_entry(reader, &ignored) && reader_at(reader, "manifest.sig"))
			return reader_refuse_entry(reader, "something that is signed", error);
	}
	place_enter(place, shown, start, end);
	return place_refuse_at(place, start, 10, ARTIFACT_ERROR_SIGNATURE, error,
		"there is no signature, and a key is given");
}

static gboolean check_signature(
	ArtifactReader *reader, GBytes *manifest, GBytes *signature, GError **error)
{
	g_autoptr(GError) reason = NULL;
	const Key *key =
		signature_verify(signature, manifest, reader->keys, &reader->place, &reason);

	if (key) {
		reader->header->signature = ARTIFACT_SIGNED_GOOD;
		reader->header->signer_key_id = key_id(key);
		return TRUE;
	}
	if (!reader->policy.show_bad_signature) {
		g_propagate_error(error, g_steal_pointer(&reason));
		return FALSE;
	}
	reader->header->signature = ARTIFACT_SIGNED_BAD;
	return TRUE;
}

gboolean reader_read_signature(ArtifactReader *reader, const EarlyMember *version,
	const EarlyMember *manifest, GError **error)
{
	gboolean has_keys = reader->keys->len > 0;
	gboolean has_signature = reader_at(reader, "manifest.sig");
	g_autoptr(GBytes) signature = NULL;
	guint64 start = reader->place.start, end = reader->place.end;

	if (!has_signature && has_keys && !reader->policy.show_bad_signature)
		return refuse_unsigned(reader, error);
	if (has_signature) {
		signature =
			tar_reader_read_body(&reader->outer, ARTIFACT_SIGNATURE_SIZE_MAX, error);
		if (!signature)
			return FALSE;
		reader->header->signature = ARTIFACT_SIGNED_UNCHECKED;
	}
	if (has_signature && has_keys &&
		!check_signature(reader, manifest->bytes, signature, error))
		return FALSE;
	if (!reader_judge_manifest(reader, version, manifest, error))
		return FALSE;
	if (has_signature)
		return reader_next_entry(reader, error);
	if (reader->entry)
		place_enter(&reader->place, reader->entry->name, start, end);
	return TRUE;
}
