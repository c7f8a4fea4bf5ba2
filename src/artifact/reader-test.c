/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: one to sixteen payloads, in order, with gaps, too many; what the policy says of
 * signatures, of several keys and of augments; files read, half read and not read; a refusal is
 * repeated; a file is not ended before its sum was right; an input that fails is no refusal;
 * headers outlive the reader; a header whose sum is wrong is not parsed. */
#include "artifact/reader.h"
#include <string.h>
#include "artifact/signature.h"
#include "artifact/tar-writer.h"
#include "crypto/digest.h"

/* What is put together: each part may be spoilt before the sums are taken, or after. */
typedef struct {
	guint n_payloads;
	const char *header_info;  /* NULL: a right one */
	const char *skip_payload; /* "0002": its archive is left out */
	gboolean wrong_file_sum, wrong_header_sum;
	const Key *key;
} Plan;

static void add(GByteArray *tar, const char *name, const char *body, gsize size)
{
	TarHeader header = { name, size, 0600, 0 };

	g_assert_true(tar_append(tar, &header, body, NULL));
}

static char *payload_content(guint payload)
{
	return g_strdup_printf("content of payload %u", payload);
}

static char *make_header_info(guint n_payloads)
{
	GString *info = g_string_new("{\"payloads\":[");

	for (guint i = 0; i < n_payloads; i++)
		g_string_append_printf(info, "%s{\"type\":\"t%u\"}", i ? "," : "", i);
	g_string_append(info, "],\"artifact_provides\":{\"artifact_name\":\"n\"},"
			      "\"artifact_depends\":{\"device_type\":[\"d\"]}}");
	return g_string_free(info, FALSE);
}

static GByteArray *make_header(const Plan *plan)
{
	GByteArray *tar = g_byte_array_new();
	g_autofree char *made = make_header_info(plan->n_payloads);
	const char *info = plan->header_info ? plan->header_info : made;

	add(tar, "header-info", info, strlen(info));
	for (guint i = 0; i < plan->n_payloads; i++) {
		g_autofree char *name = g_strdup_printf("headers/%04u/type-info", i);
		g_autofree char *body = g_strdup_printf("{\"type\":\"t%u\"}", i);

		add(tar, name, body, strlen(body));
	}
	tar_append_end(tar);
	return tar;
}

static void add_line(
	GString *manifest, const char *name, gconstpointer data, gsize size, gboolean wrong)
{
	g_autofree char *sum = sha256_hex_of(data, size);

	if (wrong)
		sum[0] = sum[0] == '0' ? '1' : '0';
	g_string_append_printf(manifest, "%s  %s\n", sum, name);
}

static void add_payload(GByteArray *tar, GString *manifest, const Plan *plan, guint payload)
{
	g_autofree char *index = g_strdup_printf("%04u", payload);
	g_autofree char *archive = g_strdup_printf("data/%s.tar", index);
	g_autofree char *line = g_strdup_printf("data/%s/file", index);
	g_autofree char *content = payload_content(payload);
	g_autoptr(GByteArray) inner = g_byte_array_new();

	if (g_strcmp0(plan->skip_payload, index) == 0)
		return;
	add(inner, "file", content, strlen(content));
	tar_append_end(inner);
	add_line(manifest, line, content, strlen(content), plan->wrong_file_sum);
	add(tar, archive, (const char *)inner->data, inner->len);
}

static GBytes *make_artifact(const Plan *plan)
{
	static const char version[] = "{\"format\":\"mender\",\"version\":3}";
	GByteArray *tar = g_byte_array_new();
	g_autoptr(GByteArray) header = make_header(plan);
	g_autoptr(GByteArray) data = g_byte_array_new();
	GString *manifest = g_string_new(NULL);

	for (guint i = 0; i < plan->n_payloads; i++)
		add_payload(data, manifest, plan, i);
	add_line(manifest, "header.tar", header->data, header->len, plan->wrong_header_sum);
	add_line(manifest, "version", version, strlen(version), FALSE);
	add(tar, "version", version, strlen(version));
	add(tar, "manifest", manifest->str, manifest->len);
	if (plan->key) {
		g_autoptr(GBytes) bytes = g_bytes_new(manifest->str, manifest->len);
		g_autofree char *signature = signature_make(bytes, plan->key, NULL);

		add(tar, "manifest.sig", signature, strlen(signature));
	}
	add(tar, "header.tar", (const char *)header->data, header->len);
	g_byte_array_append(tar, data->data, data->len);
	tar_append_end(tar);
	g_string_free(manifest, TRUE);
	return g_byte_array_free_to_bytes(tar);
}

static ArtifactReader *open_bytes(
	GBytes *bytes, const ArtifactPolicy *policy, ArtifactRefusal *refusal, GError **error)
{
	g_autoptr(GInputStream) in = g_memory_input_stream_new_from_bytes(bytes);

	return artifact_reader_open(in, policy, refusal, error);
}

static ArtifactReader *open_plan(
	const Plan *plan, const ArtifactPolicy *policy, ArtifactRefusal *refusal, GError **error)
{
	g_autoptr(GBytes) bytes = make_artifact(plan);

	return open_bytes(bytes, policy, refusal, error);
}

static void test_payloads(void)
{
	for (guint n = 1; n <= ARTIFACT_PAYLOADS_MAX; n++) {
		Plan plan = { .n_payloads = n };
		g_autoptr(GError) error = NULL;
		g_autoptr(ArtifactReader) reader = open_plan(&plan, NULL, NULL, &error);
		const ArtifactFile *file;

		g_assert_no_error(error);
		g_assert_cmpuint(artifact_reader_header(reader)->payloads->len, ==, n);
		for (guint i = 0; i < n; i++) {
			g_autofree char *content = payload_content(i);
			char buffer[100];

			g_assert_true(artifact_reader_next_file(reader, &file, &error));
			g_assert_cmpuint(file->payload, ==, i);
			g_assert_cmpstr(file->name, ==, "file");
			gssize got = artifact_reader_read(reader, buffer, sizeof buffer, &error);
			g_assert_cmpmem(buffer, got, content, strlen(content));
			g_assert_cmpint(
				artifact_reader_read(reader, buffer, sizeof buffer, &error), ==, 0);
			g_assert_cmpint(
				artifact_reader_read(reader, buffer, sizeof buffer, &error), ==, 0);
		}
		g_assert_true(artifact_reader_next_file(reader, &file, &error));
		g_assert_null(file);
		g_assert_true(artifact_reader_finish(reader, &error));
		g_assert_true(artifact_reader_finish(reader, &error));
	}
}

static void test_too_many_payloads(void)
{
	Plan plan = { .n_payloads = ARTIFACT_PAYLOADS_MAX + 1 };
	ArtifactRefusal refusal;

	g_assert_null(open_plan(&plan, NULL, &refusal, NULL));
	g_assert_cmpint(refusal.rule, ==, 16);
}

/* A payload without files needs no archive; one whose header is missing is no payload. */
static void test_gaps(void)
{
	Plan plan = { .n_payloads = 4, .skip_payload = "0002" };
	ArtifactRefusal refusal;
	g_autoptr(ArtifactReader) reader = open_plan(&plan, NULL, &refusal, NULL);

	g_assert_true(artifact_reader_finish(reader, NULL));
	plan.n_payloads = 2;
	plan.header_info = "{\"payloads\":[{\"type\":\"t0\"}],"
			   "\"artifact_provides\":{\"artifact_name\":\"n\"},"
			   "\"artifact_depends\":{\"device_type\":[\"d\"]}}";
	g_assert_null(open_plan(&plan, NULL, &refusal, NULL));
	g_assert_cmpint(refusal.rule, ==, 5);
}

static void test_half_read(void)
{
	Plan plan = { .n_payloads = 3 };
	g_autoptr(ArtifactReader) reader = open_plan(&plan, NULL, NULL, NULL);
	const ArtifactFile *file;
	char buffer[4];

	g_assert_true(artifact_reader_next_file(reader, &file, NULL));
	g_assert_cmpint(artifact_reader_read(reader, buffer, sizeof buffer, NULL), ==, 4);
	g_assert_true(artifact_reader_next_file(reader, &file, NULL));
	g_assert_cmpuint(file->payload, ==, 1);
	g_assert_true(artifact_reader_finish(reader, NULL));
}

static void test_refusal_is_repeated(void)
{
	Plan plan = { .n_payloads = 2, .wrong_file_sum = TRUE };
	ArtifactRefusal refusal;
	g_autoptr(GError) first = NULL;
	g_autoptr(GError) second = NULL;
	g_autoptr(ArtifactReader) reader = open_plan(&plan, NULL, &refusal, NULL);
	const ArtifactFile *file;
	char buffer[100];

	g_assert_true(artifact_reader_next_file(reader, &file, NULL));
	g_assert_cmpint(artifact_reader_read(reader, buffer, sizeof buffer, NULL), >, 0);
	g_assert_cmpint(artifact_reader_read(reader, buffer, sizeof buffer, &first), ==, -1);
	g_assert_error(first, ARTIFACT_ERROR, ARTIFACT_ERROR_CHECKSUM);
	g_assert_cmpint(refusal.rule, ==, 9);
	g_assert_cmpstr(refusal.member, ==, "data/0000.tar/file");
	g_assert_false(artifact_reader_next_file(reader, &file, &second));
	g_assert_null(file);
	g_assert_cmpstr(first->message, ==, second->message);
	g_assert_cmpint(artifact_reader_read(reader, buffer, sizeof buffer, NULL), ==, -1);
	g_assert_false(artifact_reader_finish(reader, NULL));
}

static void test_header_sum_before_documents(void)
{
	Plan plan = { .n_payloads = 1, .header_info = "no JSON at all", .wrong_header_sum = TRUE };
	ArtifactRefusal refusal;

	g_assert_null(open_plan(&plan, NULL, &refusal, NULL));
	g_assert_cmpint(refusal.rule, ==, 9);
	plan.wrong_header_sum = FALSE;
	g_assert_null(open_plan(&plan, NULL, &refusal, NULL));
	g_assert_cmpint(refusal.rule, ==, 14);
	g_assert_cmpstr(refusal.member, ==, "header.tar/header-info");
}

static void test_keys(void)
{
	g_autoptr(Key) signer = key_generate(KEY_P256, 0, NULL);
	g_autoptr(Key) rsa_signer = key_generate(KEY_RSA, 2048, NULL);
	g_autoptr(Key) stranger = key_generate(KEY_P256, 0, NULL);
	g_autoptr(GPtrArray) keys = g_ptr_array_new();
	ArtifactPolicy policy = { .keys = keys };
	Plan plan = { .n_payloads = 1, .key = signer };
	ArtifactRefusal refusal;

	g_autoptr(ArtifactReader) unchecked = open_plan(&plan, &policy, NULL, NULL);
	g_assert_cmpint(
		artifact_reader_header(unchecked)->signature, ==, ARTIFACT_SIGNED_UNCHECKED);
	g_ptr_array_add(keys, stranger);
	g_assert_null(open_plan(&plan, &policy, &refusal, NULL));
	g_assert_cmpint(refusal.rule, ==, 10);
	g_ptr_array_add(keys, rsa_signer);
	g_ptr_array_add(keys, signer);
	for (guint i = 1; i < keys->len; i++) {
		plan.key = keys->pdata[i];
		g_autofree char *id = key_id(plan.key);
		g_autoptr(ArtifactReader) reader = open_plan(&plan, &policy, NULL, NULL);
		const ArtifactHeader *header = artifact_reader_header(reader);

		g_assert_cmpint(header->signature, ==, ARTIFACT_SIGNED_GOOD);
		g_assert_cmpstr(header->signer_key_id, ==, id);
	}
	plan.key = NULL;
	g_assert_null(open_plan(&plan, &policy, &refusal, NULL));
	g_assert_cmpint(refusal.rule, ==, 10);
}

static void test_bad_signature_shown(void)
{
	g_autoptr(Key) signer = key_generate(KEY_P256, 0, NULL);
	g_autoptr(Key) stranger = key_generate(KEY_P256, 0, NULL);
	g_autoptr(GPtrArray) keys = g_ptr_array_new();
	ArtifactPolicy policy = { .keys = keys, .show_bad_signature = TRUE };
	Plan plan = { .n_payloads = 1, .key = signer };

	g_ptr_array_add(keys, stranger);
	g_autoptr(ArtifactReader) bad = open_plan(&plan, &policy, NULL, NULL);
	g_assert_cmpint(artifact_reader_header(bad)->signature, ==, ARTIFACT_SIGNED_BAD);
	g_assert_null(artifact_reader_header(bad)->signer_key_id);
	plan.key = NULL;
	g_autoptr(ArtifactReader) none = open_plan(&plan, &policy, NULL, NULL);
	g_assert_cmpint(artifact_reader_header(none)->signature, ==, ARTIFACT_UNSIGNED);
}

static void test_augment_refused(void)
{
	g_autofree char *path =
		g_build_filename(ROTA_VECTORS, "artifacts", "aug-gzip.mender", NULL);
	ArtifactPolicy policy = { .refuse_augmented = TRUE };
	ArtifactRefusal refusal;
	char *data;
	gsize size;

	g_assert_true(g_file_get_contents(path, &data, &size, NULL));
	g_autoptr(GBytes) bytes = g_bytes_new_take(data, size);
	g_assert_null(open_bytes(bytes, &policy, &refusal, NULL));
	g_assert_cmpint(refusal.rule, ==, 11);
	g_assert_cmpstr(refusal.member, ==, "manifest-augment");
	g_autoptr(ArtifactReader) reader = open_bytes(bytes, NULL, NULL, NULL);
	g_assert_true(artifact_reader_header(reader)->augmented);
	g_assert_cmpuint(artifact_reader_header(reader)->warnings->len, ==, 1);
}

/* A cut line is not the artifact's fault, and must not look like it. */
static void test_failing_input(void)
{
	Plan plan = { .n_payloads = 1 };
	g_autoptr(GBytes) bytes = make_artifact(&plan);
	g_autoptr(GInputStream) in = g_memory_input_stream_new_from_bytes(bytes);
	ArtifactRefusal refusal;
	g_autoptr(GError) error = NULL;
	g_autoptr(ArtifactReader) reader = NULL;

	g_assert_true(g_input_stream_close(in, NULL, NULL));
	reader = artifact_reader_open(in, NULL, &refusal, &error);
	g_assert_null(reader);
	g_assert_error(error, ARTIFACT_ERROR, ARTIFACT_ERROR_IO);
	g_assert_cmpint(refusal.rule, ==, 0);
}

static void test_stolen_header(void)
{
	Plan plan = { .n_payloads = 2 };
	ArtifactReader *reader = open_plan(&plan, NULL, NULL, NULL);
	g_autoptr(ArtifactHeader) header = artifact_reader_steal_header(reader);

	g_assert_true(artifact_reader_finish(reader, NULL));
	artifact_reader_free(reader);
	g_assert_cmpstr(header->name, ==, "n");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/reader/payloads", test_payloads);
	g_test_add_func("/reader/too-many-payloads", test_too_many_payloads);
	g_test_add_func("/reader/gaps", test_gaps);
	g_test_add_func("/reader/half-read", test_half_read);
	g_test_add_func("/reader/refusal-is-repeated", test_refusal_is_repeated);
	g_test_add_func("/reader/header-sum-before-documents", test_header_sum_before_documents);
	g_test_add_func("/reader/keys", test_keys);
	g_test_add_func("/reader/bad-signature-shown", test_bad_signature_shown);
	g_test_add_func("/reader/augment-refused", test_augment_refused);
	g_test_add_func("/reader/failing-input", test_failing_input);
	g_test_add_func("/reader/stolen-header", test_stolen_header);
	return g_test_run();
}
