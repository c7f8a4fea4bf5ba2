/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: a spec gives the same bytes twice, through a file and through a pipe, and reads back; what
 * cannot be written is told; an output that fails. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "artifact/library/testing.h"

static GBytes *content_of(int fd)
{
	GByteArray *content = g_byte_array_new();
	guint8 buffer[4096];
	ssize_t got;

	while ((got = read(fd, buffer, sizeof buffer)) > 0)
		g_byte_array_append(content, buffer, (guint)got);
	close(fd);
	return g_byte_array_free_to_bytes(content);
}

static gpointer write_to_pipe(gpointer data)
{
	int *ends = data;
	g_autoptr(RotaArtifactSpec) spec = make_spec();
	bool written = rota_artifact_write(spec, NULL, ends[1], testing_folder, NULL, NULL);

	close(ends[1]);
	return GINT_TO_POINTER(written);
}

static void assert_written_header(const RotaArtifactHeader *header)
{
	const RotaArtifactPayload *payload = rota_artifact_header_payload(header, 0);
	size_t n;

	g_assert_cmpstr(rota_artifact_header_group(header), ==, "stable");
	g_assert_cmpint(
		rota_artifact_header_compression(header), ==, ROTA_ARTIFACT_COMPRESSION_ZSTD);
	g_assert_true(rota_artifact_header_is_augmented(header));
	g_assert_cmpuint(rota_artifact_header_warning_count(header), ==, 1);
	g_assert_nonnull(strstr(rota_artifact_header_warning(header, 0), "no signature covers"));
	const void *manifest = rota_artifact_header_manifest(header, &n);
	g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, manifest, n);
	g_assert_cmpstr(rota_artifact_header_manifest_sha256(header), ==, sum);
	g_assert_cmpstr(rota_artifact_payload_augmented_type(payload), ==, "single-file");
	g_assert_cmpstr(
		rota_artifact_payload_meta_data(payload), ==, "{\"a\":[true],\"b\":1,\"c\":null}");
	g_assert_cmpstr(rota_artifact_payload_clears_provides(payload)[0], ==, "app.*");
	const RotaArtifactDepends *depends = rota_artifact_payload_depends(payload, &n);
	g_assert_cmpuint(n, ==, 2);
	g_assert_cmpstr(depends[0].key, ==, "cpu");
	g_assert_cmpstr(depends[1].values[1], ==, "13");
	const RotaArtifactProvides *provides = rota_artifact_payload_provides(payload, &n);
	g_assert_cmpuint(n, ==, 3);
	g_assert_cmpstr(provides[0].key, ==, "app.checksum");
	const char *type_info = rota_artifact_payload_type_info(payload, &n);
	g_assert_nonnull(g_strstr_len(type_info, (gssize)n, "\"single-file\""));
}

static void assert_written_files(RotaArtifactReader *reader)
{
	const RotaArtifactFile *file;

	g_assert_true(rota_artifact_reader_next_file(reader, &file, NULL));
	g_assert_cmpstr(rota_artifact_file_name(file), ==, "app.bin");
	g_assert_false(rota_artifact_file_is_augmented(file));
	g_assert_cmpint(rota_artifact_file_modified_s(file), ==, 1700000000);
	g_assert_true(rota_artifact_reader_next_file(reader, &file, NULL));
	g_assert_cmpstr(rota_artifact_file_name(file), ==, "more.bin");
	g_assert_true(rota_artifact_file_is_augmented(file));
	g_assert_true(rota_artifact_reader_finish(reader, NULL));
}

static void test_written(void)
{
	g_autoptr(RotaArtifactSpec) spec = make_spec();
	g_autoptr(RotaArtifactError) error = NULL;
	int ends[2], fd = write_artifact(spec, NULL);
	g_autoptr(RotaArtifactReader) reader = rota_artifact_reader_open_fd(fd, NULL, &error);

	assert_no_error(error);
	assert_written_header(rota_artifact_reader_header(reader));
	assert_written_files(reader);
	close(fd);
	g_assert_cmpint(pipe(ends), ==, 0);
	g_autoptr(GBytes) through_file = content_of(write_artifact(spec, NULL));
	GThread *thread = g_thread_new("pipe", write_to_pipe, ends);
	g_autoptr(GBytes) through_pipe = content_of(ends[0]);
	g_assert_true(GPOINTER_TO_INT(g_thread_join(thread)));
	g_assert_true(g_bytes_equal(through_file, through_pipe));
}

static void test_not_written(void)
{
	g_autoptr(RotaArtifactSpec) spec = make_spec();
	g_autoptr(RotaArtifactSpec) nameless = rota_artifact_spec_new("");
	RotaArtifactError *error = NULL;
	int fd = open(testing_folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	g_assert_false(rota_artifact_write(nameless, NULL, fd, NULL, NULL, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_INVALID, "artifact name");
	g_assert_false(rota_artifact_spec_set_meta_data(spec, "[]", 2, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_INVALID, "meta-data: not a JSON object");
	g_assert_false(rota_artifact_spec_set_meta_data(spec, "{", 1, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_INVALID, "meta-data: ");
	rota_artifact_spec_set_size_max(spec, 1000);
	g_assert_false(rota_artifact_write(spec, NULL, fd, NULL, NULL, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_TOO_LARGE, "1000");
	rota_artifact_spec_set_size_max(spec, 0);
	rota_artifact_spec_add_file(spec, "/no/such/file");
	g_assert_false(rota_artifact_write(spec, NULL, fd, NULL, NULL, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_IO, "/no/such/file");
	close(fd);
}

static void test_output_that_fails(void)
{
	g_autoptr(RotaArtifactSpec) spec = make_spec();
	RotaArtifactError *error = NULL;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	g_assert_false(rota_artifact_write(spec, NULL, full, testing_folder, NULL, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_IO, "No space left");
	close(full);
}

static void add_tests(void)
{
	g_test_add_func("/library/spec/written", test_written);
	g_test_add_func("/library/spec/not-written", test_not_written);
	g_test_add_func("/library/spec/output-that-fails", test_output_that_fails);
}

int main(int argc, char **argv)
{
	return testing_run(argc, argv, add_tests);
}
