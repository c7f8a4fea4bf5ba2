/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/sign.h"
#include <errno.h>
#include <string.h>
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <unistd.h>
#include "artifact/output.h"
#include "artifact/reader.h"
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

ArtifactHeader *artifact_sign_check(int fd, ArtifactRefusal *ret_refusal, GError **error)
{
	g_autoptr(GInputStream) in = open_at_start(fd, error);

	if (!in)
		return NULL;
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, NULL, ret_refusal, error);
	if (!reader || !artifact_reader_finish(reader, error))
		return NULL;
	return artifact_reader_steal_header(reader);
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

static gboolean write_signature(int fd, GBytes *signature, GError **error)
{
	gsize size;
	gconstpointer data = g_bytes_get_data(signature, &size);
	g_autofree char *text = g_base64_encode(data, size);
	g_autoptr(GByteArray) entry = g_byte_array_new();
	TarHeader header = { "manifest.sig", strlen(text), SIGNATURE_MODE, 0 };

	return tar_append(entry, &header, text, error) &&
	       output_write(fd, entry->data, entry->len, error);
}

static gboolean check_unchanged(const Layout *layout, const ArtifactHeader *checked, GError **error)
{
	if (layout->manifest && g_bytes_equal(layout->manifest, checked->manifest_bytes))
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
		"the artifact was changed while it was being signed");
	return FALSE;
}

gboolean artifact_sign_put(int in_fd, const ArtifactHeader *checked, GBytes *signature,
	gboolean replace, int out_fd, GError **error)
{
	g_auto(Layout) layout = { 0 };

	if (!find_layout(in_fd, &layout, error) || !check_unchanged(&layout, checked, error))
		return FALSE;
	if (layout.signature_end != layout.manifest_end && !replace) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT,
			"the artifact is signed already; --force replaces the signature");
		return FALSE;
	}
	return copy_range(in_fd, out_fd, 0, layout.manifest_end, error) &&
	       write_signature(out_fd, signature, error) &&
	       copy_range(in_fd, out_fd, layout.signature_end, G_MAXUINT64, error);
}
