/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header.h"
#include "artifact/place.h"
#include "crypto/digest.h"

/* The sums an artifact makes of itself: `manifest`, and `manifest-augment` beside it. Each line
 * must be used exactly once by the end, and everything that is found must have a line. */
enum { MANIFEST_LINES_MAX = ARTIFACT_FILES_MAX + 8 };

typedef struct {
	char *name;
	char sum[SHA256_HEX_SIZE + 1];
	guint64 offset;     /* of the line, in the file */
	gboolean augmented; /* from manifest-augment: outside the signature */
	gboolean used;
} ManifestLine;

typedef struct {
	GHashTable *lines; /* char * (in the line) to ManifestLine * */
	guint64 start[2],
		end[2]; /* where manifest and manifest-augment lie, for refusals at the end */
} Manifest;

void manifest_init(Manifest *manifest);
void manifest_clear(Manifest *manifest);

/**
 * manifest_parse:
 * @offset: of the first byte, in the file
 * The place must be in the member that @bytes came from. May be called twice, the second time with
 * @augmented: then a name of the first is refused by R11.
 */
gboolean manifest_parse(Manifest *manifest, GBytes *bytes, guint64 offset, gboolean augmented,
	Place *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The line of @name, marked as used; NULL with R7 where there is none, R6 where it was used before.
 */
const ManifestLine *manifest_use(Manifest *manifest, const char *name, Place *place,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* R9 unless @sum, which is finished by it, is that of @line. */
gboolean manifest_compare(const ManifestLine *line, Sha256 *sum, Place *place,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* R7 unless every line was used. */
gboolean manifest_finish(
	const Manifest *manifest, Place *place, GError **error) G_GNUC_WARN_UNUSED_RESULT;
