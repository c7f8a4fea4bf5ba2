/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: signed by a key in a file, encrypted or not, and by a callback that gives r and s, DER,
 * nothing or nonsense; while writing and later; twice is a conflict; what is broken is not signed.
 */
#include <fcntl.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>
#include "artifact/library/testing.h"

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
		int fd = open(testing_folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

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
	int out_fd = open(testing_folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int again_fd = open(testing_folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

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

static void add_tests(void)
{
	g_test_add_func("/library/signer/callback", test_signed_by_callback);
	g_test_add_func("/library/signer/later", test_signed_later);
	g_test_add_func("/library/signer/file", test_signed_by_file);
}

int main(int argc, char **argv)
{
	return testing_run(argc, argv, add_tests);
}
