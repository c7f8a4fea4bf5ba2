/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/keeper.h"
#include <fcntl.h>
#include <unistd.h>
#include <errno.h>
#include "agent/child.h"
#include "agent/key-channel.h"
#include "agent/messages.h"
#include "base/error.h"

enum {
	OPEN_LIMIT_S = 90, /* beyond the deadline of one call to a token */
	SIGN_LIMIT_S = 90,
};

#define PROGRAM_NAME "rota-agent-key"

struct Keeper {
	Child child;
	char *public_half;
	gboolean made;
};

static gboolean take_opened(Keeper *keeper, Message *answer, GError **error)
{
	OpenedMessage *opened = answer->data;

	if (answer->type == MESSAGE_OPENED) {
		keeper->public_half = g_steal_pointer(&opened->public_half);
		keeper->made = opened->made;
		return TRUE;
	}
	if (answer->type == MESSAGE_FAILED)
		message_set_failed(error, answer->data);
	else
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			PROGRAM_NAME " answered OPEN with %s", message_type_name(answer->type));
	return FALSE;
}

static gboolean ask_to_open(Keeper *keeper, const KeeperOptions *options, GError **error)
{
	gint64 deadline_us = g_get_monotonic_time() + OPEN_LIMIT_S * G_USEC_PER_SEC;
	OpenMessage open = {
		.name = (char *)(guintptr)options->name,
		.engine = (char *)(guintptr)options->engine,
		.passphrase = (char *)(guintptr)options->passphrase,
		.make = (char *)(guintptr)options->make,
		.bits = options->bits,
		.only_new = options->only_new,
	};
	g_autoptr(Message) answer = NULL;

	if (message_send(keeper->child.channel, MESSAGE_OPEN, &open, -1, deadline_us, error))
		answer = message_receive(keeper->child.channel, -1, deadline_us, error);
	return answer != NULL && take_opened(keeper, answer, error);
}

Keeper *keeper_open(const KeeperOptions *options, GError **error)
{
	g_autoptr(Keeper) keeper = g_new0(Keeper, 1);
	ChildStart start = { .path = options->program, .more_fd = -1 };

	keeper->child = (Child)CHILD_INIT(PROGRAM_NAME);
	if (!child_start(&keeper->child, &start, error)) {
		g_prefix_error(error, "start " PROGRAM_NAME ": ");
		return NULL;
	}
	return ask_to_open(keeper, options, error) ? g_steal_pointer(&keeper) : NULL;
}

void keeper_close(Keeper *keeper)
{
	if (keeper == NULL)
		return;
	child_end(&keeper->child);
	g_free(keeper->public_half);
	g_free(keeper);
}

const char *keeper_public_half(const Keeper *keeper)
{
	return keeper->public_half;
}

gboolean keeper_has_made(const Keeper *keeper)
{
	return keeper->made;
}

Key *keeper_key(Keeper *keeper, GError **error)
{
	int channel = fcntl(keeper->child.channel, F_DUPFD_CLOEXEC, 0);

	if (channel >= 0)
		return key_channel_new(channel, keeper->public_half, SIGN_LIMIT_S, error);
	rota_set_errno_error(error, errno, "the socket of " PROGRAM_NAME);
	return NULL;
}

int keeper_channel(const Keeper *keeper)
{
	return keeper->child.channel;
}

void keeper_leave_channel(Keeper *keeper)
{
	close(keeper->child.channel);
	keeper->child.channel = -1;
}
