/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of a tar file, as the artifact itself and as an archive in it; the sums of the headers
 * are put right first. Whatever the bytes are: what is handed out lies in them, and the entries
 * follow one another. */
#include <gio/gio.h>
#include "artifact/header-members.h"
#include "artifact/header-private.h"
#include "artifact/tar.h"
#include "shared/repair.h"
#include "shared/target.h"

enum { BODY_SIZE_MAX = 4096 };

typedef struct {
	Source source;
	Place place;
} Input;

static void input_init(Input *input, GBytes *bytes)
{
	g_autoptr(GInputStream) in = g_memory_input_stream_new_from_bytes(bytes);

	source_init(&input->source, in);
	place_init(&input->place, &input->source.position, NULL);
	place_enter(&input->place, "header.tar", 0, g_bytes_get_size(bytes));
}

static void input_clear(Input *input)
{
	place_clear(&input->place);
	source_clear(&input->source);
}

/* FALSE where the archive ends or is refused. Every other body is left unread, to be skipped. */
static gboolean take_entry(TarReader *tar, guint64 *end, guint n, gboolean *ret_good)
{
	const TarEntry *entry;

	*ret_good = tar_reader_next(tar, &entry, NULL);
	if (!*ret_good || !entry)
		return FALSE;
	g_assert_nonnull(entry->name);
	g_assert_cmpuint(entry->start, >=, *end);
	*end = tar->position;
	if (n % 2 != 0)
		return TRUE;
	g_autoptr(GBytes) body = tar_reader_read_body(tar, BODY_SIZE_MAX, NULL);
	*ret_good = body != NULL;
	if (body)
		g_assert_cmpuint(g_bytes_get_size(body), ==, entry->size);
	return *ret_good;
}

static void read_tar(GBytes *bytes, TarLevel level)
{
	Input input;
	TarReader tar;
	guint64 end = 0;
	guint n = 0;
	gboolean good;

	input_init(&input, bytes);
	tar_reader_init(&tar, &input.source.stream, &input.place, level);
	while (take_entry(&tar, &end, n, &good))
		n++;
	if (good && tar_reader_finish(&tar, NULL))
		g_assert_cmpuint(input.source.position, ==, g_bytes_get_size(bytes));
	tar_reader_clear(&tar);
	input_clear(&input);
}

static void read_header(GBytes *bytes, HeaderKind kind)
{
	g_autoptr(ArtifactHeader) header = artifact_header_new();
	g_auto(GStrv) files = NULL;
	HeaderMembers members;
	Input input;

	input_init(&input, bytes);
	if (header_members_read(&members, kind, &input.source.stream, &input.place, NULL) &&
		kind != HEADER_AUGMENT)
		(void)!header_members_parse(&members, kind, header, &files, &input.place, NULL);
	header_members_clear(&members);
	input_clear(&input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	guint8 *copy = g_memdup2(data, size);
	g_autoptr(GBytes) bytes = g_bytes_new_take(copy, size);

	repair_tar(copy, size);
	read_tar(bytes, TAR_OUTER);
	read_tar(bytes, TAR_INNER);
	read_header(bytes, HEADER_V3);
	read_header(bytes, HEADER_V2);
	read_header(bytes, HEADER_AUGMENT);
	return 0;
}
