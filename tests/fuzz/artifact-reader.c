/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the bytes are: an artifact is refused with a rule, or all that was handed out adds up. A
 * sum stands before most of what lies inside, so the same bytes are tried as a header archive as
 * well. */
#include <gio/gio.h>
#include <stdint.h>
#include "artifact/header-members.h"
#include "artifact/header-private.h"
#include "artifact/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static void read_header(GBytes *bytes, HeaderKind kind)
{
	g_autoptr(GInputStream) in = g_memory_input_stream_new_from_bytes(bytes);
	g_autoptr(ArtifactHeader) header = artifact_header_new();
	g_auto(GStrv) files = NULL;
	HeaderMembers members;
	Source source;
	Place place;

	source_init(&source, in);
	place_init(&place, &source.position, NULL);
	place_enter(&place, "header.tar", 0, g_bytes_get_size(bytes));
	if (header_members_read(&members, kind, &source.stream, &place, NULL))
		(void)!header_members_parse(&members, kind, header, &files, &place, NULL);
	header_members_clear(&members);
	place_clear(&place);
	source_clear(&source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);

	read_artifact(bytes);
	read_header(bytes, HEADER_V3);
	read_header(bytes, HEADER_V2);
	return 0;
}
