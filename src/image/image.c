/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image.h"
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "image/ext4.h"
#include "image/fat.h"

enum {
	EXT_MAGIC_OFFSET = 1024 + 56,
	FAT16_NAME_OFFSET = 54,
	FAT32_NAME_OFFSET = 82,
	SECTOR_END_OFFSET = 510,
	PROBE_SIZE = 2048,
};

static gboolean is_ext(const guint8 *start)
{
	return start[EXT_MAGIC_OFFSET] == 0x53 && start[EXT_MAGIC_OFFSET + 1] == 0xef;
}

static gboolean is_fat(const guint8 *start)
{
	return start[SECTOR_END_OFFSET] == 0x55 && start[SECTOR_END_OFFSET + 1] == 0xaa &&
	       (memcmp(start + FAT16_NAME_OFFSET, "FAT1", 4) == 0 ||
		       memcmp(start + FAT32_NAME_OFFSET, "FAT32", 5) == 0);
}

ImageFormat image_format(const ImageRange *range)
{
	guint8 start[PROBE_SIZE];

	if (range->size < PROBE_SIZE ||
		pread(range->fd, start, sizeof start, (off_t)range->start) != sizeof start)
		return IMAGE_UNKNOWN;
	if (is_ext(start))
		return IMAGE_EXT;
	return is_fat(start) ? IMAGE_FAT : IMAGE_UNKNOWN;
}

ImageFileSystem *image_open(const ImageRange *range, GError **error)
{
	switch (image_format(range)) {
	case IMAGE_EXT:
		return ext4_open(range, error);
	case IMAGE_FAT:
		return fat_open(range, error);
	case IMAGE_UNKNOWN:
		break;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
		"neither an ext2, ext3 or ext4 nor a FAT file system");
	return NULL;
}

void image_free(ImageFileSystem *image)
{
	if (image)
		image->operations->free(image);
}
