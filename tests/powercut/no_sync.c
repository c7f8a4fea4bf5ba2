/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program and all it starts: every sync is said to have worked and none is made.
 * The power-cut tests must notice; a test that does not would prove nothing. */
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

int syncfs(int file)
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

void sync(void)
{
}
