/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/error.h"

/* Where the reading stands, so that a refusal can name it. One for each reader; everything below
 * the reader borrows it.
 *
 * A member is known by the range it takes up in the file: from its first tar block, records that
 * rename it included, to the end of its padding. The offset of a refusal always lies in that range,
 * also where a decompressor has already taken in all of it. */
typedef struct {
	const guint64 *position;  /* bytes of the file taken in so far; borrowed from the source */
	char *outer;              /* "data/0000.tar.gz" */
	char *inner;              /* "app.bin", or NULL */
	guint64 start, end;       /* of the outer member */
	gint64 inner_offset;      /* where the inner member began, if it was read before; else -1 */
	ArtifactRefusal *refusal; /* (nullable) */
} Place;

void place_init(Place *place, const guint64 *position, ArtifactRefusal *refusal);
void place_clear(Place *place);

/* From now on the reading is in @name; @name may hold anything that a tar header can hold. */
void place_enter(Place *place, const char *name, guint64 start, guint64 end);
/* The member inside the outer member; NULL: in the outer one itself. */
void place_enter_inner(Place *place, const char *name);
/* The same for one that was read before, at @offset of the file, and is judged only now. */
void place_return_to_inner(Place *place, const char *name, guint64 offset);

/* Sets @error, and the refusal, at the present position or at @offset. Always FALSE. */
gboolean place_refuse(Place *place, int rule, ArtifactError code, GError **error,
	const char *format, ...) G_GNUC_PRINTF(5, 6);
gboolean place_refuse_at(Place *place, guint64 offset, int rule, ArtifactError code, GError **error,
	const char *format, ...) G_GNUC_PRINTF(6, 7);

/* (transfer full): @text made fit for a message: valid UTF-8, no control characters, not too long.
 */
char *place_printable(const char *text);
