/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into the unmodified agent by the tests beside it: counts the writes and syncs of its
 * store, as the kernel is asked for them, and ends the process before or after the Nth, or in the
 * middle of it.
 *
 *   ROTA_KILL_AT    "before:N", "after:N", or "torn:N" (write() only), N from 1; absent = only
 * count ROTA_KILL_FILES what the path of a counted file must hold; absent = it ends with
 * /mender-store ROTA_KILL_COUNT file that gets one line for each call: what it was
 *
 * The processes the agent starts do not inherit the count: only a process of that name looks at
 * all. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static const char store_name[] = "/mender-store";

static int ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* Leaves "" where there is no such link. */
static void read_link(const char *link, char target[PATH_MAX])
{
	ssize_t length = readlink(link, target, PATH_MAX - 1);

	target[length < 0 ? 0 : length] = '\0';
}

static int is_counted(int fd)
{
	const char *wanted = getenv("ROTA_KILL_FILES");
	const char *program = getenv("ROTA_KILL_PROGRAM");
	char link[64], target[PATH_MAX];

	read_link("/proc/self/exe", target);
	if (!ends_with(target, program != NULL ? program : "/rota-agent"))
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	read_link(link, target);
	return wanted != NULL ? strstr(target, wanted) != NULL : ends_with(target, store_name);
}

static void note(const char *what, long number)
{
	const char *path = getenv("ROTA_KILL_COUNT");
	char line[64];
	int fd, length;

	if (path == NULL)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	length = snprintf(line, sizeof(line), "%ld %s\n", number, what);
	if (fd >= 0 && length > 0 && write(fd, line, (size_t)length) < 0)
		_exit(98);
	if (fd >= 0)
		close(fd);
}

/* TRUE where this is the call to die at, on this side of it. */
static int is_time(const char *side, long number)
{
	const char *wish = getenv("ROTA_KILL_AT");
	size_t length = strlen(side);

	return wish != NULL && strncmp(wish, side, length) == 0 && atol(wish + length) == number;
}

static void die_if(const char *side, long number)
{
	if (is_time(side, number))
		raise(SIGKILL);
}

static long calls;

#define COUNTED(type, name, parameters, arguments)                                                 \
	type name parameters;                                                                      \
	type name parameters                                                                       \
	{                                                                                          \
		type(*real) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name);              \
		int counted = is_counted(fd);                                                      \
		type result;                                                                       \
                                                                                                   \
		if (counted) {                                                                     \
			note(#name, ++calls);                                                      \
			die_if("before:", calls);                                                  \
		}                                                                                  \
		result = real arguments;                                                           \
		if (counted) {                                                                     \
			die_if("after:", calls);                                                   \
			die_if("torn:", calls);                                                    \
		}                                                                                  \
		return result;                                                                     \
	}

COUNTED(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
COUNTED(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at),
	(fd, data, size, at))
COUNTED(ssize_t, pwritev, (int fd, const struct iovec *parts, int count, off_t at),
	(fd, parts, count, at))
COUNTED(ssize_t, pwritev64, (int fd, const struct iovec *parts, int count, off64_t at),
	(fd, parts, count, at))
COUNTED(ssize_t, write, (int fd, const void *data, size_t size),
	(fd, data, is_time("torn:", calls) ? size / 2 : size))
COUNTED(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
COUNTED(int, fdatasync, (int fd), (fd))
COUNTED(int, fsync, (int fd), (fd))
COUNTED(int, ftruncate, (int fd, off_t size), (fd, size))
COUNTED(int, ftruncate64, (int fd, off64_t size), (fd, size))
