/* SPDX-License-Identifier: Apache-2.0 */
#include "http/file.h"
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PIECE_SIZE = 65536 };

struct HttpFile {
	uv_work_t work;
	HttpLoop *loop;
	HttpFileReady ready;
	gpointer data;
	int fd;
	guint64 offset;   /* of the next piece */
	guint64 rest;     /* not read yet */
	gsize size, sent; /* of the piece in hand */
	ssize_t n_read;   /* what the worker got; below 0: failed */
	gboolean is_reading, is_orphan, has_failed;
	guint8 piece[PIECE_SIZE];
};

HttpFile *http_file_new(
	HttpLoop *loop, int fd, guint64 offset, guint64 length, HttpFileReady ready, gpointer data)
{
	HttpFile *file = g_malloc(sizeof *file);

	file->loop = loop;
	file->ready = ready;
	file->data = data;
	file->fd = fd;
	file->offset = offset;
	file->rest = length;
	file->size = file->sent = 0;
	file->n_read = 0;
	file->is_reading = file->is_orphan = file->has_failed = FALSE;
	file->work.data = file;
	return file;
}

static void destroy(HttpFile *file)
{
	close(file->fd);
	g_free(file);
}

void http_file_free(HttpFile *file)
{
	if (file == NULL)
		return;
	if (file->is_reading)
		file->is_orphan = TRUE; /* the worker's buffer is ours: wait for it to be done */
	else
		destroy(file);
}

static void take_piece(HttpFile *file, ssize_t n_read)
{
	/* Nothing where there should be something: the file was cut meanwhile. */
	if (n_read <= 0) {
		file->has_failed = TRUE;
		return;
	}
	file->size = (gsize)n_read;
	file->sent = 0;
	file->offset += (guint64)n_read;
	file->rest -= (guint64)n_read;
}

static gsize next_size(const HttpFile *file)
{
	return (gsize)MIN((guint64)PIECE_SIZE, file->rest);
}

static void read_on_worker(uv_work_t *work)
{
	HttpFile *file = work->data;

	do {
		file->n_read = pread(file->fd, file->piece, next_size(file), (off_t)file->offset);
	} while (file->n_read < 0 && errno == EINTR);
}

static void after_worker(uv_work_t *work, int status)
{
	HttpFile *file = work->data;

	file->is_reading = FALSE;
	if (file->is_orphan) {
		destroy(file);
		return;
	}
	take_piece(file, status == 0 ? file->n_read : -1);
	file->ready(file->data);
}

/* FALSE: it is not in memory, or this kind of file cannot tell. */
static gboolean read_from_memory(HttpFile *file)
{
	struct iovec piece = { .iov_base = file->piece, .iov_len = next_size(file) };
	ssize_t n_read = preadv2(file->fd, &piece, 1, (off_t)file->offset, RWF_NOWAIT);

	if (n_read <= 0)
		return FALSE;
	take_piece(file, n_read);
	return TRUE;
}

HttpFileState http_file_peek(HttpFile *file, const guint8 **ret_data, gsize *ret_size)
{
	if (file->is_reading)
		return HTTP_FILE_WAIT;
	if (file->has_failed)
		return HTTP_FILE_FAILED;
	if (file->sent == file->size) {
		if (file->rest == 0)
			return HTTP_FILE_END;
		if (!read_from_memory(file)) {
			if (uv_queue_work(&file->loop->uv, &file->work, read_on_worker,
				    after_worker) != 0)
				return HTTP_FILE_FAILED;
			file->is_reading = TRUE;
			return HTTP_FILE_WAIT;
		}
	}
	*ret_data = file->piece + file->sent;
	*ret_size = file->size - file->sent;
	return HTTP_FILE_BYTES;
}

void http_file_skip(HttpFile *file, gsize size)
{
	file->sent += size;
}
