/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/**
 * run_program:
 * @words: the program, found by PATH, and its arguments; NULL-terminated
 * @deadline_s: after so long it is killed
 * @ret_output: (out)(transfer full)(optional): what it printed, without the blanks at the end
 *
 * Its stderr is ours. ROTA_ERROR_UNAVAILABLE where it cannot be started or fails,
 * ROTA_ERROR_TIMED_OUT past the deadline.
 */
gboolean run_program(const char *const *words, guint deadline_s, char **ret_output,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
