/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the bytes are: an artifact is refused with a rule, or all that was handed out adds up.
 * They are read as they are, and once more with every sum in them put right. */
#include <gio/gio.h>
#include "artifact/reader.h"
#include "shared/repair.h"
#include "shared/target.h"

static void read_artifact(GBytes *bytes)
{
	g_autoptr(GInputStream) in = g_memory_input_stream_new_from_bytes(bytes);
	g_autoptr(GError) error = NULL;
	ArtifactRefusal refusal;
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, NULL, &refusal, &error);

	if (reader && artifact_reader_finish(reader, &error)) {
		g_assert_cmpstr(artifact_reader_header(reader)->name, !=, NULL);
		g_assert_cmpuint(artifact_reader_offset(reader), ==, g_bytes_get_size(bytes));
		return;
	}
	g_assert_true(error->domain == ARTIFACT_ERROR);
	g_assert_true(refusal.rule >= 1 && refusal.rule <= 19);
	g_assert_cmpuint(refusal.offset, <=, g_bytes_get_size(bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
	guint8 *copy = g_memdup2(data, size);
	g_autoptr(GBytes) repaired = g_bytes_new_take(copy, size);

	read_artifact(bytes);
	repair_artifact(copy, size);
	read_artifact(repaired);
	return 0;
}
