/* SPDX-License-Identifier: Apache-2.0 */
/* Cases, each in a process of its own that has entered the sandbox: what must go on working
 * (reading files, threads, sockets, libraries, descriptors that are open already), what is answered
 * with EPERM (opening for writing, local and raw sockets, a listening socket, memory that is
 * written and run, signals to others, limits, root's files), what is answered with death (programs,
 * processes, tracing, removing, renaming, making, other users). And: it ends with its parent. */
#include "agent/net/sandbox.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *scratch; /* a file that is open when the sandbox is entered */
static int scratch_fd;

/* Each returns TRUE where the kernel allowed it. */

static gboolean read_file(void)
{
	char byte;
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, &byte, 1) == 1;
}

static gboolean write_open_file(void)
{
	return pwrite(scratch_fd, "x", 1, 0) == 1 && ftruncate(scratch_fd, 1) == 0 &&
	       fdatasync(scratch_fd) == 0;
}

static gpointer do_nothing(gpointer data)
{
	return data;
}

static gboolean make_thread(void)
{
	return g_thread_join(g_thread_new("t", do_nothing, GINT_TO_POINTER(7))) ==
	       GINT_TO_POINTER(7);
}

static gboolean make_inet_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 || errno != EPERM;
}

static gboolean look_up_name(void)
{
	struct addrinfo *found = NULL;

	return getaddrinfo("localhost", "443", NULL, &found) == 0;
}

static gboolean open_for_writing(void)
{
	return open(scratch, O_WRONLY | O_CLOEXEC) >= 0;
}

static gboolean open_for_both(void)
{
	return open(scratch, O_RDWR | O_CLOEXEC) >= 0;
}

static gboolean open_to_truncate(void)
{
	return open(scratch, O_RDONLY | O_TRUNC | O_CLOEXEC) >= 0;
}

static gboolean open_to_make(void)
{
	return open("/tmp/rota-sandbox-test", O_RDONLY | O_CREAT | O_CLOEXEC, 0600) >= 0;
}

static gboolean make_local_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static gboolean make_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0;
}

static gboolean listen_on_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return listen(fd, 1) == 0;
}

static gboolean change_own_file(void)
{
	return fchmod(scratch_fd, 0777) == 0;
}

/* A name service that the system's settings ask for. */
static gboolean load_library(void)
{
	return dlopen("libnss_compat.so.2", RTLD_NOW) != NULL;
}

/* It could be sent on to the address of any local socket. */
static gboolean make_datagram_pair(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0;
}

static gboolean make_stream_pair(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0;
}

static gboolean make_other_protocol(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 132 /* SCTP */) >= 0 || errno != EPERM;
}

static gboolean make_other_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 12 /* netfilter */) >= 0 ||
	       errno != EPERM;
}

static gboolean map_code_to_write(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0) != MAP_FAILED;
}

static gboolean turn_data_to_code(void)
{
	void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return data == MAP_FAILED || mprotect(data, 4096, PROT_READ | PROT_EXEC) == 0;
}

/* No process has this number: the kernel itself would say ESRCH. */
static gboolean signal_another(void)
{
	return syscall(SYS_tgkill, G_MAXINT, G_MAXINT, 0) == 0 || errno != EPERM;
}

static gboolean own_signals_of_file(void)
{
	return fcntl(scratch_fd, F_SETOWN, getpid()) == 0;
}

static gboolean change_limit(void)
{
	struct rlimit limits = { 32, 32 };

	return setrlimit(RLIMIT_NOFILE, &limits) == 0;
}

static gboolean outlive_parent(void)
{
	return prctl(PR_SET_PDEATHSIG, 0) == 0;
}

static gboolean trace_parent(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static gboolean read_parent_memory(void)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/%d/mem", (int)getppid());
	return open(path, O_RDONLY | O_CLOEXEC) >= 0;
}

static gboolean read_secret_file(void)
{
	return open("/etc/shadow", O_RDONLY | O_CLOEXEC) >= 0;
}

#ifndef __SANITIZE_ADDRESS__
static gboolean take_memory(void)
{
	char *memory = malloc(SANDBOX_MEMORY_MAX);

	return memory != NULL && memset(memory, 1, SANDBOX_MEMORY_MAX) == memory;
}
#endif

static gboolean start_program(void)
{
	return execl("/bin/true", "true", NULL) == 0;
}

static gboolean make_process(void)
{
	return syscall(SYS_fork) >= 0;
}

static gboolean remove_file(void)
{
	return unlink(scratch) == 0;
}

static gboolean rename_file(void)
{
	return rename(scratch, "/tmp/rota-sandbox-other") == 0;
}

static gboolean make_folder(void)
{
	return mkdir("/tmp/rota-sandbox-folder", 0700) == 0;
}

static gboolean become_another(void)
{
	return syscall(SYS_setuid, 65534) == 0;
}

typedef enum { WORKS, REFUSED, DEADLY } Outcome;

static const struct {
	const char *name;
	gboolean (*act)(void);
	Outcome outcome;
} cases[] = {
	{ "read-file", read_file, WORKS },
	{ "write-open-file", write_open_file, WORKS },
	{ "make-thread", make_thread, WORKS },
	{ "make-inet-socket", make_inet_socket, WORKS },
	{ "look-up-name", look_up_name, WORKS },
	{ "load-library", load_library, WORKS },
	{ "make-stream-pair", make_stream_pair, WORKS },
	{ "open-for-writing", open_for_writing, REFUSED },
	{ "open-for-both", open_for_both, REFUSED },
	{ "open-to-truncate", open_to_truncate, REFUSED },
	{ "open-to-make", open_to_make, REFUSED },
	{ "make-local-socket", make_local_socket, REFUSED },
	{ "make-packet-socket", make_packet_socket, REFUSED },
	{ "listen-on-socket", listen_on_socket, REFUSED },
	{ "change-own-file", change_own_file, REFUSED },
	{ "make-datagram-pair", make_datagram_pair, REFUSED },
	{ "make-other-protocol", make_other_protocol, REFUSED },
	{ "make-other-netlink", make_other_netlink, REFUSED },
	{ "map-code-to-write", map_code_to_write, REFUSED },
	{ "turn-data-to-code", turn_data_to_code, REFUSED },
	{ "signal-another", signal_another, REFUSED },
	{ "own-signals-of-file", own_signals_of_file, REFUSED },
	{ "change-limit", change_limit, REFUSED },
	{ "outlive-parent", outlive_parent, REFUSED },
	{ "read-parent-memory", read_parent_memory, REFUSED },
	{ "read-secret-file", read_secret_file, REFUSED },
#ifndef __SANITIZE_ADDRESS__
	{ "take-memory", take_memory, REFUSED },
#endif
	{ "trace-parent", trace_parent, DEADLY },
	{ "start-program", start_program, DEADLY },
	{ "make-process", make_process, DEADLY },
	{ "remove-file", remove_file, DEADLY },
	{ "rename-file", rename_file, DEADLY },
	{ "make-folder", make_folder, DEADLY },
	{ "become-another", become_another, DEADLY },
};

enum { ALLOWED = 10, NOT_ALLOWED = 11, NO_SANDBOX = 12, END_LIMIT_MS = 20000 };

static void run_inside(gboolean (*act)(void))
{
	if (!sandbox_limit(NULL) || !sandbox_enter(NULL))
		_exit(NO_SANDBOX);
	_exit(act() ? ALLOWED : NOT_ALLOWED);
}

static void test_case(gconstpointer data)
{
	gsize i = GPOINTER_TO_SIZE(data);
	pid_t child = fork();
	int status;

	if (child == 0)
		run_inside(cases[i].act);
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	if (cases[i].outcome == DEADLY) {
		g_assert_true(WIFSIGNALED(status));
		g_assert_cmpint(WTERMSIG(status), ==, SIGSYS);
		return;
	}
	g_assert_true(WIFEXITED(status));
	g_assert_cmpint(WEXITSTATUS(status), ==, cases[i].outcome == WORKS ? ALLOWED : NOT_ALLOWED);
}

static void wait_inside(int ready)
{
	if (!sandbox_limit(NULL) || !sandbox_enter(NULL) || write(ready, "r", 1) != 1)
		_exit(NO_SANDBOX);
	(void)poll(NULL, 0, -1);
	_exit(ALLOWED);
}

/* Who holds the other end of the pipe: the parent, and then only the process inside. */
static void test_end_with_parent(void)
{
	struct pollfd polled = { .events = POLLIN };
	int ends[2];
	char byte;
	pid_t parent;

	g_assert_cmpint(pipe(ends), ==, 0);
	parent = fork();
	if (parent == 0) {
		if (fork() == 0)
			wait_inside(ends[1]);
		(void)poll(NULL, 0, -1);
	}
	close(ends[1]);
	g_assert_cmpint(read(ends[0], &byte, 1), ==, 1);
	g_assert_cmpint(kill(parent, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(parent, NULL, 0), ==, parent);
	polled.fd = ends[0];
	g_assert_cmpint(poll(&polled, 1, END_LIMIT_MS), ==, 1);
	g_assert_cmpint(read(ends[0], &byte, 1), ==, 0);
	close(ends[0]);
}

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	scratch_fd = g_file_open_tmp("rota-sandbox-XXXXXX", &scratch, NULL);
	g_assert_cmpint(scratch_fd, >=, 0);
	/* Whoever it becomes: what holds it back is the filter. */
	g_assert_cmpint(fchmod(scratch_fd, 0666), ==, 0);
	g_test_add_func("/agent/sandbox/end-with-parent", test_end_with_parent);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *path = g_strconcat("/agent/sandbox/", cases[i].name, NULL);

		/* One user can look at what is its own. */
		if (geteuid() != 0 && cases[i].act == read_parent_memory)
			continue;
		g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_case);
	}
	status = g_test_run();
	g_assert_cmpint(unlink(scratch), ==, 0);
	g_free(scratch);
	return status;
}
