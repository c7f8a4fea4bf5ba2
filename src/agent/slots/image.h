/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

typedef struct {
	guint64 size;
	guint64 written; /* bytes that were not right already */
} ImageResult;

/**
 * image_write:
 * @in: a descriptor with the image, read to its end
 * @device: a block device, or a file that stands for one
 * @size: what the image must have; 0 = not known
 *
 * Writes what differs, syncs, and reads all of it back from the device itself. An image that is
 * empty, larger than @device or of another size is refused.
 */
gboolean image_write(int in, const char *device, guint64 size, ImageResult *ret_result,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
