/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/key-channel.h"
#include <string.h>
#include <unistd.h>
#include "agent/messages.h"
#include "base/encode.h"
#include "base/error.h"

typedef struct {
	int channel;
	gint64 limit_s;
} KeyChannel;

static void key_channel_free(gpointer data)
{
	KeyChannel *there = data;

	close(there->channel);
	g_free(there);
}

static GBytes *read_answer(const Message *answer, GError **error)
{
	if (answer->type == MESSAGE_SIGNED) {
		const SignedMessage *signed_data = answer->data;

		return base64_decode_strict(
			signed_data->signature, strlen(signed_data->signature), error);
	}
	if (answer->type == MESSAGE_FAILED)
		message_set_failed(error, answer->data);
	else
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "SIGN was answered with %s",
			message_type_name(answer->type));
	return NULL;
}

static GBytes *sign_there(
	gpointer state, const KeyScheme *scheme, gconstpointer data, gsize size, GError **error)
{
	const KeyChannel *there = state;
	gint64 deadline_us = g_get_monotonic_time() + there->limit_s * G_USEC_PER_SEC;
	g_autofree char *text = g_base64_encode(data, size);
	g_autofree char *digest = g_strdup(scheme->digest);
	SignMessage sign = { .digest = digest, .pss = scheme->pss, .data = text };
	g_autoptr(Message) answer = NULL;
	g_autoptr(GBytes) signature = NULL;

	if (strlen(text) > MESSAGE_SIGN_MAX) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TOO_LARGE,
			"%zu bytes are too many to be signed", size);
		return NULL;
	}
	if (message_send(there->channel, MESSAGE_SIGN, &sign, -1, deadline_us, error))
		answer = message_receive(there->channel, -1, deadline_us, error);
	if (answer != NULL)
		signature = read_answer(answer, error);
	if (signature == NULL)
		g_prefix_error(error, "the device key: ");
	return g_steal_pointer(&signature);
}

Key *key_channel_new(int channel, const char *public_half, gint64 limit_s, GError **error)
{
	static const KeySigner signer = { sign_there, key_channel_free };
	KeyChannel *there = g_new(KeyChannel, 1);
	Key *key;

	*there = (KeyChannel){ channel, limit_s };
	key = key_new_elsewhere(public_half, strlen(public_half), &signer, there, error);
	if (key == NULL)
		key_channel_free(there);
	return key;
}
