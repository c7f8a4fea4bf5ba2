/* SPDX-License-Identifier: Apache-2.0 */
/* libext2fs' own channel opens a path and has no end: an image whose superblock claims more than
 * its partition holds would be written into the next one. This one takes a descriptor and refuses
 * whatever lies outside. The kernel's page cache is cache enough. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "image/ext4-private.h"

#define NAME_FORMAT "%d %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT

char *ext4_channel_name(const ImageRange *range)
{
	return g_strdup_printf(NAME_FORMAT, range->fd, range->start, range->size);
}

static errcode_t channel_open(const char *name, int flags, io_channel *ret_channel)
{
	ImageRange range = { .writable = (flags & IO_FLAG_RW) != 0 };

	if (sscanf(name, NAME_FORMAT, &range.fd, &range.start, &range.size) != 3)
		return EXT2_ET_BAD_DEVICE_NAME;
	/* libext2fs copies the name and frees none of these: they live until channel_close(). */
	io_channel channel = g_new0(struct struct_io_channel, 1);
	channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	channel->manager = ext4_channel_manager();
	channel->name = g_strdup(name);
	channel->block_size = 1024;
	channel->refcount = 1;
	channel->private_data = g_memdup2(&range, sizeof range);
	*ret_channel = channel;
	return 0;
}

static errcode_t channel_close(io_channel channel)
{
	if (--channel->refcount > 0)
		return 0;
	g_free(channel->private_data);
	g_free(channel->name);
	g_free(channel);
	return 0;
}

static errcode_t channel_set_block_size(io_channel channel, int block_size)
{
	if (block_size <= 0)
		return EXT2_ET_INVALID_ARGUMENT;
	channel->block_size = block_size;
	return 0;
}

/* A negative count is bytes, a positive one blocks. */
static guint64 size_of(io_channel channel, int count)
{
	return count < 0 ? (guint64)(-(gint64)count)
			 : (guint64)count * (guint64)channel->block_size;
}

static gboolean is_inside(const ImageRange *range, guint64 offset, guint64 size)
{
	return size <= range->size && offset <= range->size - size;
}

static gboolean find_blocks(io_channel channel, unsigned long long block, int count,
	guint64 *ret_offset, guint64 *ret_size)
{
	const ImageRange *range = channel->private_data;

	*ret_size = size_of(channel, count);
	if (block > G_MAXUINT64 / (guint64)channel->block_size)
		return FALSE;
	*ret_offset = block * (guint64)channel->block_size;
	return is_inside(range, *ret_offset, *ret_size);
}

static errcode_t read_blocks(io_channel channel, unsigned long long block, int count, void *data)
{
	const ImageRange *range = channel->private_data;
	guint8 *to = data;
	guint64 offset, size;

	if (!find_blocks(channel, block, count, &offset, &size))
		return EXT2_ET_SHORT_READ;
	while (size > 0) {
		ssize_t got = TEMP_FAILURE_RETRY(
			pread(range->fd, to, size, (off_t)(range->start + offset)));

		if (got <= 0)
			return got < 0 ? errno : EXT2_ET_SHORT_READ;
		to += got;
		offset += (guint64)got;
		size -= (guint64)got;
	}
	return 0;
}

static errcode_t write_bytes(
	const ImageRange *range, guint64 offset, guint64 size, const guint8 *from)
{
	if (!range->writable || !is_inside(range, offset, size))
		return EXT2_ET_SHORT_WRITE;
	while (size > 0) {
		ssize_t got = TEMP_FAILURE_RETRY(
			pwrite(range->fd, from, size, (off_t)(range->start + offset)));

		if (got < 0)
			return errno;
		from += got;
		offset += (guint64)got;
		size -= (guint64)got;
	}
	return 0;
}

static errcode_t write_blocks(
	io_channel channel, unsigned long long block, int count, const void *data)
{
	guint64 offset, size;

	if (!find_blocks(channel, block, count, &offset, &size))
		return EXT2_ET_SHORT_WRITE;
	return write_bytes(channel->private_data, offset, size, data);
}

static errcode_t write_at(io_channel channel, unsigned long offset, int count, const void *data)
{
	if (count < 0)
		return EXT2_ET_INVALID_ARGUMENT;
	return write_bytes(channel->private_data, offset, (guint64)count, data);
}

static errcode_t read_low_blocks(io_channel channel, unsigned long block, int count, void *data)
{
	return read_blocks(channel, block, count, data);
}

static errcode_t write_low_blocks(
	io_channel channel, unsigned long block, int count, const void *data)
{
	return write_blocks(channel, block, count, data);
}

static errcode_t channel_flush(io_channel channel)
{
	return 0; /* whoever gives the file its name syncs it */
}

io_manager ext4_channel_manager(void)
{
	static struct struct_io_manager manager = {
		.magic = EXT2_ET_MAGIC_IO_MANAGER,
		.name = "range of a file",
		.open = channel_open,
		.close = channel_close,
		.set_blksize = channel_set_block_size,
		.read_blk = read_low_blocks,
		.write_blk = write_low_blocks,
		.flush = channel_flush,
		.write_byte = write_at,
		.read_blk64 = read_blocks,
		.write_blk64 = write_blocks,
	};

	return &manager;
}
