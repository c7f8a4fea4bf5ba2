/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program and all it starts: counts the calls that change a file system, over all
 * those processes, and strikes at one of them.
 *
 *   STRIKE_COUNTER file of eight bytes, shared by all processes: the number of calls so far
 *   STRIKE_KILL    N: before the Nth call the whole process group is killed
 *   STRIKE_FULL    N: from the Nth call on there is no room: what needs some fails with ENOSPC
 *   STRIKE_LOG     file that gets a line for each call */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

static long *counter;
static long kill_at, full_from;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("STRIKE_COUNTER");
	int (*real_open)(const char *, int, ...) =
		(int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	int fd = path != NULL ? real_open(path, O_RDWR | O_CLOEXEC) : -1;
	void *shared = MAP_FAILED;

	if (fd >= 0) {
		shared = mmap(NULL, sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (shared == MAP_FAILED)
		return;
	counter = shared;
	kill_at = getenv("STRIKE_KILL") != NULL ? atol(getenv("STRIKE_KILL")) : 0;
	full_from = getenv("STRIKE_FULL") != NULL ? atol(getenv("STRIKE_FULL")) : 0;
}

static void note(const char *name, const char *path, long number)
{
	const char *log = getenv("STRIKE_LOG");
	int (*real_open)(const char *, int, ...);
	int fd;

	if (log == NULL)
		return;
	real_open = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	fd = real_open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0)
		_exit(98);
	dprintf(fd, "%ld %d %s %s\n", number, (int)getpid(), name, path);
	close(fd);
}

/* TRUE where the call shall fail for want of room. */
static int strike(const char *name, const char *path, int needs_room)
{
	long number;

	/* What is in /dev is no file. */
	if (counter == NULL || strncmp(path, "/dev/", 5) == 0)
		return 0;
	number = __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
	note(name, path, number);
	if (number == kill_at) {
		kill(0, SIGKILL);
		pause();
	}
	if (!needs_room || full_from == 0 || number < full_from)
		return 0;
	errno = ENOSPC;
	return 1;
}

static int is_file(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

#define REAL(type, name, parameters)                                                               \
	type(*real) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name)

#define COUNTED(type, name, parameters, arguments, path, needs_room)                               \
	type name parameters;                                                                      \
	type name parameters                                                                       \
	{                                                                                          \
		REAL(type, name, parameters);                                                      \
                                                                                                   \
		return strike(#name, path, needs_room) ? -1 : real arguments;                      \
	}

#define COUNTED_ON_FILES(type, name, parameters, arguments, fd)                                    \
	type name parameters;                                                                      \
	type name parameters                                                                       \
	{                                                                                          \
		REAL(type, name, parameters);                                                      \
                                                                                                   \
		return is_file(fd) && strike(#name, "", 1) ? -1 : real arguments;                  \
	}

#define COUNTED_OPEN(name, parameters, arguments, path)                                            \
	int name parameters;                                                                       \
	int name parameters                                                                        \
	{                                                                                          \
		REAL(int, name, parameters);                                                       \
		va_list rest;                                                                      \
		mode_t mode = 0;                                                                   \
                                                                                                   \
		va_start(rest, flags);                                                             \
		if ((flags & (O_CREAT | __O_TMPFILE)) != 0)                                        \
			mode = (mode_t)va_arg(rest, int);                                          \
		va_end(rest);                                                                      \
		if ((flags & (O_CREAT | O_TRUNC)) != 0 && strike(#name, path, flags & O_CREAT))    \
			return -1;                                                                 \
		return real arguments;                                                             \
	}

COUNTED_OPEN(open, (const char *path, int flags, ...), (path, flags, mode), path)
COUNTED_OPEN(open64, (const char *path, int flags, ...), (path, flags, mode), path)
COUNTED_OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode), path)
COUNTED_OPEN(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode), path)

COUNTED_ON_FILES(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), fd)
COUNTED_ON_FILES(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at),
	(fd, data, size, at), fd)
COUNTED_ON_FILES(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at),
	(fd, data, size, at), fd)
COUNTED_ON_FILES(ssize_t, copy_file_range,
	(int in, off64_t *from, int fd, off64_t *to, size_t size, unsigned flags),
	(in, from, fd, to, size, flags), fd)

COUNTED(int, mkdir, (const char *path, mode_t mode), (path, mode), path, 1)
COUNTED(int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), path, 1)
COUNTED(int, link, (const char *from, const char *path), (from, path), path, 1)
COUNTED(int, linkat, (int from_at, const char *from, int at, const char *path, int flags),
	(from_at, from, at, path, flags), path, 1)
COUNTED(int, symlink, (const char *from, const char *path), (from, path), path, 1)
COUNTED(int, symlinkat, (const char *from, int at, const char *path), (from, at, path), path, 1)
COUNTED(int, fsetxattr, (int fd, const char *name, const void *value, size_t size, int flags),
	(fd, name, value, size, flags), name, 1)
COUNTED(int, lsetxattr,
	(const char *path, const char *name, const void *value, size_t size, int flags),
	(path, name, value, size, flags), path, 1)
COUNTED(int, rename, (const char *from, const char *path), (from, path), path, 0)
COUNTED(int, renameat, (int from_at, const char *from, int at, const char *path),
	(from_at, from, at, path), path, 0)
COUNTED(int, renameat2, (int from_at, const char *from, int at, const char *path, unsigned flags),
	(from_at, from, at, path, flags), path, 0)
COUNTED(int, unlink, (const char *path), (path), path, 0)
COUNTED(int, unlinkat, (int at, const char *path, int flags), (at, path, flags), path, 0)
COUNTED(int, rmdir, (const char *path), (path), path, 0)
COUNTED(int, chmod, (const char *path, mode_t mode), (path, mode), path, 0)
COUNTED(int, fchmod, (int fd, mode_t mode), (fd, mode), "", 0)
COUNTED(int, fchmodat, (int at, const char *path, mode_t mode, int flags), (at, path, mode, flags),
	path, 0)
COUNTED(int, fchownat, (int at, const char *path, uid_t user, gid_t group, int flags),
	(at, path, user, group, flags), path, 0)
COUNTED(int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group), "", 0)
COUNTED(int, fsync, (int fd), (fd), "", 0)
COUNTED(int, fdatasync, (int fd), (fd), "", 0)
COUNTED(int, syncfs, (int fd), (fd), "", 0)
