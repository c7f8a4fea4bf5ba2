/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <sys/types.h>

/* Locks between processes of one DATA. The kernel drops them with the process, and knows who holds
 * one, so that no file with a number can be wrong. */

/* Takes the lock: a descriptor to keep open, or -1; ROTA_ERROR_CONFLICT where another process has
 * it. */
int lock_take(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The process that holds it; 0 = nobody. */
pid_t lock_holder(const char *path);
