/* SPDX-License-Identifier: Apache-2.0 */
/* A changed copy of whatever artifact the reader accepts (shared/parts.h): it is refused for a
 * reason that is named, or is an artifact again, with the change and the files it had. */
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <sys/mman.h>
#include <unistd.h>
#include "artifact/output.h"
#include "artifact/reader.h"
#include "artifact/rewrite.h"
#include "base/error.h"
#include "base/file.h"
#include "shared/parts.h"
#include "shared/target.h"

static const char new_name[] = "another-name";

static char *files_to_text(ArtifactReader *reader)
{
	GString *text = g_string_new(NULL);
	const ArtifactFile *file;

	while (artifact_reader_next_file(reader, &file, NULL) && file)
		g_string_append_printf(text, "%u %d %s %s\n", file->payload, file->augmented,
			file->name, file->sha256);
	return g_string_free(text, FALSE);
}

/* (transfer full): the files of an artifact; NULL where it is refused. */
static char *read_artifact(int fd, char **ret_name, guint *ret_payloads)
{
	g_autoptr(GInputStream) in = g_unix_input_stream_new(fd, FALSE);

	g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, NULL, NULL, NULL);
	if (!reader)
		return NULL;
	g_autofree char *files = files_to_text(reader);
	if (!artifact_reader_finish(reader, NULL))
		return NULL;
	*ret_name = g_strdup(artifact_reader_header(reader)->name);
	*ret_payloads = artifact_reader_header(reader)->payloads->len;
	return g_steal_pointer(&files);
}

static void rewrite(int in, const char *files)
{
	static const CompressChoice none = { .kind = ARTIFACT_COMPRESSION_NONE };
	ArtifactChange change = { .name = new_name, .compression = &none };
	autofd int out = memfd_create("out", MFD_CLOEXEC);
	g_autoptr(GError) error = NULL;
	g_autofree char *name = NULL;
	guint n_payloads;

	if (!artifact_rewrite(in, &change, NULL, out, &error)) {
		g_assert_true(g_error_matches(error, ROTA_ERROR, ROTA_ERROR_INVALID) ||
			      error->domain == ARTIFACT_ERROR);
		return;
	}
	g_autofree char *files_after = read_artifact(out, &name, &n_payloads);
	g_assert_cmpstr(files_after, ==, files);
	g_assert_cmpstr(name, ==, new_name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(Parts) parts = parts_new(data, size);
	g_autoptr(GBytes) bytes = parts_to_artifact(parts);
	autofd int in = memfd_create("in", MFD_CLOEXEC);
	g_autofree char *name = NULL;
	guint n_payloads;
	gsize artifact_size;
	gconstpointer artifact = g_bytes_get_data(bytes, &artifact_size);

	g_assert_true(file_write_all(in, artifact, artifact_size, NULL));
	g_autofree char *files = read_artifact(in, &name, &n_payloads);
	if (files && n_payloads == 1)
		rewrite(in, files);
	return 0;
}
