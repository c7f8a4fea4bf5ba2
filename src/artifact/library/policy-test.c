/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: keys from files and from memory, no signature, another key, bad signatures that are shown
 * but never valid, augmented parts, things that are no keys. */
#include <unistd.h>
#include "artifact/library/testing.h"

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

static void add_tests(void)
{
	g_test_add_func("/library/policy/keys", test_policy);
	g_test_add_func("/library/policy/bad-signature-shown", test_bad_signature_shown);
}

int main(int argc, char **argv)
{
	return testing_run(argc, argv, add_tests);
}
