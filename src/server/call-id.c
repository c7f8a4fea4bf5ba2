/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "server/call-private.h"
#include "server/layer-private.h"

/* What a call is named by in logs and answers. */

/* A UUID of version 4 by its form: the process's random number, then a count. Written by hand,
 * since printf took a twentieth of the time of a poll. */
static void make_request_id(guint64 prefix, guint64 number, char ret_id[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	static const char form[] = "pppppppp-pppp-4ppp-8nnn-nnnnnnnnnnnn";
	guint prefix_shift = 60, number_shift = 56;

	for (guint i = 0; i < sizeof form; i++) {
		ret_id[i] = form[i];
		if (form[i] == 'p') {
			ret_id[i] = digits[prefix >> prefix_shift & 15];
			prefix_shift -= 4;
		} else if (form[i] == 'n') {
			ret_id[i] = digits[number >> number_shift & 15];
			number_shift -= 4;
		}
	}
}

/* The caller's own id where it is a plain word, so that logs of both sides can be matched; else a
 * new one. */
void call_set_request_id(Call *call)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const char *given = http_request_header(call->request, "X-MEN-RequestID");
	guint64 number;

	if (given && *given && strlen(given) <= REQUEST_ID_MAX &&
		given[strspn(given, plain)] == '\0') {
		g_strlcpy(call->request_id, given, sizeof call->request_id);
		return;
	}
	number = __atomic_add_fetch(&call->layer->n_ids, 1, __ATOMIC_RELAXED);
	make_request_id(call->layer->id_prefix, number, call->request_id);
}
