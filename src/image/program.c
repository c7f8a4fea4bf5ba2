/* SPDX-License-Identifier: Apache-2.0 */
#include "image/program.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/error.h"
#include "base/file.h"

enum { DEADLINE_S = 600, CHUNK_SIZE = 64 * 1024, WORDS_SIZE_MAX = 4096 };

/* Tools for file systems are often outside the PATH of plain users. */
static char *find_program(const char *name)
{
	static const char *const folders[] = { "/usr/sbin", "/sbin" };
	char *path = g_find_program_in_path(name);

	for (gsize i = 0; !path && i < G_N_ELEMENTS(folders); i++) {
		g_autofree char *candidate = g_build_filename(folders[i], name, NULL);

		if (g_file_test(candidate, G_FILE_TEST_IS_EXECUTABLE))
			path = g_steal_pointer(&candidate);
	}
	return path;
}

/* The standard error of a program goes into memory that cannot grow: one that complains without
 * end neither waits for a reader nor fills anything. */
static int open_words(GError **error)
{
	int fd = memfd_create("words", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && ftruncate(fd, WORDS_SIZE_MAX) == 0 &&
		fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0)
		return fd;
	rota_set_errno_error(error, errno, "start a program");
	file_close_fd(&fd);
	return -1;
}

static void give_descriptors(GSubprocessLauncher *launcher, const ProgramCall *call, int words_fd)
{
	g_subprocess_launcher_take_fd(
		launcher, fcntl(call->image_fd, F_DUPFD_CLOEXEC, 10), PROGRAM_IMAGE_FD);
	g_subprocess_launcher_take_stderr_fd(launcher, fcntl(words_fd, F_DUPFD_CLOEXEC, 10));
	if (call->input_fd >= 0)
		g_subprocess_launcher_take_stdin_fd(
			launcher, fcntl(call->input_fd, F_DUPFD_CLOEXEC, 10));
}

/* No configuration of whoever calls may change what the programs do: mtools takes settings from a
 * dozen variables, e2fsck the name of a file with some. */
static char **make_environment(void)
{
	static const char *const kept[] = { "PATH", "TMPDIR", "TZ", "SOURCE_DATE_EPOCH" };
	char **environment = g_environ_setenv(NULL, "MTOOLSRC", "/dev/null", TRUE);

	environment = g_environ_setenv(environment, "LC_ALL", "C.UTF-8", TRUE);
	for (gsize i = 0; i < G_N_ELEMENTS(kept); i++) {
		const char *value = g_getenv(kept[i]);

		if (value)
			environment = g_environ_setenv(environment, kept[i], value, TRUE);
	}
	return environment;
}

static GSubprocess *start(const ProgramCall *call, int words_fd, GError **error)
{
	g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
		call->sink ? G_SUBPROCESS_FLAGS_STDOUT_PIPE : G_SUBPROCESS_FLAGS_STDOUT_SILENCE);
	g_autofree char *path = find_program(call->arguments[0]);
	g_autoptr(GPtrArray) arguments = g_ptr_array_new();
	g_auto(GStrv) environment = make_environment();

	if (!path) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
			"the program %s is needed for this and is not here (package %s)",
			call->arguments[0], call->package);
		return NULL;
	}
	g_ptr_array_add(arguments, path);
	for (gsize i = 1; call->arguments[i]; i++)
		g_ptr_array_add(arguments, (gpointer)(guintptr)call->arguments[i]);
	g_ptr_array_add(arguments, NULL);
	g_subprocess_launcher_set_environ(launcher, environment);
	give_descriptors(launcher, call, words_fd);
	return g_subprocess_launcher_spawnv(launcher, (const char *const *)arguments->pdata, error);
}

static gboolean take_output(
	GSubprocess *process, const ProgramCall *call, GCancellable *cancellable, GError **error)
{
	GInputStream *out = g_subprocess_get_stdout_pipe(process);
	g_autofree guint8 *buffer = g_malloc(CHUNK_SIZE);

	for (;;) {
		gssize got = g_input_stream_read(out, buffer, CHUNK_SIZE, cancellable, error);

		if (got <= 0)
			return got == 0;
		if (!call->sink(buffer, (gsize)got, call->user_data, error))
			return FALSE;
	}
}

static char *read_words(int words_fd)
{
	char words[WORDS_SIZE_MAX];
	ssize_t size = pread(words_fd, words, sizeof words, 0);

	/* Behind what was said are zeros. */
	return g_strstrip(
		g_utf8_make_valid(words, size > 0 ? (gssize)strnlen(words, (gsize)size) : 0));
}

/* Cancels what waits for a program that never ends. */
typedef struct {
	GMutex lock;
	GCond changed;
	gboolean done;
	GCancellable *cancellable;
	GSubprocess *process;
} Watch;

static gpointer watch(gpointer data)
{
	Watch *self = data;
	gint64 deadline = g_get_monotonic_time() + DEADLINE_S * G_TIME_SPAN_SECOND;

	g_mutex_lock(&self->lock);
	while (!self->done && g_cond_wait_until(&self->changed, &self->lock, deadline))
		;
	if (!self->done) {
		g_subprocess_force_exit(self->process);
		g_cancellable_cancel(self->cancellable);
	}
	g_mutex_unlock(&self->lock);
	return NULL;
}

static gboolean run(
	GSubprocess *process, const ProgramCall *call, GCancellable *cancellable, GError **error)
{
	gboolean good = !call->sink || take_output(process, call, cancellable, error);

	if (!good)
		g_subprocess_force_exit(process);
	/* Not cancellable: a killed one is gone soon, and one that lives on must be waited for. */
	return g_subprocess_wait(process, NULL, good ? error : NULL) && good;
}

/* To its end, or to the deadline. */
static gboolean run_watched(GSubprocess *process, const ProgramCall *call, GError **error)
{
	g_autoptr(GCancellable) cancellable = g_cancellable_new();
	Watch self = { .cancellable = cancellable, .process = process };
	GThread *thread = g_thread_new("watch", watch, &self);
	gboolean good = run(process, call, cancellable, error);

	g_mutex_lock(&self.lock);
	self.done = TRUE;
	g_cond_signal(&self.changed);
	g_mutex_unlock(&self.lock);
	g_thread_join(thread);
	return good;
}

gboolean program_call(const ProgramCall *call, int *ret_status, char **ret_words, GError **error)
{
	autofd int words_fd = open_words(error);

	if (ret_words)
		*ret_words = NULL;
	g_autoptr(GSubprocess) process = words_fd >= 0 ? start(call, words_fd, error) : NULL;
	if (!process || !run_watched(process, call, error))
		return FALSE;
	if (ret_words)
		*ret_words = read_words(words_fd);
	if (!g_subprocess_get_if_exited(process)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT,
			"%s was ended before it was done", call->arguments[0]);
		return FALSE;
	}
	*ret_status = g_subprocess_get_exit_status(process);
	return TRUE;
}
