/* SPDX-License-Identifier: Apache-2.0 */
/* A superblock that anyone may have made is looked at before libext2fs allocates by it and reads
 * its bitmaps: that checks most of this, but not that the sizes fit each other. */
#include <unistd.h>
#include "base/error.h"
#include "image/ext4-private.h"

enum {
	BLOCK_SIZE_LOG_MAX = 6,    /* 64 KiB */
	CLUSTER_SIZE_LOG_MAX = 20, /* 1 GiB */
	INODE_SIZE_MIN = 128,
	DESCRIPTOR_SIZE_MIN = 32,
	DESCRIPTOR_SIZE_MAX = 1024,
	FIRST_INODE_MIN = 11,
};

/* What all else is counted in. */
typedef struct {
	guint32 block_size_log, cluster_size_log; /* over 1 KiB */
	guint64 block_size, n_blocks, first_block, blocks_per_group;
	guint64 n_inodes, inodes_per_group;
	guint64 inode_size, descriptor_size, first_inode, n_reserved;
} Geometry;

static Geometry read_geometry(const struct ext2_super_block *super)
{
	guint32 incompatible = GUINT32_FROM_LE(super->s_feature_incompat);
	guint32 read_only = GUINT32_FROM_LE(super->s_feature_ro_compat);
	gboolean is_64_bit = (incompatible & EXT4_FEATURE_INCOMPAT_64BIT) != 0;
	gboolean has_clusters = (read_only & EXT4_FEATURE_RO_COMPAT_BIGALLOC) != 0;
	gboolean is_old = GUINT32_FROM_LE(super->s_rev_level) == EXT2_GOOD_OLD_REV;
	Geometry geometry = {
		.block_size_log = GUINT32_FROM_LE(super->s_log_block_size),
		.cluster_size_log = GUINT32_FROM_LE(
			has_clusters ? super->s_log_cluster_size : super->s_log_block_size),
		.n_blocks = GUINT32_FROM_LE(super->s_blocks_count),
		.first_block = GUINT32_FROM_LE(super->s_first_data_block),
		.blocks_per_group = GUINT32_FROM_LE(super->s_blocks_per_group),
		.n_inodes = GUINT32_FROM_LE(super->s_inodes_count),
		.inodes_per_group = GUINT32_FROM_LE(super->s_inodes_per_group),
		.inode_size =
			is_old ? EXT2_GOOD_OLD_INODE_SIZE : GUINT16_FROM_LE(super->s_inode_size),
		.first_inode =
			is_old ? EXT2_GOOD_OLD_FIRST_INO : GUINT32_FROM_LE(super->s_first_ino),
		.descriptor_size =
			is_64_bit ? GUINT16_FROM_LE(super->s_desc_size) : DESCRIPTOR_SIZE_MIN,
		.n_reserved = GUINT16_FROM_LE(super->s_reserved_gdt_blocks),
	};

	if (is_64_bit)
		geometry.n_blocks |= (guint64)GUINT32_FROM_LE(super->s_blocks_count_hi) << 32;
	return geometry;
}

static gboolean is_power_of_two(guint64 number)
{
	return number > 0 && (number & (number - 1)) == 0;
}

static gboolean sizes_are_sound(const Geometry *it)
{
	return it->block_size_log <= BLOCK_SIZE_LOG_MAX &&
	       it->cluster_size_log >= it->block_size_log &&
	       it->cluster_size_log <= CLUSTER_SIZE_LOG_MAX && is_power_of_two(it->inode_size) &&
	       it->inode_size >= INODE_SIZE_MIN && it->inode_size <= it->block_size &&
	       is_power_of_two(it->descriptor_size) && it->descriptor_size >= DESCRIPTOR_SIZE_MIN &&
	       it->descriptor_size <= DESCRIPTOR_SIZE_MAX &&
	       it->n_reserved <= it->block_size / sizeof(guint32);
}

/* A group's bitmaps are one block each; all groups but the last are whole. */
static gboolean groups_are_sound(const Geometry *it)
{
	guint64 bits = 8 * it->block_size;
	guint32 ratio_log = it->cluster_size_log - it->block_size_log;

	if (it->first_block != (it->cluster_size_log == 0 ? 1 : 0) ||
		it->n_blocks <= it->first_block || it->blocks_per_group == 0 ||
		it->blocks_per_group % 8 != 0 || it->blocks_per_group > bits << ratio_log ||
		it->inodes_per_group == 0 || it->inodes_per_group % 8 != 0 ||
		it->inodes_per_group > bits)
		return FALSE;
	guint64 n_groups =
		(it->n_blocks - it->first_block + it->blocks_per_group - 1) / it->blocks_per_group;
	return n_groups * it->inodes_per_group == it->n_inodes &&
	       it->first_inode >= FIRST_INODE_MIN && it->first_inode <= it->n_inodes;
}

gboolean ext4_check_superblock(const ImageRange *range, GError **error)
{
	struct ext2_super_block super;

	if (range->size < SUPERBLOCK_OFFSET + sizeof super ||
		pread(range->fd, &super, sizeof super, (off_t)(range->start + SUPERBLOCK_OFFSET)) !=
			sizeof super)
		return ext4_fail(error, EXT2_ET_SHORT_READ, "superblock");
	Geometry geometry = read_geometry(&super);
	if (geometry.block_size_log <= BLOCK_SIZE_LOG_MAX)
		geometry.block_size = (guint64)1024 << geometry.block_size_log;
	if (!sizes_are_sound(&geometry) || !groups_are_sound(&geometry))
		return ext4_fail(error, EXT2_ET_CORRUPT_SUPERBLOCK, "superblock");
	if (geometry.n_blocks <= range->size / geometry.block_size)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
		"the file system is larger than the image or partition it lies in");
	return FALSE;
}
