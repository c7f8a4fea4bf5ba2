/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Partition tables, MBR and GPT, read through libfdisk; they are never written. */

enum { PARTITIONS_MAX = 128 };

typedef struct {
	guint64 start, size; /* in bytes, inside the file, and apart from all others */
} Partition;

/**
 * partitions_read:
 * @ret_partitions: (out)(transfer full)(element-type Partition): those that hold something, an
 * extended partition not among them, in the order they lie in the file
 * ROTA_ERROR_UNSUPPORTED where @fd has no partition table.
 */
gboolean partitions_read(int fd, GArray **ret_partitions, GError **error) G_GNUC_WARN_UNUSED_RESULT;
