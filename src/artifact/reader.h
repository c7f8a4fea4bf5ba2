/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gio/gio.h>
#include "artifact/error.h"
#include "artifact/header.h"
#include "crypto/key.h"

/* Reading an artifact: one pass, front to back, never seeking, in bounded memory.
 *
 * Hands out nothing it has not verified, with one exception that streaming forces: the bytes of a
 * payload file are handed out as they come, and artifact_reader_read() returns 0 for its end only
 * when its sum was right. Whoever receives them must be able to undo until then. All rules R1 to
 * R19 of artifact-format.md are enforced. */
typedef struct ArtifactReader ArtifactReader;

typedef struct {
	GPtrArray *
		keys; /* of Key *: any one must verify; NULL or empty: signatures are not checked */
	gboolean
		show_bad_signature; /* `read`: go on with ARTIFACT_SIGNED_BAD instead of refusing */
	gboolean refuse_augmented;  /* installers: an augmented part is outside the signature */
	gboolean look_ahead;        /* unpacks on several cores, for 23 MiB more of memory */
} ArtifactPolicy;

/**
 * artifact_reader_open:
 * @in: (transfer none): stream at the first byte; must outlive the reader
 * @policy: (nullable): copied
 * @ret_refusal: (nullable): filled when an artifact is refused, here or by a later call; must
 * outlive the reader
 *
 * Reads and verifies everything up to the payloads: version, manifest, signature, header.
 * Returns: (transfer full): a reader, or NULL with ARTIFACT_ERROR set.
 */
ArtifactReader *artifact_reader_open(GInputStream *in, const ArtifactPolicy *policy,
	ArtifactRefusal *ret_refusal, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Borrowed; lives as long as the reader. */
const ArtifactHeader *artifact_reader_header(const ArtifactReader *reader);
/* (transfer full): the header outlives the reader. */
ArtifactHeader *artifact_reader_steal_header(ArtifactReader *reader);

/**
 * artifact_reader_next_file:
 * @ret_file: (out)(transfer none): the next payload file, or NULL when there is none left; valid
 * until the next call Whatever was not read of the file before is read and verified first.
 */
gboolean artifact_reader_next_file(ArtifactReader *reader, const ArtifactFile **ret_file,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Bytes of the current file; 0 = its end, and its sum was right; -1 with @error. */
gssize artifact_reader_read(ArtifactReader *reader, gpointer buffer, gsize size,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads what is left, and checks that every manifest line was used and that only zeros follow. Only
 * after it returned TRUE is the artifact good. */
gboolean artifact_reader_finish(ArtifactReader *reader, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Bytes of the file taken in so far. */
guint64 artifact_reader_offset(const ArtifactReader *reader);

void artifact_reader_free(ArtifactReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ArtifactReader, artifact_reader_free)
