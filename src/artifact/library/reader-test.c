/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: each vector that must be accepted is, through a function that gives little at a time, with
 * the facts of its index; each that must be refused is, with rule and class of its index; an input
 * that fails, or gives more than was asked for. */
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>
#include "artifact/library/testing.h"

enum { STEP_SIZE = 977 };

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

static json_t *load_index(const char *kind)
{
	g_autofree char *path = vector_path(kind, "index.json");
	json_t *index = json_load_file(path, JSON_ALLOW_NUL, NULL);

	g_assert_nonnull(index);
	return index;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static RotaArtifactPolicy *policy_for(const char *kind, const json_t *vector)
{
	RotaArtifactPolicy *policy = rota_artifact_policy_new();
	const char *key = text_of(vector, "key");

	if (key) {
		g_autofree char *path = vector_path(kind, key);
		RotaArtifactError *error = NULL;

		g_assert_true(rota_artifact_policy_add_key_file(policy, path, &error));
		assert_no_error(error);
	}
	return policy;
}

/* --- valid --- */

static ssize_t read_little(void *buffer, size_t size, void *user_data)
{
	return read(*(int *)user_data, buffer, MIN(size, (size_t)STEP_SIZE));
}

static void assert_texts(const char *const *texts, const json_t *expected)
{
	json_t *text;
	size_t i;

	json_array_foreach (expected, i, text)
		g_assert_cmpstr(texts[i], ==, json_string_value(text));
	g_assert_null(texts[i]);
}

static void assert_provides(const RotaArtifactPayload *payload, const json_t *expected)
{
	size_t n_provides;
	const RotaArtifactProvides *provides = rota_artifact_payload_provides(payload, &n_provides);
	g_autoptr(json_t) all = json_deep_copy(json_object_get(expected, "provides"));

	json_object_update(all, json_object_get(json_object_get(expected, "augment"), "provides"));
	g_assert_cmpuint(n_provides, ==, json_object_size(all));
	for (size_t i = 0; i < n_provides; i++) {
		g_assert_cmpstr(provides[i].value, ==, text_of(all, provides[i].key));
		g_assert_true(i == 0 || strcmp(provides[i - 1].key, provides[i].key) < 0);
	}
}

static void assert_scripts(const RotaArtifactHeader *header, const json_t *expected)
{
	json_t *script;
	size_t i;

	g_assert_cmpuint(rota_artifact_header_script_count(header), ==, json_array_size(expected));
	json_array_foreach (expected, i, script) {
		size_t size;
		const void *content = rota_artifact_header_script_content(header, i, &size);
		g_autofree char *sum =
			g_compute_checksum_for_data(G_CHECKSUM_SHA256, content, size);

		g_assert_cmpstr(
			rota_artifact_header_script_name(header, i), ==, text_of(script, "name"));
		g_assert_cmpstr(sum, ==, text_of(script, "sha256"));
	}
}

static void assert_header(const RotaArtifactHeader *header, const json_t *vector)
{
	const json_t *expected = json_object_get(vector, "read");
	const char *group = rota_artifact_header_group(header);
	json_t *payload;
	size_t i;

	g_assert_cmpint(rota_artifact_header_format_version(header), ==,
		json_integer_value(json_object_get(vector, "format_version")));
	g_assert_cmpstr(rota_artifact_header_name(header), ==, text_of(expected, "name"));
	g_assert_cmpstr(group ? group : "", ==, text_of(expected, "group"));
	g_assert_cmpint(rota_artifact_header_signature(header), ==,
		json_is_true(json_object_get(vector, "signed")) ? ROTA_ARTIFACT_SIGNED_GOOD
								: ROTA_ARTIFACT_UNSIGNED);
	assert_texts(rota_artifact_header_device_types(header),
		json_object_get(expected, "compatible_types"));
	assert_texts(rota_artifact_header_depends_names(header),
		json_object_get(expected, "depends_artifact_names"));
	assert_texts(rota_artifact_header_depends_groups(header),
		json_object_get(expected, "depends_groups"));
	assert_scripts(header, json_object_get(expected, "scripts"));
	json_array_foreach (json_object_get(expected, "payloads"), i, payload) {
		const RotaArtifactPayload *found = rota_artifact_header_payload(header, i);

		g_assert_cmpstr(rota_artifact_payload_type(found), ==, text_of(payload, "type"));
		assert_provides(found, payload);
	}
	g_assert_cmpuint(rota_artifact_header_payload_count(header), ==, i);
}

static void assert_next_file(RotaArtifactReader *reader, const json_t *expected)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_autoptr(RotaArtifactError) error = NULL;
	const RotaArtifactFile *file;
	guint8 buffer[STEP_SIZE];
	uint64_t size = 0;
	ssize_t got;

	g_assert_true(rota_artifact_reader_next_file(reader, &file, &error));
	g_assert_nonnull(file);
	g_assert_cmpstr(rota_artifact_file_name(file), ==, text_of(expected, "name"));
	g_assert_cmpuint(rota_artifact_file_payload(file), ==, 0);
	while ((got = rota_artifact_reader_read(reader, buffer, sizeof buffer, &error)) > 0) {
		g_checksum_update(sum, buffer, got);
		size += (uint64_t)got;
	}
	assert_no_error(error);
	g_assert_cmpuint(size, ==, rota_artifact_file_size(file));
	g_assert_cmpstr(g_checksum_get_string(sum), ==, text_of(expected, "sha256"));
	g_assert_cmpstr(g_checksum_get_string(sum), ==, rota_artifact_file_sha256(file));
}

static void check_valid(const json_t *vector)
{
	g_autofree char *path = vector_path("artifacts", text_of(vector, "file"));
	g_autoptr(RotaArtifactPolicy) policy = policy_for("artifacts", vector);
	g_autoptr(RotaArtifactError) error = NULL;
	const RotaArtifactFile *file;
	int fd = open_path(path);
	g_autoptr(RotaArtifactReader) reader =
		rota_artifact_reader_open(read_little, &fd, policy, &error);
	json_t *expected;
	size_t i;

	assert_no_error(error);
	assert_header(rota_artifact_reader_header(reader), vector);
	const json_t *payloads = json_object_get(json_object_get(vector, "read"), "payloads");
	json_array_foreach (json_object_get(json_array_get(payloads, 0), "files"), i, expected)
		assert_next_file(reader, expected);
	g_assert_true(rota_artifact_reader_next_file(reader, &file, &error));
	g_assert_null(file);
	g_assert_true(rota_artifact_reader_finish(reader, &error));
	g_assert_cmpuint(rota_artifact_reader_offset(reader), ==,
		(uint64_t)json_integer_value(json_object_get(vector, "size")));
	close(fd);
}

static void test_valid(void)
{
	g_autoptr(json_t) index = load_index("artifacts");
	json_t *vector;
	size_t i;

	json_array_foreach (json_object_get(index, "artifacts"), i, vector)
		check_valid(vector);
	g_assert_cmpuint(i, >, 40);
}

/* --- hostile --- */

static void test_hostile(void)
{
	g_autoptr(json_t) index = load_index("hostile");
	json_t *vector;
	size_t i;

	json_array_foreach (json_object_get(index, "artifacts"), i, vector) {
		g_autofree char *path = vector_path("hostile", text_of(vector, "file"));
		g_autoptr(RotaArtifactPolicy) policy = policy_for("hostile", vector);
		g_autoptr(RotaArtifactError) error = NULL;
		int fd = open_path(path);

		g_assert_false(rota_artifact_validate_fd(fd, policy, &error));
		close(fd);
		g_assert_cmpint(rota_artifact_error_status(error), ==, ROTA_ARTIFACT_ERROR_REFUSED);
		g_assert_cmpint(
			rota_artifact_error_rule(error), ==, atoi(text_of(vector, "rule") + 1));
		g_assert_cmpstr(
			rota_artifact_error_class(error), ==, text_of(vector, "error_class"));
		g_assert_nonnull(strstr(
			rota_artifact_error_message(error), rota_artifact_error_member(error)));
		g_assert_cmpuint(rota_artifact_error_offset(error), <=,
			(uint64_t)json_integer_value(json_object_get(vector, "size")));
	}
	g_assert_cmpuint(i, >, 90);
}

/* --- input --- */

static ssize_t fail_to_read(void *buffer, size_t size, void *user_data)
{
	errno = EIO;
	return -1;
}

static ssize_t read_too_much(void *buffer, size_t size, void *user_data)
{
	memset(buffer, 'x', size);
	return (ssize_t)size + 1;
}

static void test_input_that_fails(void)
{
	RotaArtifactError *error = NULL;

	g_assert_null(rota_artifact_reader_open(fail_to_read, NULL, NULL, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_IO, "Input/output error");
	g_assert_null(rota_artifact_reader_open(read_too_much, NULL, NULL, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_IO, "");
	g_assert_null(rota_artifact_reader_open_fd(-1, NULL, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_IO, "");
}

static void add_tests(void)
{
	g_test_add_func("/library/reader/valid", test_valid);
	g_test_add_func("/library/reader/hostile", test_hostile);
	g_test_add_func("/library/reader/input-that-fails", test_input_that_fails);
}

int main(int argc, char **argv)
{
	return testing_run(argc, argv, add_tests);
}
