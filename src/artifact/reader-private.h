/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/inner-archive.h"
#include "artifact/manifest.h"
#include "artifact/parallel-sum.h"
#include "artifact/reader.h"
#include "artifact/tar.h"

/* What the parts of the reader share. Each reader-*.c takes in one kind of entry; reader.c calls
 * them in the order of the grammar. */
struct ArtifactReader {
	Source source;
	Place place;
	TarReader outer;
	const TarEntry *entry; /* the outer entry at hand, not yet used; NULL at the end */
	GHashTable *seen;      /* names of outer entries */
	GPtrArray *keys;
	ArtifactPolicy policy;
	Manifest manifest;
	ArtifactHeader *header;

	/* Of the header, which may be taken away while payloads are still read. */
	guint n_payloads;
	gboolean empty_payload[ARTIFACT_PAYLOADS_MAX];
	char **listed_files; /* version 2 */

	/* The payload archive at hand. */
	gboolean payload_open;
	guint next_payload;
	InnerArchive inner;
	TarReader files;
	guint n_files; /* of all payloads so far */

	/* The payload file at hand. */
	gboolean file_open;
	ArtifactFile file;
	const ManifestLine *file_line;
	Sha256 *file_sum;
	ParallelSum *parallel; /* takes it beside, where that pays */

	GError *failure; /* after a refusal every call repeats it */
};

/* --- outer entries: reader-entry.c --- */

/* Moves on to the next outer entry, and judges what holds for each. */
gboolean reader_next_entry(ArtifactReader *reader, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Is that entry at hand? */
gboolean reader_at(const ArtifactReader *reader, const char *name);
/* Is @name @stem and the suffix of a compression we know? */
gboolean reader_is_archive(
	const char *name, const char *stem, ArtifactCompression *ret_compression);
/* Whatever is at hand is not what must be here. Always FALSE. */
gboolean reader_refuse_entry(ArtifactReader *reader, const char *expected, GError **error);

/* --- version and manifests: reader-manifest.c --- */

/* A small member that is kept, because it can be judged only after later ones. */
typedef struct {
	GBytes *bytes;
	guint64 start, end, offset; /* of the member and of its first byte, in the file */
} EarlyMember;

void early_member_clear(EarlyMember *member);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(EarlyMember, early_member_clear)

/* These two move on to the entry they read. */
gboolean reader_read_version(
	ArtifactReader *reader, EarlyMember *version, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean reader_read_manifest(
	ArtifactReader *reader, EarlyMember *manifest, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What manifest says, and the sum of version in it: judged once the signature was. */
gboolean reader_judge_manifest(ArtifactReader *reader, const EarlyMember *version,
	const EarlyMember *manifest, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean reader_read_augmented_manifest(
	ArtifactReader *reader, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- manifest.sig: reader-signature.c --- */

/* Judges the signature, then the manifest; leaves the entry after the signature, if there is one,
 * at hand. */
gboolean reader_read_signature(ArtifactReader *reader, const EarlyMember *version,
	const EarlyMember *manifest, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- headers: reader-header.c --- */

gboolean reader_read_header(ArtifactReader *reader, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean reader_read_augmented_header(
	ArtifactReader *reader, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- payloads: reader-payload.c --- */

/* Skips what is left of the present file, verified, and goes on to the next one, through as many
 * payloads as it takes. */
gboolean reader_find_next_file(
	ArtifactReader *reader, gboolean *ret_found, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Lends bytes of the present file, already in its sum; *ret_size 0: the end, and the sum was right.
 */
gboolean reader_lend_file(ArtifactReader *reader, const guint8 **ret_data, gsize size_max,
	gsize *ret_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void reader_close_payload(ArtifactReader *reader);
