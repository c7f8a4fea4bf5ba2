/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into the agent and all it starts: every sync is said to have worked and none is made.
 * The power-cut test must notice; a test that does not would prove nothing. */
#define _GNU_SOURCE
#include <unistd.h>

int fsync(int fd)
{
	(void)fd;
	return 0;
}

int fdatasync(int fd)
{
	(void)fd;
	return 0;
}

int syncfs(int fd)
{
	(void)fd;
	return 0;
}

void sync(void)
{
}
