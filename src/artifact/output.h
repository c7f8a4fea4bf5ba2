/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Writing an artifact out. Where the system does not take it, whoever opened the descriptor knows
 * its name: the error is of a domain of its own, so that it can be told from one of an input. Its
 * code is errno. */
#define ARTIFACT_OUTPUT_ERROR (artifact_output_error_quark())
GQuark artifact_output_error_quark(void);

/* Writes all of @data, going on after short writes; "write: REASON". */
gboolean output_write(
	int fd, gconstpointer data, gsize size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets the same for another call that failed with @saved_errno. Always FALSE. */
gboolean output_fail(int saved_errno, GError **error);
