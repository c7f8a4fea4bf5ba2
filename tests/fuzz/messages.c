/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent reads from its network process, which may have been taken over: any bytes are
 * messages that keep to their tables, or an error. The same for the heads a download is resumed by.
 */
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/messages.h"
#include "base/file.h"
#include "http/range.h"

enum { INPUT_MAX = 64 * 1024, RETRY_MAX_S = 100 }; /* fits into the socket's buffer */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const Message *message)
{
	const ReplyMessage *reply = message->data;
	const ProgressMessage *progress = message->data;

	if (message->type == MESSAGE_REPLY && reply->body != NULL)
		g_assert_cmpint(strlen(reply->body), <=, MESSAGE_BODY_MAX);
	if (message->type == MESSAGE_PROGRESS && progress->etag != NULL)
		g_assert_cmpint(strlen(progress->etag), <=, MESSAGE_ETAG_MAX);
}

static void check_range(const char *value)
{
	gint64 first, last, size;
	gint64 wait_s = retry_after_parse(value, 0, RETRY_MAX_S);

	g_assert_true(wait_s >= 0 && wait_s <= RETRY_MAX_S);
	if (content_range_parse(value, &first, &last, &size))
		g_assert_true(0 <= first && first <= last && (size == 0 || last < size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gint64 deadline_us = g_get_monotonic_time() + G_USEC_PER_SEC;
	g_autofree char *text = g_strndup((const char *)data, size);
	int ends[2];

	check_range(text);
	if (size > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return 0;
	g_assert_true(file_write_all(ends[0], data, size, NULL));
	close(ends[0]);
	for (;;) {
		g_autoptr(Message) message = message_receive(ends[1], -1, deadline_us, NULL);

		if (message == NULL)
			break;
		check_message(message);
	}
	close(ends[1]);
	return 0;
}
