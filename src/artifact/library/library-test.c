/* SPDX-License-Identifier: Apache-2.0 */
/* The library from outside: through its header and its shared object only.
 *   valid     each vector that must be accepted is, through a function that gives little at a time,
 *             with the facts of its index
 *   hostile   each vector that must be refused is, with rule and class of its index
 *   policy    keys from files and from memory, no signature, another key, bad signatures that are
 *             shown but never valid, augmented parts, things that are no keys
 *   written   a spec gives the same bytes twice, through a file and through a pipe, and reads back
 *   signed    by a key in a file, encrypted or not, and by a callback that gives r and s, DER,
 *             nothing or nonsense; while writing and later; twice is a conflict
 *   io        an input that fails, or gives more than was asked for; an output that fails
 *   threads   several read, validate and write at once with one policy and one signer */
#include "artifact/library/librota-artifact.h"
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

enum { STEP_SIZE = 977, ROUNDS = 20, N_THREADS = 4 };

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RotaArtifactError, rota_artifact_error_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RotaArtifactPolicy, rota_artifact_policy_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RotaArtifactReader, rota_artifact_reader_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RotaArtifactSigner, rota_artifact_signer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RotaArtifactSpec, rota_artifact_spec_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)

static char *folder;

static void assert_no_error(const RotaArtifactError *error)
{
	if (error)
		g_error("%s", rota_artifact_error_message(error));
}

static void assert_error(RotaArtifactError **error, RotaArtifactStatus status, const char *part)
{
	g_assert_nonnull(*error);
	if (rota_artifact_error_status(*error) != status ||
		!strstr(rota_artifact_error_message(*error), part))
		g_error("status %d: %s", rota_artifact_error_status(*error),
			rota_artifact_error_message(*error));
	rota_artifact_error_free(*error);
	*error = NULL;
}

static char *path_of(const char *name)
{
	return g_build_filename(folder, name, NULL);
}

static char *vector_path(const char *kind, const char *name)
{
	return g_build_filename(ROTA_VECTORS, kind, name, NULL);
}

static json_t *load_index(const char *kind)
{
	g_autofree char *path = vector_path(kind, "index.json");
	json_t *index = json_load_file(path, JSON_ALLOW_NUL, NULL);

	g_assert_nonnull(index);
	return index;
}

static int open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	return fd;
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

/* --- policy --- */

/* TRUE where the artifact is valid for @policy. */
static bool validate(const char *name, const RotaArtifactPolicy *policy, RotaArtifactError **error)
{
	g_autofree char *path = vector_path("artifacts", name);
	int fd = open_path(path);
	bool valid = rota_artifact_validate_fd(fd, policy, error);

	close(fd);
	return valid;
}

static void add_vector_key(RotaArtifactPolicy *policy, const char *name)
{
	g_autofree char *path = vector_path("artifacts", name);
	g_autofree char *pem = NULL;
	size_t size;

	g_assert_true(g_file_get_contents(path, &pem, &size, NULL));
	g_assert_true(rota_artifact_policy_add_key_pem(policy, pem, size, NULL));
}

static void test_policy(void)
{
	g_autoptr(RotaArtifactPolicy) policy = rota_artifact_policy_new();
	RotaArtifactError *error = NULL;

	g_assert_true(validate("comp-gzip.mender", NULL, &error));
	g_assert_false(validate("signed-p256.mender", policy, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_REFUSED, "R10 signature: ");
	add_vector_key(policy, "keys/rsa3072.pub.pem");
	g_assert_false(validate("signed-p256.mender", policy, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_REFUSED, "R10 signature: manifest.sig");
	g_assert_false(validate("comp-gzip.mender", policy, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_REFUSED, "there is no signature");
	rota_artifact_policy_show_bad_signature(policy, true);
	g_assert_false(validate("signed-p256.mender", policy, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_REFUSED, "R10 signature: manifest.sig");
	add_vector_key(policy, "keys/p256.pub.pem");
	g_assert_true(validate("signed-p256.mender", policy, &error));
	g_assert_true(validate("aug-none-signed-p256.mender", policy, &error));
	rota_artifact_policy_refuse_augmented(policy, true);
	g_assert_false(validate("aug-none-signed-p256.mender", policy, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_REFUSED, "R11 structure: manifest-augment");
	g_assert_false(rota_artifact_policy_add_key_pem(policy, "no key", 6, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_INVALID, "");
	g_assert_false(rota_artifact_policy_add_key_file(policy, "/no/such/file", &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_IO, "/no/such/file");
	g_assert_false(rota_artifact_policy_add_key_pem(policy, "no key", 6, NULL));
}

static void test_bad_signature_shown(void)
{
	g_autofree char *path = vector_path("artifacts", "signed-p256.mender");
	g_autoptr(RotaArtifactPolicy) policy = rota_artifact_policy_new();
	int fd = open_path(path);

	add_vector_key(policy, "keys/rsa3072.pub.pem");
	rota_artifact_policy_show_bad_signature(policy, true);
	g_autoptr(RotaArtifactReader) reader = rota_artifact_reader_open_fd(fd, policy, NULL);
	g_assert_nonnull(reader);
	const RotaArtifactHeader *header = rota_artifact_reader_header(reader);
	g_assert_cmpint(rota_artifact_header_signature(header), ==, ROTA_ARTIFACT_SIGNED_BAD);
	g_assert_null(rota_artifact_header_signer_key_id(header));
	close(fd);
}

/* --- written --- */

static void write_text(const char *name, const char *text)
{
	g_autofree char *path = path_of(name);

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static RotaArtifactSpec *make_spec(void)
{
	static const char meta_data[] = "{\"b\": 1, \"a\": [true]}";
	RotaArtifactSpec *spec = rota_artifact_spec_new("release-1");
	g_autofree char *file = path_of("app.bin"), *more = path_of("more.bin");
	g_autofree char *script = path_of("ArtifactInstall_Enter_00");

	rota_artifact_spec_add_device_type(spec, "ecu-gw");
	rota_artifact_spec_add_device_type(spec, "ecu-hu");
	rota_artifact_spec_set_group(spec, "stable");
	rota_artifact_spec_add_depends_name(spec, "release-0");
	rota_artifact_spec_add_depends_group(spec, "beta");
	rota_artifact_spec_set_payload_type(spec, "single-file");
	rota_artifact_spec_add_file(spec, file);
	rota_artifact_spec_add_script(spec, script);
	rota_artifact_spec_add_provides(spec, "app.version", "1");
	rota_artifact_spec_add_checksum_provides(spec, "app.checksum");
	rota_artifact_spec_add_depends(spec, "os", "12");
	rota_artifact_spec_add_depends(spec, "os", "13");
	rota_artifact_spec_add_clears_provides(spec, "app.*");
	g_assert_true(rota_artifact_spec_set_meta_data(spec, meta_data, strlen(meta_data), NULL));
	rota_artifact_spec_set_augment_type(spec, "single-file");
	rota_artifact_spec_add_augment_file(spec, more);
	rota_artifact_spec_add_augment_provides(spec, "app.more", "2");
	rota_artifact_spec_add_augment_depends(spec, "cpu", "arm");
	g_assert_true(rota_artifact_spec_set_augment_meta_data(spec, "{\"c\":null}", 10, NULL));
	rota_artifact_spec_set_modified_s(spec, 1700000000);
	rota_artifact_spec_set_compression(spec, ROTA_ARTIFACT_COMPRESSION_ZSTD, 3);
	return spec;
}

static int write_artifact(const RotaArtifactSpec *spec, const RotaArtifactSigner *signer)
{
	g_autoptr(RotaArtifactError) error = NULL;
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	uint64_t size;

	g_assert_true(rota_artifact_write(spec, signer, fd, NULL, &size, &error));
	assert_no_error(error);
	g_assert_cmpint(lseek(fd, 0, SEEK_END), ==, (off_t)size);
	g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
	return fd;
}

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
	bool written = rota_artifact_write(spec, NULL, ends[1], folder, NULL, NULL);

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
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

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

/* --- signed --- */

typedef enum { GIVE_DER, GIVE_RAW, GIVE_NOTHING, GIVE_NONSENSE } Manner;

typedef struct {
	EVP_PKEY *key;
	char *public_pem;
	Manner manner;
	guint n_calls;
} Remote;

static void remote_init(Remote *remote)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *data;

	*remote = (Remote){ .key = EVP_EC_gen("P-256") };
	g_assert_true(PEM_write_bio_PUBKEY(memory, remote->key));
	long size = BIO_get_mem_data(memory, &data);
	remote->public_pem = g_strndup(data, (gsize)size);
	BIO_free(memory);
}

static void remote_clear(Remote *remote)
{
	EVP_PKEY_free(remote->key);
	g_free(remote->public_pem);
}

static void to_raw(uint8_t *signature, size_t *size)
{
	const uint8_t *at = signature;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)*size);

	BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32);
	*size = 64;
	ECDSA_SIG_free(pair);
}

static bool sign_remotely(const uint8_t digest[32], const void *manifest, size_t manifest_size,
	uint8_t *signature, size_t *size, void *user_data)
{
	Remote *remote = user_data;
	g_autofree char *sum =
		g_compute_checksum_for_data(G_CHECKSUM_SHA256, manifest, manifest_size);
	g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();

	for (gsize i = 0; i < 32; i++)
		g_assert_cmpint(digest[i], ==,
			g_ascii_xdigit_value(sum[2 * i]) << 4 |
				g_ascii_xdigit_value(sum[2 * i + 1]));
	g_atomic_int_inc(&remote->n_calls);
	if (remote->manner == GIVE_NOTHING)
		return false;
	g_assert_true(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, remote->key));
	g_assert_true(EVP_DigestSign(context, signature, size, manifest, manifest_size));
	if (remote->manner == GIVE_RAW)
		to_raw(signature, size);
	if (remote->manner == GIVE_NONSENSE)
		signature[*size - 1] ^= 1;
	return true;
}

static RotaArtifactSigner *remote_signer(Remote *remote)
{
	RotaArtifactError *error = NULL;
	RotaArtifactSigner *signer = rota_artifact_signer_new_callback(
		remote->public_pem, strlen(remote->public_pem), sign_remotely, remote, &error);

	assert_no_error(error);
	return signer;
}

static void assert_signed_by(int fd, const Remote *remote)
{
	g_autoptr(RotaArtifactPolicy) policy = rota_artifact_policy_new();
	g_autoptr(RotaArtifactError) error = NULL;

	g_assert_true(rota_artifact_policy_add_key_pem(
		policy, remote->public_pem, strlen(remote->public_pem), NULL));
	g_assert_true(rota_artifact_validate_fd(fd, policy, &error));
	assert_no_error(error);
}

static void test_signed_by_callback(void)
{
	g_autoptr(RotaArtifactSpec) spec = make_spec();
	RotaArtifactError *error = NULL;
	Remote remote;

	remote_init(&remote);
	g_autoptr(RotaArtifactSigner) signer = remote_signer(&remote);
	for (remote.manner = GIVE_DER; remote.manner <= GIVE_RAW; remote.manner++) {
		int fd = write_artifact(spec, signer);

		assert_signed_by(fd, &remote);
		close(fd);
	}
	g_assert_cmpuint(remote.n_calls, ==, 2); /* once for each artifact */
	for (; remote.manner <= GIVE_NONSENSE; remote.manner++) {
		int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

		g_assert_false(rota_artifact_write(spec, signer, fd, NULL, NULL, &error));
		assert_error(&error, ROTA_ARTIFACT_ERROR_KEY, "signature");
		close(fd);
	}
	remote_clear(&remote);
}

static void assert_broken_is_not_signed(const RotaArtifactSigner *signer, int out_fd)
{
	g_autofree char *path = vector_path("hostile", "checksum-payload.mender");
	RotaArtifactError *error = NULL;
	int fd = open_path(path);

	g_assert_false(rota_artifact_sign(fd, signer, false, out_fd, &error));
	g_assert_cmpint(rota_artifact_error_rule(error), ==, 9);
	g_assert_cmpstr(rota_artifact_error_member(error), !=, "");
	assert_error(&error, ROTA_ARTIFACT_ERROR_REFUSED, "R9 checksum: ");
	close(fd);
}

static void test_signed_later(void)
{
	g_autoptr(RotaArtifactSpec) spec = make_spec();
	RotaArtifactError *error = NULL;
	Remote remote;
	int unsigned_fd = write_artifact(spec, NULL);
	int out_fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int again_fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	remote_init(&remote);
	g_autoptr(RotaArtifactSigner) signer = remote_signer(&remote);
	g_assert_true(rota_artifact_sign(unsigned_fd, signer, false, out_fd, &error));
	g_assert_false(rota_artifact_sign(out_fd, signer, false, again_fd, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_CONFLICT, "signed already");
	g_assert_true(rota_artifact_sign(out_fd, signer, true, again_fd, &error));
	g_assert_cmpint(lseek(again_fd, 0, SEEK_SET), ==, 0);
	assert_signed_by(again_fd, &remote);
	g_assert_cmpuint(remote.n_calls, ==, 2);
	assert_broken_is_not_signed(signer, out_fd);
	g_assert_cmpuint(remote.n_calls, ==, 2); /* nobody was asked */
	close(unsigned_fd);
	close(out_fd);
	close(again_fd);
	remote_clear(&remote);
}

static void save_key(const Remote *remote, const char *path, const char *passphrase)
{
	FILE *file = fopen(path, "we");

	g_assert_true(
		PEM_write_PKCS8PrivateKey(file, remote->key, passphrase ? EVP_aes_256_cbc() : NULL,
			passphrase, passphrase ? (int)strlen(passphrase) : 0, NULL, NULL));
	g_assert_cmpint(fclose(file), ==, 0);
}

static void test_signed_by_file(void)
{
	static const char *const passphrases[] = { NULL, "open sesame" };
	g_autoptr(RotaArtifactSpec) spec = make_spec();
	g_autofree char *path = path_of("private.pem");
	RotaArtifactError *error = NULL;
	Remote remote;

	remote_init(&remote);
	for (gsize i = 0; i < G_N_ELEMENTS(passphrases); i++) {
		save_key(&remote, path, passphrases[i]);
		g_autoptr(RotaArtifactSigner) signer =
			rota_artifact_signer_new_key_file(path, passphrases[i], &error);
		assert_no_error(error);
		int fd = write_artifact(spec, signer);
		assert_signed_by(fd, &remote);
		close(fd);
	}
	g_assert_null(rota_artifact_signer_new_key_file(path, NULL, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_KEY, "passphrase");
	g_assert_null(rota_artifact_signer_new_key_file(path, "wrong", &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_KEY, "passphrase");
	g_assert_null(rota_artifact_signer_new_callback("x", 1, sign_remotely, &remote, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_INVALID, "");
	remote_clear(&remote);
}

/* --- io --- */

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

static void test_io(void)
{
	g_autoptr(RotaArtifactSpec) spec = make_spec();
	RotaArtifactError *error = NULL;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	g_assert_null(rota_artifact_reader_open(fail_to_read, NULL, NULL, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_IO, "Input/output error");
	g_assert_null(rota_artifact_reader_open(read_too_much, NULL, NULL, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_IO, "");
	g_assert_null(rota_artifact_reader_open_fd(-1, NULL, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_IO, "");
	g_assert_false(rota_artifact_write(spec, NULL, full, folder, NULL, &error));
	assert_error(&error, ROTA_ARTIFACT_ERROR_IO, "No space left");
	close(full);
}

/* --- threads --- */

typedef struct {
	RotaArtifactPolicy *policy;
	RotaArtifactSigner *signer;
	const char *name; /* of a vector to read */
} Share;

static gpointer work(gpointer data)
{
	const Share *share = data;
	g_autofree char *path = vector_path("artifacts", share->name);
	g_autoptr(RotaArtifactSpec) spec = make_spec();

	for (int i = 0; i < ROUNDS; i++) {
		g_autoptr(RotaArtifactError) error = NULL;
		int fd = open_path(path);

		g_assert_true(rota_artifact_validate_fd(fd, NULL, &error));
		close(fd);
		fd = write_artifact(spec, share->signer);
		g_assert_true(rota_artifact_validate_fd(fd, share->policy, &error));
		assert_no_error(error);
		close(fd);
	}
	return NULL;
}

/* All at once: half of them one artifact, half of them another. */
static void test_threads(void)
{
	static const char *const names[] = { "comp-zstd_best.mender", "files-seven.mender" };
	g_autoptr(RotaArtifactPolicy) policy = rota_artifact_policy_new();
	GThread *threads[N_THREADS];
	Share shares[N_THREADS];
	Remote remote;

	remote_init(&remote);
	g_autoptr(RotaArtifactSigner) signer = remote_signer(&remote);
	g_assert_true(rota_artifact_policy_add_key_pem(
		policy, remote.public_pem, strlen(remote.public_pem), NULL));
	for (gsize i = 0; i < N_THREADS; i++) {
		shares[i] = (Share){ policy, signer, names[i % G_N_ELEMENTS(names)] };
		threads[i] = g_thread_new("work", work, &shares[i]);
	}
	for (gsize i = 0; i < N_THREADS; i++)
		g_thread_join(threads[i]);
	g_assert_cmpuint(remote.n_calls, ==, N_THREADS * ROUNDS);
	remote_clear(&remote);
}

static void remove_folder(void)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = path_of(name);
		g_unlink(path);
	}
	g_rmdir(folder);
	g_free(folder);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	folder = g_dir_make_tmp("library-XXXXXX", NULL);
	write_text("app.bin", "content of the file");
	write_text("more.bin", "content of the augment");
	write_text("ArtifactInstall_Enter_00", "#!/bin/sh\n");
	g_test_add_func("/library/valid", test_valid);
	g_test_add_func("/library/hostile", test_hostile);
	g_test_add_func("/library/policy", test_policy);
	g_test_add_func("/library/bad-signature-shown", test_bad_signature_shown);
	g_test_add_func("/library/written", test_written);
	g_test_add_func("/library/not-written", test_not_written);
	g_test_add_func("/library/signed-by-callback", test_signed_by_callback);
	g_test_add_func("/library/signed-later", test_signed_later);
	g_test_add_func("/library/signed-by-file", test_signed_by_file);
	g_test_add_func("/library/io", test_io);
	g_test_add_func("/library/threads", test_threads);
	int status = g_test_run();
	remove_folder();
	return status;
}
