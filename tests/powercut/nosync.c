/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program, it makes of it one that forgot its syncs: what a power-cut test must
 * notice. */
#include <fcntl.h>
#include <unistd.h>
#include <sys/mman.h>

int fsync(int file)
{
	return 0;
}

int fdatasync(int file)
{
	return 0;
}

int sync_file_range(int file, off_t offset, off_t size, unsigned flags)
{
	return 0;
}

int msync(void *data, size_t size, int flags)
{
	return 0;
}
