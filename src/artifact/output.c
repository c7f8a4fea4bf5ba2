/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/output.h"
#include <errno.h>
#include <unistd.h>

G_DEFINE_QUARK(artifact - output - error - quark, artifact_output_error)

gboolean output_fail(int saved_errno, GError **error)
{
	g_set_error(
		error, ARTIFACT_OUTPUT_ERROR, saved_errno, "write: %s", g_strerror(saved_errno));
	return FALSE;
}

gboolean output_write(int fd, gconstpointer data, gsize size, GError **error)
{
	const guint8 *at = data;

	while (size > 0) {
		ssize_t written = TEMP_FAILURE_RETRY(write(fd, at, size));

		if (written < 0)
			return output_fail(errno, error);
		at += written;
		size -= (gsize)written;
	}
	return TRUE;
}
