/* SPDX-License-Identifier: Apache-2.0 */
/* Partition tables: what is found lies in the file, in order, and apart. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/file.h"
#include "image/disk.h"
#include "image/partitions.h"

enum { SIZE_OF_DISK = 8 * 1024 * 1024, SIZE_OF_END = 17 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfdisk 2.38 forgets the sector of an extended partition that it could not read when a second
 * one follows, whatever its caller gives back; util-linux commit c86a60b6a mends it. It is harmless
 * in a program that reads one table and ends. Leaks of ours are still found. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libfdisk.so\n";
}

/* The tables stand at the start, and GPT's second copy at the end: the input gives both. */
static int make_disk(const uint8_t *data, size_t size)
{
	size_t end = size > SIZE_OF_END ? SIZE_OF_END : 0;
	int fd = memfd_create("disk", MFD_CLOEXEC);

	g_assert_cmpint(ftruncate(fd, SIZE_OF_DISK), ==, 0);
	g_assert_true(file_write_all(fd, data, size - end, NULL));
	if (end > 0) {
		g_assert_cmpint(lseek(fd, SIZE_OF_DISK - (off_t)end, SEEK_SET), >, 0);
		g_assert_true(file_write_all(fd, data + size - end, end, NULL));
	}
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GArray) partitions = NULL;
	guint64 after = 0;

	if (size > SIZE_OF_DISK / 2)
		return 0;
	autofd int fd = make_disk(data, size);
	if (!partitions_read(fd, &partitions, NULL))
		return 0;
	for (guint i = 0; i < partitions->len; i++) {
		const Partition *partition = &g_array_index(partitions, Partition, i);

		g_assert_cmpuint(partition->start, >=, after);
		after = partition->start + partition->size;
		g_assert_cmpuint(after, <=, SIZE_OF_DISK);
	}
	g_autoptr(Disk) disk = disk_open(fd, FALSE, FALSE, 0, NULL);
	return 0;
}
