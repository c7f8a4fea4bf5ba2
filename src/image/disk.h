/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "image/image.h"

/* An image as it is flashed: one file system, or a partition table with four of them, as
 * Mender's images have: boot, root file system A, root file system B, data.
 *
 * A path says by itself where it is meant to go: /uboot, /boot/efi and /boot/grub are the boot
 * partition's root, /data is the data partition's; all else is read from the first root file
 * system and written to both, or to the one that has a file system in it. */
typedef struct Disk Disk;

/**
 * disk_open:
 * @fd: borrowed; must stay open
 * @rootfs_only: it is the payload of an artifact, whose boot and data lie elsewhere
 * Errors as image_open()'s; ROTA_ERROR_UNSUPPORTED also for other numbers of partitions.
 */
Disk *disk_open(int fd, gboolean writable, gboolean rootfs_only, gint64 now_s,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* As those of ImageOperations. */
gboolean disk_stat(Disk *disk, const char *path, ImageStat *ret_stat,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean disk_read(Disk *disk, const char *path, ImageSink sink, gpointer user_data,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* @file: what it is made of can be gone back in, for it may be written twice; all of it is taken */
gboolean disk_write(Disk *disk, const char *path, const ImageNewFile *file,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean disk_make_folders(Disk *disk, const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean disk_set_mode(
	Disk *disk, const char *path, guint mode, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean disk_remove(
	Disk *disk, const char *path, gboolean recursive, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean disk_finish(Disk *disk, GError **error) G_GNUC_WARN_UNUSED_RESULT;

void disk_free(Disk *disk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Disk, disk_free)
