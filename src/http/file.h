/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "http/loop.h"

/* The bytes of a file on their way out, read ahead in pieces. What is in the page cache is read on
 * the loop, which cannot block (RWF_NOWAIT); anything else by a worker thread. */
typedef struct HttpFile HttpFile;

/* Called on the loop when a worker has read. */
typedef void (*HttpFileReady)(gpointer data);

/* Takes @fd. */
HttpFile *http_file_new(
	HttpLoop *loop, int fd, guint64 offset, guint64 length, HttpFileReady ready, gpointer data);
/* A worker that is reading finishes alone; ready() is not called any more. */
void http_file_free(HttpFile *file);

typedef enum {
	HTTP_FILE_BYTES,  /* there are bytes to send */
	HTTP_FILE_WAIT,   /* ready() will be called */
	HTTP_FILE_END,    /* all were sent */
	HTTP_FILE_FAILED, /* it could not be read, or is shorter than was said */
} HttpFileState;

HttpFileState http_file_peek(HttpFile *file, const guint8 **ret_data, gsize *ret_size);
void http_file_skip(HttpFile *file, gsize size);
