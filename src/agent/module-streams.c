/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/module-private.h"
#include "agent/progress.h"
#include "agent/tree-file.h"
#include "base/error.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Feeding a module: it reads the name of a pipe from the pipe stream-next, then the file from that
 * pipe, until stream-next is empty. Opening a pipe for writing without a reader fails at once
 * (ENXIO), so it is tried again until the module has it open, has ended, or is out of time. */
enum {
	CHUNK_SIZE = 128 * 1024,
	PIPE_SIZE = 1024 * 1024,
	OPEN_WAIT_FIRST_MS = 1,
	OPEN_WAIT_MAX_MS = 50,
};

typedef enum {
	OFFER_TAKEN,
	OFFER_ENDED, /* the module ended without opening the pipe */
	OFFER_FAILED,
} Offer;

typedef struct {
	Module *module;
	ArtifactReader *reader;
	Process *process;
	const char *name; /* of the call, for messages */
	gboolean with_sizes;
	gboolean begun;  /* the module has opened stream-next */
	gboolean stores; /* it ended without doing so: files go to files/ */
	guint8 chunk[CHUNK_SIZE];
} Feed;

static void free_feed(Feed *feed)
{
	process_free(feed->process);
	g_free(feed);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Feed, free_feed)

static gboolean make_pipe(const char *path, GError **error)
{
	if (mkfifo(path, 0600) == 0)
		return TRUE;
	rota_set_errno_error(error, errno, "make the pipe %s", path);
	return FALSE;
}

/* A fresh stream-next each time: a module that still has the last one open cannot be mistaken for
 * one that waits for the next name. */
static gboolean renew_stream_next(const Feed *feed, GError **error)
{
	g_autofree char *path = g_build_filename(feed->module->tree, "stream-next", NULL);
	g_autofree char *fresh = g_build_filename(feed->module->tree, "stream-next.new", NULL);

	if (!make_pipe(fresh, error))
		return FALSE;
	if (rename(fresh, path) == 0)
		return TRUE;
	rota_set_errno_error(error, errno, "make the pipe %s", path);
	return FALSE;
}

static Offer wait_for_reader(Feed *feed, const char *path, int *ret_fd, GError **error)
{
	for (int wait_ms = OPEN_WAIT_FIRST_MS;; wait_ms = MIN(2 * wait_ms, OPEN_WAIT_MAX_MS)) {
		ProcessEvent event;

		*ret_fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (*ret_fd >= 0)
			return OFFER_TAKEN;
		if (errno != ENXIO) {
			rota_set_errno_error(error, errno, "open the pipe %s", path);
			return OFFER_FAILED;
		}
		event = process_wait(feed->process, -1, 0, wait_ms, error);
		if (event == PROCESS_FAILED)
			return OFFER_FAILED;
		if (event == PROCESS_ENDED)
			return OFFER_ENDED;
	}
}

static gboolean fail_ended(const Feed *feed, GError **error)
{
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
		"%s: ended before it had read all it was given", feed->name);
	return FALSE;
}

static gboolean write_to_module(Feed *feed, int fd, const guint8 *data, gsize size, GError **error)
{
	while (size > 0) {
		gssize written = write(fd, data, size);
		ProcessEvent event;

		if (written > 0) {
			data += written;
			size -= (gsize)written;
			continue;
		}
		if (errno == EPIPE)
			return fail_ended(feed, error);
		if (errno != EAGAIN && errno != EINTR) {
			rota_set_errno_error(error, errno, "write to the module");
			return FALSE;
		}
		event = process_wait(feed->process, fd, POLLOUT, -1, error);
		if (event == PROCESS_FAILED)
			return FALSE;
		if (event == PROCESS_ENDED)
			return fail_ended(feed, error);
	}
	return TRUE;
}

/* Says what comes next, on stream-next; nothing (NULL) ends the download. */
static Offer offer(Feed *feed, const char *line, GError **error)
{
	g_autofree char *path = g_build_filename(feed->module->tree, "stream-next", NULL);
	autofd int fd = -1;
	Offer answer = wait_for_reader(feed, path, &fd, error);

	if (answer != OFFER_TAKEN)
		return answer;
	feed->begun = TRUE;
	if (line == NULL)
		return OFFER_TAKEN;
	if (!write_to_module(feed, fd, (const guint8 *)line, strlen(line), error) ||
		!renew_stream_next(feed, error))
		return OFFER_FAILED;
	return OFFER_TAKEN;
}

static gboolean is_plain_name(const char *name)
{
	return *name != '\0' && strchr(name, '/') == NULL && !g_str_equal(name, ".") &&
	       !g_str_equal(name, "..") && strchr(name, '\n') == NULL;
}

/* The next bytes of the file: their number, 0 at its end, or -1. */
static gssize read_chunk(Feed *feed, GError **error)
{
	gssize size = artifact_reader_read(feed->reader, feed->chunk, CHUNK_SIZE, error);

	if (size > 0)
		progress_add((gsize)size);
	return size;
}

/* The file's bytes to @fd. On a wrong sum the module is ended before it sees the end of the file.
 */
static gboolean stream_file(Feed *feed, int fd, GError **error)
{
	for (;;) {
		gssize size = read_chunk(feed, error);

		if (size == 0)
			return TRUE;
		if (size < 0)
			process_end(feed->process);
		if (size < 0 || !write_to_module(feed, fd, feed->chunk, (gsize)size, error))
			return FALSE;
	}
}

static gboolean serve_pipe(Feed *feed, const char *path, GError **error)
{
	autofd int fd = -1;
	Offer answer = wait_for_reader(feed, path, &fd, error);

	if (answer == OFFER_FAILED)
		return FALSE;
	if (answer == OFFER_ENDED)
		return fail_ended(feed, error);
	(void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
	return stream_file(feed, fd, error);
}

static Offer offer_file(Feed *feed, const ArtifactFile *file, GError **error)
{
	g_autofree char *path = g_build_filename(feed->module->tree, "streams", file->name, NULL);
	g_autofree char *line = feed->with_sizes
					? g_strdup_printf("streams/%s %" G_GUINT64_FORMAT "\n",
						  file->name, file->size)
					: g_strdup_printf("streams/%s\n", file->name);
	Offer answer;

	/* The pipe is there before the module can know its name. */
	if (!make_pipe(path, error))
		return OFFER_FAILED;
	answer = offer(feed, line, error);
	if (answer == OFFER_TAKEN && !serve_pipe(feed, path, error))
		answer = OFFER_FAILED;
	(void)unlink(path);
	return answer;
}

static gboolean store_file(Feed *feed, const ArtifactFile *file, GError **error)
{
	g_autofree char *path = g_build_filename(feed->module->tree, "files", file->name, NULL);
	autofd int fd = tree_file_create(path, 0600, error);

	while (fd >= 0) {
		gssize size = read_chunk(feed, error);

		if (size <= 0)
			return size == 0;
		if (!file_write_all(fd, feed->chunk, (gsize)size, error))
			return FALSE;
	}
	return FALSE;
}

/* The module ended: is that all right, and what does it mean? */
static gboolean judge_early_end(Feed *feed, GError **error)
{
	int status = 0;

	if (!process_finish(feed->process, &status, error))
		return FALSE;
	if (status != 0) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE, "%s: exited with %d",
			feed->name, status);
		return FALSE;
	}
	if (feed->begun) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"%s: started downloading, but did not finish", feed->name);
		return FALSE;
	}
	feed->stores = TRUE;
	return TRUE;
}

static gboolean pass_file(Feed *feed, const ArtifactFile *file, GError **error)
{
	if (!feed->stores) {
		Offer answer = offer_file(feed, file, error);

		if (answer != OFFER_ENDED)
			return answer == OFFER_TAKEN;
		if (!judge_early_end(feed, error))
			return FALSE;
	}
	return store_file(feed, file, error);
}

static gboolean feed_file(Feed *feed, const ArtifactFile *file, GError **error)
{
	gboolean is_passed;

	if (!is_plain_name(file->name)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"payload file %s: not a plain file name", file->name);
		return FALSE;
	}
	progress_begin(file->size);
	is_passed = pass_file(feed, file, error);
	progress_end();
	return is_passed;
}

static gboolean finish(Feed *feed, GError **error)
{
	int status = 0;
	Offer answer;

	if (feed->stores)
		return TRUE;
	answer = offer(feed, NULL, error);
	if (answer == OFFER_FAILED)
		return FALSE;
	if (answer == OFFER_ENDED)
		return judge_early_end(feed, error);
	if (!process_finish(feed->process, &status, error))
		return FALSE;
	if (status == 0)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE, "%s: exited with %d", feed->name,
		status);
	return FALSE;
}

static gboolean begin(Feed *feed, const char *state, GError **error)
{
	const Module *module = feed->module;
	g_autofree char *program = module_find_program(module, error);
	g_autofree char *streams = g_build_filename(module->tree, "streams", NULL);
	const char *arguments[] = { program, state, module->tree, NULL };
	ProcessPlan plan = {
		.arguments = arguments,
		.folder = module->tree,
		.name = feed->name,
		.timeout_s = module->settings->module_timeout_s,
	};

	if (program == NULL || !file_make_folders(streams, 0700, error) ||
		!renew_stream_next(feed, error))
		return FALSE;
	feed->process = process_start(&plan, error);
	return feed->process != NULL;
}

static gboolean remove_streams(const Module *module, GError **error)
{
	static const char *const names[] = { "streams", "stream-next", "stream-next.new" };

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(module->tree, names[i], NULL);

		if (!file_remove_tree(path, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean feed_all(Feed *feed, const ArtifactFile **first, GError **error)
{
	const ArtifactFile *file = *first;

	if (file == NULL && !artifact_reader_next_file(feed->reader, &file, error))
		return FALSE;
	while (file != NULL && file->payload == feed->module->index) {
		if (!feed_file(feed, file, error) ||
			!artifact_reader_next_file(feed->reader, &file, error))
			return FALSE;
	}
	*first = file;
	return finish(feed, error);
}

gboolean module_download(
	Module *module, ArtifactReader *reader, const ArtifactFile **first, GError **error)
{
	g_autoptr(Feed) feed = g_new0(Feed, 1);
	g_autofree char *name = NULL;
	const char *state = NULL;
	ModuleAnswer wants_sizes = MODULE_NO;

	if (!module_ask(module, "ProvidePayloadFileSizes", &wants_sizes, error))
		return FALSE;
	state = wants_sizes == MODULE_YES ? "DownloadWithFileSizes" : "Download";
	name = module_call_name(module, state);
	feed->module = module;
	feed->reader = reader;
	feed->name = name;
	feed->with_sizes = wants_sizes == MODULE_YES;
	return begin(feed, state, error) && feed_all(feed, first, error) &&
	       remove_streams(module, error);
}
