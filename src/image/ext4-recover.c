/* SPDX-License-Identifier: Apache-2.0 */
/* libext2fs does not replay journals; e2fsck does, and mender-artifact leaves it to that, too. */
#include "base/error.h"
#include "image/ext4-private.h"
#include "image/program.h"

enum { E2FSCK_CORRECTED = 1 };

gboolean ext4_recover(const ImageRange *range, GError **error)
{
	g_autofree char *device = g_strdup_printf(
		"/proc/self/fd/%d?offset=%" G_GUINT64_FORMAT, PROGRAM_IMAGE_FD, range->start);
	const char *const arguments[] = { "e2fsck", "-p", device, NULL };
	const ProgramCall call = {
		.arguments = arguments,
		.package = "e2fsprogs",
		.image_fd = range->fd,
		.input_fd = -1,
	};
	int status;

	if (!program_call(&call, &status, NULL, error)) {
		g_prefix_error(error, "replay the journal of the file system: ");
		return FALSE;
	}
	if (status == 0 || status == E2FSCK_CORRECTED)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT,
		"the file system needs a repair that e2fsck does not make unasked");
	return FALSE;
}
