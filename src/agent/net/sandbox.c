/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/error.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if SANITIZED
/* The leak check at the end traces its own process, which the filter answers with death. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:exitcode=99";
}

/* Its environment is empty, so nobody else can say it: a fault is an end, not a line in a log. */
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "halt_on_error=1:exitcode=99";
}
#endif

/* Whole calls that are allowed. What is neither here nor in the rules below answers EPERM. */
static const int allowed[] = {
	/* reading, writing and waiting on what is open; what fcntl() may do is a rule below */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(pwrite64),
	SCMP_SYS(lseek),
	SCMP_SYS(_llseek),
	SCMP_SYS(close),
	SCMP_SYS(dup),
	SCMP_SYS(ftruncate),
	SCMP_SYS(ftruncate64),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(ppoll_time64),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(eventfd2),
	SCMP_SYS(pipe2),
	/* sockets; which ones may be made is a rule below */
	SCMP_SYS(connect),
	SCMP_SYS(accept4), /* on what the agent listens on: there is no listen() here */
	SCMP_SYS(bind),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(shutdown),
	/* looking, never changing */
	SCMP_SYS(stat),
	SCMP_SYS(stat64),
	SCMP_SYS(lstat),
	SCMP_SYS(fstat),
	SCMP_SYS(fstat64),
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstatat64),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	/* memory; what may be mapped is a rule below */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	/* threads of this process: libcurl looks names up in one */
	SCMP_SYS(futex),
	SCMP_SYS(futex_time64),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(gettid),
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	/* signals to itself, time, chance, identity */
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getrandom),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getrlimit),
	SCMP_SYS(getrusage),
};

/* A program that tries one of these is no longer ours. */
static const int deadly[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(setuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setresgid),
	SCMP_SYS(capset),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(reboot),
	SCMP_SYS(bpf),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(chmod),
	SCMP_SYS(fchmodat),
	SCMP_SYS(chown),
	SCMP_SYS(fchownat),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
	SCMP_SYS(symlink),
	SCMP_SYS(symlinkat),
	SCMP_SYS(link),
	SCMP_SYS(linkat),
	SCMP_SYS(truncate),
	SCMP_SYS(creat),
};

enum { OPEN_WRITING = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND };

static int allow_opening(scmp_filter_ctx filter)
{
	int failed = 0;

	failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
		SCMP_A2(SCMP_CMP_MASKED_EQ, OPEN_WRITING, O_RDONLY));
	failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
		SCMP_A1(SCMP_CMP_MASKED_EQ, OPEN_WRITING, O_RDONLY));
	return failed;
}

enum { SOCKET_TYPE = 0xf }; /* beside it: SOCK_CLOEXEC and SOCK_NONBLOCK */

/* TCP and UDP, no other protocol of the kernel's. Netlink is how getaddrinfo() learns whether there
 * is IPv6 at all. */
static const struct {
	int family;
	int type;
	int protocol;
} sockets[] = {
	{ AF_INET, SOCK_STREAM, 0 },
	{ AF_INET, SOCK_STREAM, IPPROTO_TCP },
	{ AF_INET, SOCK_DGRAM, 0 },
	{ AF_INET, SOCK_DGRAM, IPPROTO_UDP },
	{ AF_INET6, SOCK_STREAM, 0 },
	{ AF_INET6, SOCK_STREAM, IPPROTO_TCP },
	{ AF_INET6, SOCK_DGRAM, 0 },
	{ AF_INET6, SOCK_DGRAM, IPPROTO_UDP },
	{ AF_NETLINK, SOCK_RAW, 0 },
};

/* A pair of datagram sockets could be sent on to any local socket by its address: the journal, a
 * bus. One of streams stays with its other end. */
static int allow_sockets(scmp_filter_ctx filter)
{
	int failed = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(sockets); i++)
		failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
			SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)sockets[i].family),
			SCMP_A1(SCMP_CMP_MASKED_EQ, SOCKET_TYPE, (scmp_datum_t)sockets[i].type),
			SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)sockets[i].protocol));
	failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2,
		SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
		SCMP_A1(SCMP_CMP_MASKED_EQ, SOCKET_TYPE, SOCK_STREAM));
	return failed;
}

/* Nothing that was written can be run: no memory is both, and none becomes a program later. A
 * library is mapped from its file, which is how name services are loaded. */
static int allow_mapping(scmp_filter_ctx filter)
{
	static const int calls[] = { SCMP_SYS(mmap), SCMP_SYS(mmap2) };
	int failed = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
		failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 2,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC),
			SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS,
				MAP_PRIVATE));
	}
	failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
		SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return failed;
}

/* No owner that is sent signals, no leases, no locks. */
static int allow_descriptor_flags(scmp_filter_ctx filter)
{
	static const int calls[] = { SCMP_SYS(fcntl), SCMP_SYS(fcntl64) };
	static const int commands[] = { F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL,
		F_SETFL };
	int failed = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(calls) * G_N_ELEMENTS(commands); i++)
		failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW,
			calls[i / G_N_ELEMENTS(commands)], 1,
			SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i % G_N_ELEMENTS(commands)]));
	return failed;
}

/* Signals to itself (abort), and limits to be read: neither reaches another process. */
static int allow_self(scmp_filter_ctx filter)
{
	int failed = 0;

	failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
		SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
		SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
	return failed;
}

/* A thread, not a process. The arguments of clone3 cannot be looked at: without it glibc uses
 * clone. */
static int allow_threads(scmp_filter_ctx filter)
{
	int failed = 0;

	failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
		SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
		SCMP_A1(SCMP_CMP_EQ, 0x5421 /* FIONBIO */));
	failed |= seccomp_rule_add(
		filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	return failed;
}

static int add_rules(scmp_filter_ctx filter)
{
	int failed = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(allowed); i++)
		failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (gsize i = 0; i < G_N_ELEMENTS(deadly); i++)
		failed |= seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
	failed |= allow_opening(filter);
	failed |= allow_sockets(filter);
	failed |= allow_mapping(filter);
	failed |= allow_descriptor_flags(filter);
	failed |= allow_self(filter);
	failed |= allow_threads(filter);
	return failed;
}

gboolean sandbox_enter(GError **error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int status = -ENOMEM;

	if (filter != NULL) {
		status = add_rules(filter) != 0 ? -EINVAL : seccomp_load(filter);
		seccomp_release(filter);
	}
	if (status == 0)
		return TRUE;
	rota_set_errno_error(error, -status, "load the system call filter");
	return FALSE;
}

static gboolean limit(int resource, rlim_t most, const char *what, GError **error)
{
	struct rlimit limits = { most, most };

	if (setrlimit((__rlimit_resource_t)resource, &limits) == 0)
		return TRUE;
	rota_set_errno_error(error, errno, "limit %s", what);
	return FALSE;
}

/* Where the system has no user for it, it is still not root: root reads every file, and the memory
 * of the agent. After exec, as a user without rights may not reach the program. */
static gboolean leave_root(GError **error)
{
	if (geteuid() != 0)
		return TRUE;
	if (setgroups(0, NULL) == 0 &&
		setresgid(SANDBOX_NOBODY, SANDBOX_NOBODY, SANDBOX_NOBODY) == 0 &&
		setresuid(SANDBOX_NOBODY, SANDBOX_NOBODY, SANDBOX_NOBODY) == 0)
		return TRUE;
	rota_set_errno_error(error, errno, "leave root");
	return FALSE;
}

gboolean sandbox_limit(GError **error)
{
	/* First, as it undoes what prctl() says below. */
	if (!leave_root(error))
		return FALSE;
	if (!limit(RLIMIT_CORE, 0, "core dumps", error) ||
		!limit(RLIMIT_NOFILE, SANDBOX_FILES_MAX, "open files", error))
		return FALSE;
	/* A sanitizer reserves terabytes of addresses. */
	if (!SANITIZED && (!limit(RLIMIT_AS, SANDBOX_ADDRESSES_MAX, "addresses", error) ||
				  !limit(RLIMIT_DATA, SANDBOX_MEMORY_MAX, "memory", error)))
		return FALSE;
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
		rota_set_errno_error(error, errno, "give up rights");
		return FALSE;
	}
	return TRUE;
}
