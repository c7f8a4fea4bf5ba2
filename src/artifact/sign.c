/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/sign.h"
#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <unistd.h>
#include "artifact/output.h"
#include "artifact/reader.h"
#include "artifact/signature.h"
#include "artifact/tar-writer.h"
#include "artifact/tar.h"
#include "base/error.h"
#include "base/file.h"

enum { SIGNATURE_MODE = 0600, COPY_SIZE = 256 * 1024 };

/* Where the entries lie that signing is about. */
typedef struct {
	GBytes *manifest;
	guint64 manifest_end;
	guint64 signature_end; /* the same where there is no signature */
} Layout;

static void layout_clear(Layout *layout)
{
	g_clear_pointer(&layout->manifest, g_bytes_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Layout, layout_clear)

static GInputStream *open_at_start(int fd, GError **error)
{
	if (lseek(fd, 0, SEEK_SET) == 0)
		return g_unix_input_stream_new(fd, FALSE);
	rota_set_errno_error(error, errno, "go back to the start of the artifact");
	return NULL;
}

static gboolean verify_all(int fd, GError **error)
{
	g_autoptr(GInputStream) in = open_at_start(fd, error);

	if (!in)
		return FALSE;
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, NULL, NULL, error);
	return reader && artifact_reader_finish(reader, error);
}

static gboolean walk(TarReader *tar, Place *place, Layout *layout, GError **error)
{
	for (;;) {
		const TarEntry *entry;

		if (!tar_reader_next(tar, &entry, error))
			return FALSE;
		if (!entry)
			return TRUE;
		if (g_str_equal(entry->name, "manifest")) {
			layout->manifest_end = layout->signature_end = place->end;
			layout->manifest =
				tar_reader_read_body(tar, ARTIFACT_MANIFEST_SIZE_MAX, error);
			if (!layout->manifest)
				return FALSE;
		} else if (g_str_equal(entry->name, "manifest.sig")) {
			layout->signature_end = place->end;
		}
	}
}

static gboolean find_layout(int fd, Layout *layout, GError **error)
{
	g_autoptr(GInputStream) in = open_at_start(fd, error);
	Source source;
	Place place;
	TarReader tar;

	if (!in)
		return FALSE;
	source_init(&source, in);
	place_init(&place, &source.position, NULL);
	tar_reader_init(&tar, &source.stream, &place, TAR_OUTER);
	gboolean found = walk(&tar, &place, layout, error);
	tar_reader_clear(&tar);
	place_clear(&place);
	source_clear(&source);
	return found;
}

/* From @offset to @end, or to the end of the file. */
static gboolean copy_range(int from, int to, guint64 offset, guint64 end, GError **error)
{
	g_autofree guint8 *buffer = g_malloc(COPY_SIZE);

	while (offset < end) {
		gsize wanted = (gsize)MIN((guint64)COPY_SIZE, end - offset);
		ssize_t got = TEMP_FAILURE_RETRY(pread(from, buffer, wanted, (off_t)offset));

		if (got < 0) {
			rota_set_errno_error(error, errno, "read the artifact");
			return FALSE;
		}
		if (got == 0)
			return TRUE;
		if (!output_write(to, buffer, (gsize)got, error))
			return FALSE;
		offset += (guint64)got;
	}
	return TRUE;
}

static gboolean write_signature(int fd, const char *signature, GError **error)
{
	g_autoptr(GByteArray) entry = g_byte_array_new();
	TarHeader header = { "manifest.sig", strlen(signature), SIGNATURE_MODE, 0 };

	return tar_append(entry, &header, signature, error) &&
	       output_write(fd, entry->data, entry->len, error);
}

gboolean artifact_sign(int in_fd, const Key *key, gboolean replace, int out_fd, GError **error)
{
	g_auto(Layout) layout = { 0 };

	if (!verify_all(in_fd, error) || !find_layout(in_fd, &layout, error))
		return FALSE;
	if (layout.signature_end != layout.manifest_end && !replace) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
			"the artifact is signed already; --force replaces the signature");
		return FALSE;
	}
	g_autofree char *signature = signature_make(layout.manifest, key, error);
	return signature && copy_range(in_fd, out_fd, 0, layout.manifest_end, error) &&
	       write_signature(out_fd, signature, error) &&
	       copy_range(in_fd, out_fd, layout.signature_end, G_MAXUINT64, error);
}
