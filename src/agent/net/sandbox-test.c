/* SPDX-License-Identifier: Apache-2.0 */
/* Cases, each in a process of its own that has entered the sandbox: what must go on working
 * (reading files, threads, sockets, descriptors that are open already), what is answered with EPERM
 * (opening for writing, local sockets, a listening socket), what is answered with death (programs,
 * processes, removing, renaming, making, other users). */
#include "agent/net/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
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
	{ "open-for-writing", open_for_writing, REFUSED },
	{ "open-for-both", open_for_both, REFUSED },
	{ "open-to-truncate", open_to_truncate, REFUSED },
	{ "open-to-make", open_to_make, REFUSED },
	{ "make-local-socket", make_local_socket, REFUSED },
	{ "make-packet-socket", make_packet_socket, REFUSED },
	{ "listen-on-socket", listen_on_socket, REFUSED },
	{ "change-own-file", change_own_file, REFUSED },
	{ "start-program", start_program, DEADLY },
	{ "make-process", make_process, DEADLY },
	{ "remove-file", remove_file, DEADLY },
	{ "rename-file", rename_file, DEADLY },
	{ "make-folder", make_folder, DEADLY },
	{ "become-another", become_another, DEADLY },
};

enum { ALLOWED = 10, NOT_ALLOWED = 11, NO_SANDBOX = 12 };

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

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	scratch_fd = g_file_open_tmp("rota-sandbox-XXXXXX", &scratch, NULL);
	g_assert_cmpint(scratch_fd, >=, 0);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *path = g_strconcat("/agent/sandbox/", cases[i].name, NULL);

		g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_case);
	}
	status = g_test_run();
	g_assert_cmpint(unlink(scratch), ==, 0);
	g_free(scratch);
	return status;
}
