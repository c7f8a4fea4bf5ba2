/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/place.h"
#include "artifact/stream.h"

/* Reading the frame of a tar file, strictly: ustar with its prefix field, the PAX record of one
 * entry
 * ('x') and GNU's long name ('L'). Everything else that tar has grown over the years is refused:
 * artifacts do not need it, and each dialect is one more way to say two things at once.
 *
 * The body of the entry is a stream; what was not read of it is skipped by tar_reader_next(). */
enum {
	TAR_BLOCK_SIZE = 512,
	TAR_RECORD_SIZE_MAX = 16 * 1024,       /* a PAX or long-name record */
	TAR_INNER_TAIL_SIZE_MAX = 1024 * 1024, /* zeros after the end of an inner archive */
};

typedef enum {
	TAR_OUTER, /* the artifact itself: its entries become places of their own */
	TAR_INNER, /* an archive inside: its entries are inner members */
} TarLevel;

typedef struct {
	char *name; /* the effective one, after prefix, PAX and long name */
	guint64 size;
	gint64 modified_s;
	char type;     /* '0' regular, '5' folder, or what was refused by the caller */
	guint64 start; /* of its first block, counted in this archive */
} TarEntry;

typedef struct {
	Stream body; /* of the present entry */
	Stream *in;
	Place *place;
	TarLevel level;
	TarEntry entry;
	guint64 position; /* in this archive */
	guint64 left;     /* of the body */
	guint padding;    /* after it */
	guint n_entries;
	gboolean ended;
} TarReader;

void tar_reader_init(TarReader *tar, Stream *in, Place *place, TarLevel level);
void tar_reader_clear(TarReader *tar);

/**
 * tar_reader_next:
 * @ret_entry: (out)(transfer none): the next entry, valid until the next call; NULL after the last
 * The reader's place is then in the entry. Types are the caller's to judge, but for sparse files.
 */
gboolean tar_reader_next(
	TarReader *tar, const TarEntry **ret_entry, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* After the last entry: only zeros may follow, to the end of the stream. */
gboolean tar_reader_finish(TarReader *tar, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All of the present body, at most @size_max bytes (R16). Grows as the bytes come: a declared size
 * allocates nothing. (transfer full) */
GBytes *tar_reader_read_body(
	TarReader *tar, gsize size_max, GError **error) G_GNUC_WARN_UNUSED_RESULT;
