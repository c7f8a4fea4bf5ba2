/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* The one table from what went wrong to how HTTP says it. */

typedef struct {
	guint status;
	gboolean is_ours;    /* our fault: the caller is told "internal error", the log all of it */
	guint retry_after_s; /* 0 = not said */
} ErrorStatus;

/* An error of another domain than ROTA_ERROR and ARTIFACT_ERROR counts as ours. */
ErrorStatus error_status(const GError *error);
