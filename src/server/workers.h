/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* A few threads for slow work that needs no store: password hashes, files. The queue is bounded, so
 * that a flood of log-ins is refused early and the rest of the server does not wait for it. */
typedef struct Workers Workers;

typedef void (*Work)(gpointer data);

Workers *workers_new(const char *name, guint n_threads, guint n_waiting_max);
/* FALSE with ROTA_ERROR_UNAVAILABLE where the queue is full. */
gboolean workers_push(
	Workers *workers, Work work, gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Finishes what is in the queue. */
void workers_free(Workers *workers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Workers, workers_free)
