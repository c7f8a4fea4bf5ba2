/* SPDX-License-Identifier: Apache-2.0 */
#include "image/disk.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "image/partitions.h"

enum { PART_BOOT, PART_ROOTFS_A, PART_ROOTFS_B, PART_DATA, N_PARTS };

struct Disk {
	ImageRange ranges[N_PARTS];       /* or only the first, for one file system */
	ImageFileSystem *images[N_PARTS]; /* opened when first asked for */
	guint n_parts;
	gboolean rootfs_only;
};

/* Which partition a path names by how it begins. */
typedef struct {
	const char *prefix;
	guint part;
	const char *name;
} DiskRow;

static const DiskRow rows[] = {
	{ "/uboot", PART_BOOT, "boot" },
	{ "/boot/efi", PART_BOOT, "boot" },
	{ "/boot/grub", PART_BOOT, "boot" },
	{ "/data", PART_DATA, "data" },
};

/* Where a path goes: one or two file systems, and the path inside. */
typedef struct {
	guint parts[2];
	guint n_parts;
	const char *path;
} Target;

/* Whole names only: "/database" is not in /data. */
static const char *rest_after(const char *path, const char *prefix)
{
	gsize length = strlen(prefix);

	path += strspn(path, "/") > 0 ? strspn(path, "/") - 1 : 0;
	if (strncmp(path, prefix, length) != 0 || (path[length] && path[length] != '/'))
		return NULL;
	return path + length;
}

static gboolean is_empty(Disk *disk, guint part)
{
	return image_format(&disk->ranges[part]) == IMAGE_UNKNOWN;
}

static gboolean find_rootfs(Disk *disk, Target *target, GError **error)
{
	for (guint part = PART_ROOTFS_A; part <= PART_ROOTFS_B; part++)
		if (!is_empty(disk, part))
			target->parts[target->n_parts++] = part;
	if (target->n_parts > 0)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
		"neither of the root partitions has a file system that is known here");
	return FALSE;
}

static gboolean find_target(Disk *disk, const char *path, Target *ret_target, GError **error)
{
	*ret_target = (Target){ .path = path };
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		const char *rest = rest_after(path, rows[i].prefix);

		if (!rest || (disk->n_parts == 1 && !disk->rootfs_only))
			continue;
		if (disk->n_parts == 1) {
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
				"%s: an artifact has no %s partition, only a root file system",
				path, rows[i].name);
			return FALSE;
		}
		*ret_target = (Target){ { rows[i].part }, 1, rest };
		return TRUE;
	}
	if (disk->n_parts == 1) {
		ret_target->n_parts = 1; /* of which the first is the only one */
		return TRUE;
	}
	return find_rootfs(disk, ret_target, error);
}

static ImageFileSystem *open_part(Disk *disk, guint part, GError **error)
{
	if (!disk->images[part])
		disk->images[part] = image_open(&disk->ranges[part], error);
	return disk->images[part];
}

/* The one to read from. */
static ImageFileSystem *open_first(
	Disk *disk, const char *path, const char **ret_path, GError **error)
{
	Target target;

	if (!find_target(disk, path, &target, error))
		return NULL;
	*ret_path = target.path;
	return open_part(disk, target.parts[0], error);
}

gboolean disk_stat(Disk *disk, const char *path, ImageStat *ret_stat, GError **error)
{
	const char *inner;
	ImageFileSystem *image = open_first(disk, path, &inner, error);

	return image && image->operations->stat(image, inner, ret_stat, error);
}

gboolean disk_read(Disk *disk, const char *path, ImageSink sink, gpointer user_data, GError **error)
{
	const char *inner;
	ImageFileSystem *image = open_first(disk, path, &inner, error);

	return image && image->operations->read(image, inner, sink, user_data, error);
}

/* What is done to each of the file systems a path means. */
typedef struct {
	gboolean (*act)(
		ImageFileSystem *image, const char *path, gconstpointer how, GError **error);
	gconstpointer how;
} Act;

static gboolean act_on_each(Disk *disk, const char *path, const Act *act, GError **error)
{
	Target target;

	if (!find_target(disk, path, &target, error))
		return FALSE;
	for (guint i = 0; i < target.n_parts; i++) {
		ImageFileSystem *image = open_part(disk, target.parts[i], error);

		if (!image || !act->act(image, target.path, act->how, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean write_one(
	ImageFileSystem *image, const char *path, gconstpointer how, GError **error)
{
	const ImageNewFile *file = how;

	if (lseek(file->source_fd, 0, SEEK_SET) < 0) {
		rota_set_errno_error(error, errno, "read what %s is to hold", path);
		return FALSE;
	}
	return image->operations->write(image, path, file, error);
}

gboolean disk_write(Disk *disk, const char *path, const ImageNewFile *file, GError **error)
{
	const Act act = { write_one, file };

	return act_on_each(disk, path, &act, error);
}

static gboolean make_folders(
	ImageFileSystem *image, const char *path, gconstpointer how, GError **error)
{
	return image->operations->make_folders(image, path, error);
}

gboolean disk_make_folders(Disk *disk, const char *path, GError **error)
{
	const Act act = { make_folders, NULL };

	return act_on_each(disk, path, &act, error);
}

static gboolean set_mode(
	ImageFileSystem *image, const char *path, gconstpointer how, GError **error)
{
	return image->operations->set_mode(image, path, *(const guint *)how, error);
}

gboolean disk_set_mode(Disk *disk, const char *path, guint mode, GError **error)
{
	const Act act = { set_mode, &mode };

	return act_on_each(disk, path, &act, error);
}

static gboolean remove_one(
	ImageFileSystem *image, const char *path, gconstpointer how, GError **error)
{
	return image->operations->remove(image, path, *(const gboolean *)how, error);
}

gboolean disk_remove(Disk *disk, const char *path, gboolean recursive, GError **error)
{
	const Act act = { remove_one, &recursive };

	return act_on_each(disk, path, &act, error);
}

gboolean disk_finish(Disk *disk, GError **error)
{
	for (guint i = 0; i < disk->n_parts; i++) {
		ImageFileSystem *image = disk->images[i];

		if (image && !image->operations->finish(image, error))
			return FALSE;
	}
	return TRUE;
}

void disk_free(Disk *disk)
{
	if (!disk)
		return;
	for (guint i = 0; i < N_PARTS; i++)
		image_free(disk->images[i]);
	g_free(disk);
}

/* --- opening --- */

static gboolean add_partitions(Disk *disk, GError **error)
{
	ImageRange whole = disk->ranges[0];
	g_autoptr(GArray) partitions = NULL;

	if (!partitions_read(whole.fd, &partitions, error))
		return FALSE;
	if (partitions->len != N_PARTS) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
			"the image has %u partitions; those that can be changed have %d: boot, "
			"root file system A and B, data",
			partitions->len, N_PARTS);
		return FALSE;
	}
	for (guint i = 0; i < N_PARTS; i++) {
		const Partition *partition = &g_array_index(partitions, Partition, i);

		disk->ranges[i] = whole;
		disk->ranges[i].start = partition->start;
		disk->ranges[i].size = partition->size;
	}
	disk->n_parts = N_PARTS;
	return TRUE;
}

Disk *disk_open(int fd, gboolean writable, gboolean rootfs_only, gint64 now_s, GError **error)
{
	g_autoptr(Disk) disk = g_new0(Disk, 1);
	struct stat status;

	if (fstat(fd, &status) < 0) {
		rota_set_errno_error(error, errno, "image");
		return NULL;
	}
	disk->ranges[0] = (ImageRange){
		.fd = fd, .size = (guint64)status.st_size, .writable = writable, .now_s = now_s
	};
	disk->n_parts = 1;
	disk->rootfs_only = rootfs_only;
	if (is_empty(disk, 0) && (rootfs_only || !add_partitions(disk, error))) {
		if (rootfs_only)
			g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
				"the payload is neither an ext2, ext3 or ext4 nor a FAT file "
				"system");
		return NULL;
	}
	return g_steal_pointer(&disk);
}
