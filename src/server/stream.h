/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gio/gio.h>
#include "http/server.h"

/* The body of a request as a blocking stream: the loop puts in what comes, a thread takes it out at
 * its own pace. When the thread is slow the connection is not read further, so the client waits,
 * not our memory. */
typedef struct BodyStream BodyStream;

enum {
	BODY_STREAM_HELD_MAX =
		1024 * 1024, /* bytes between loop and thread before the client must wait */
	BODY_STREAM_WAKE = 256 * 1024, /* bytes that are worth waking the thread for */
};

/* On the loop; reads the request's body from now on. @size_max: more is ROTA_ERROR_TOO_LARGE at the
 * reader. */
BodyStream *body_stream_new(HttpRequest *request, guint64 size_max);

/* On the loop: the connection is gone, nothing more will come. */
void body_stream_break(BodyStream *stream);

/* (transfer none): lives as long as the body stream. */
GInputStream *body_stream_input(BodyStream *stream);

/* On the thread, once it reads no more: what still comes is dropped. */
void body_stream_close(BodyStream *stream);
void body_stream_free(BodyStream *stream);
