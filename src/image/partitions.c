/* SPDX-License-Identifier: Apache-2.0 */
#include "image/partitions.h"
#include <errno.h>
#include <libfdisk/libfdisk.h>
#include <sys/stat.h>
#include "base/error.h"

typedef struct fdisk_context FdiskContext;
typedef struct fdisk_table FdiskTable;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FdiskContext, fdisk_unref_context)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FdiskTable, fdisk_unref_table)

static gboolean fail(GError **error, RotaError code, const char *why)
{
	g_set_error(error, ROTA_ERROR, code, "partition table: %s", why);
	return FALSE;
}

static gint compare_starts(gconstpointer a, gconstpointer b)
{
	const Partition *first = a, *second = b;

	return (first->start > second->start) - (first->start < second->start);
}

static gboolean add_partition(GArray *partitions, struct fdisk_partition *row, guint64 sector_size,
	guint64 file_size, GError **error)
{
	if (!fdisk_partition_has_start(row) || !fdisk_partition_has_size(row) ||
		fdisk_partition_is_container(row) || fdisk_partition_is_freespace(row))
		return TRUE;
	guint64 n_sectors = file_size / sector_size;
	guint64 start = fdisk_partition_get_start(row), size = fdisk_partition_get_size(row);
	if (start > n_sectors || size > n_sectors - start)
		return fail(error, ROTA_ERROR_CORRUPT, "a partition reaches beyond the image");
	Partition partition = { start * sector_size, size * sector_size };
	if (size > 0)
		g_array_append_val(partitions, partition);
	return TRUE;
}

static gboolean check_apart(const GArray *partitions, GError **error)
{
	for (guint i = 1; i < partitions->len; i++) {
		const Partition *before = &g_array_index(partitions, Partition, i - 1);
		const Partition *next = &g_array_index(partitions, Partition, i);

		if (before->start + before->size > next->start)
			return fail(error, ROTA_ERROR_CORRUPT, "partitions overlap");
	}
	return TRUE;
}

static gboolean read_rows(
	FdiskContext *context, guint64 file_size, GArray *partitions, GError **error)
{
	g_autoptr(FdiskTable) table = NULL;

	if (fdisk_get_partitions(context, &table) != 0 || !table)
		return fail(error, ROTA_ERROR_CORRUPT, "cannot be read");
	gsize n_rows = fdisk_table_get_nents(table);
	if (n_rows > PARTITIONS_MAX)
		return fail(error, ROTA_ERROR_TOO_LARGE, "too many partitions");
	for (gsize i = 0; i < n_rows; i++)
		if (!add_partition(partitions, fdisk_table_get_partition(table, i),
			    fdisk_get_sector_size(context), file_size, error))
			return FALSE;
	g_array_sort(partitions, compare_starts);
	return check_apart(partitions, error);
}

gboolean partitions_read(int fd, GArray **ret_partitions, GError **error)
{
	g_autoptr(GArray) partitions = g_array_new(FALSE, FALSE, sizeof(Partition));
	g_autoptr(FdiskContext) context = fdisk_new_context();
	struct stat status;

	if (fstat(fd, &status) < 0) {
		rota_set_errno_error(error, errno, "partition table");
		return FALSE;
	}
	if (!context)
		return fail(error, ROTA_ERROR_INTERNAL, "no memory");
	fdisk_disable_dialogs(context, 1);
	fdisk_enable_listonly(context, 1);
	if (fdisk_assign_device_by_fd(context, fd, "image", 1) != 0 || !fdisk_has_label(context))
		return fail(error, ROTA_ERROR_UNSUPPORTED,
			"there is none, and no file system that is known here");
	/* Never fdisk_deassign_device(), which would first have the kernel sync the whole image. */
	if (!read_rows(context, (guint64)status.st_size, partitions, error))
		return FALSE;
	*ret_partitions = g_steal_pointer(&partitions);
	return TRUE;
}
