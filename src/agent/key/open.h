/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/messages.h"
#include "crypto/key.h"

/* Opens or makes what an OPEN names. @ret_made: TRUE where it is new. */
Key *key_open(
	const OpenMessage *open, gboolean *ret_made, GError **error) G_GNUC_WARN_UNUSED_RESULT;
