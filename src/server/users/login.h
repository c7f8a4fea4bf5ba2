/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/call.h"
#include "server/users/users.h"

/* Logging in and out. */
gboolean login(Call *call, GError **error) G_GNUC_WARN_UNUSED_RESULT;  /* RUN_READ */
gboolean logout(Call *call, GError **error) G_GNUC_WARN_UNUSED_RESULT; /* RUN_WRITE */

/* Stores a token for a user within the call's transaction and answers the call with its text.
 * @kind: USER_TOKEN_SESSION or USER_TOKEN_ACCESS; @expires_s: 0 = never */
gboolean user_token_issue(Call *call, const User *user, const char *kind, const char *name,
	gint64 expires_s, GError **error) G_GNUC_WARN_UNUSED_RESULT;
