/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <sys/types.h>
#include "artifact/compress.h"

/* A folder as a tar file, as GNU tar packs it and every tar unpacks it: modes, owners (by number)
 * and times, folders also where they are empty, links soft and hard, FIFOs and devices, names of
 * any length. Sorted, so that the same folder gives the same bytes.
 *
 * Not kept, as tar does not without being asked: extended attributes, ACLs, fractions of a second,
 * the names of owners. Sockets are passed over. */
typedef struct {
	const char *name;   /* what the folder is called in the archive: "." */
	gboolean has_owner; /* all belongs to .uid and .gid */
	gboolean has_time;  /* all is of .time_s */
	uid_t uid;
	gid_t gid;
	gint64 time_s;
	CompressChoice compression;
} TreeTarChoice;

typedef struct {
	guint n_entries;
	guint n_sockets;    /* passed over */
	guint n_attributes; /* entries whose extended attributes were left out */
} TreeTarCounts;

/* Writes to @fd, from where it stands. */
gboolean tree_tar_write(const char *folder, const TreeTarChoice *choice, int fd,
	TreeTarCounts *ret_counts, GError **error) G_GNUC_WARN_UNUSED_RESULT;
