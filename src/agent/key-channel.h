/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "crypto/key.h"

/**
 * key_channel_new:
 * @channel: a socket to rota-agent-key behind its OPENED; closed with the key
 * @public_half: PEM
 * @limit_s: for one signature
 *
 * A key that signs at the other end of @channel. Every signature is verified with the public half
 * before it is used.
 */
Key *key_channel_new(int channel, const char *public_half, gint64 limit_s,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
