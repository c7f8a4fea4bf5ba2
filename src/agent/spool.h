/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Bytes of one download, kept below DATA/spool until the deployment is over.
 *
 * Beside the bytes stands a record: how much of them is certainly on the disk, which thing they are
 * of (size, ETag), and in which boot they were written. After a power cut what was not synced is
 * cut off; after a mere restart everything is still good. */
enum {
	SPOOL_NAME_MAX = 128,
	SPOOL_ROOM_KEPT = 16 * 1024 * 1024,  /* bytes left free for everything else */
	SPOOL_SYNC_BYTES = 64 * 1024 * 1024, /* a sync after this much, or after ... */
	SPOOL_SYNC_US = 10 * G_USEC_PER_SEC, /* ... this long, whichever is first */
};

typedef struct Spool Spool;

/**
 * spool_open:
 * Makes the folder where it is missing, removes what other downloads left, and cuts off what cannot
 * be trusted.
 */
Spool *spool_open(const char *data, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void spool_free(Spool *spool); /* keeps the bytes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Spool, spool_free)

int spool_fd(const Spool *spool);           /* open for reading and writing */
gint64 spool_size(const Spool *spool);      /* of the whole, 0 = not known */
const char *spool_etag(const Spool *spool); /* (nullable) */

/* Bytes in the file now. */
gboolean spool_have(const Spool *spool, gint64 *ret_have, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The most the file may grow to: @size_max and the room of the file system, less what is kept free.
 */
gint64 spool_limit(const Spool *spool, gint64 size_max);

/* Records what the bytes are of, and syncs them when it is time to. */
gboolean spool_note(Spool *spool, gint64 written, gint64 size, const char *etag,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What is here is of another thing: begins anew. */
gboolean spool_empty(Spool *spool, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What is here will not be completed, so after a restart it is worth nothing. */
void spool_discard_record(Spool *spool);

/* Gives the room back: the bytes and their record go. */
void spool_discard(Spool *spool);

/* Removes @name, or with NULL everything, below @data. */
gboolean spool_drop(const char *data, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
