/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Passwords, as libsodium's Argon2id strings. Slow on purpose: never on an event loop. */
char *password_hash(
	const char *password, GError **error) G_GNUC_WARN_UNUSED_RESULT; /* (transfer full) */
gboolean password_matches(const char *hash, const char *password) G_GNUC_WARN_UNUSED_RESULT;
/* Spends the time of a comparison where there is no account, so that both answers take as long. */
void password_waste_time(const char *password);
