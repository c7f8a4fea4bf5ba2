/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/library/testing.h"
#include <fcntl.h>
#include <glib/gstdio.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)

char *testing_folder;

void assert_no_error(const RotaArtifactError *error)
{
	if (error)
		g_error("%s", rota_artifact_error_message(error));
}

void assert_error(RotaArtifactError **error, RotaArtifactStatus status, const char *part)
{
	g_assert_nonnull(*error);
	if (rota_artifact_error_status(*error) != status ||
		!strstr(rota_artifact_error_message(*error), part))
		g_error("status %d: %s", rota_artifact_error_status(*error),
			rota_artifact_error_message(*error));
	rota_artifact_error_free(*error);
	*error = NULL;
}

char *path_of(const char *name)
{
	return g_build_filename(testing_folder, name, NULL);
}

char *vector_path(const char *kind, const char *name)
{
	return g_build_filename(ROTA_VECTORS, kind, name, NULL);
}

int open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	return fd;
}

/* --- writing --- */

static void write_text(const char *name, const char *text)
{
	g_autofree char *path = path_of(name);

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

RotaArtifactSpec *make_spec(void)
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

int write_artifact(const RotaArtifactSpec *spec, const RotaArtifactSigner *signer)
{
	g_autoptr(RotaArtifactError) error = NULL;
	int fd = open(testing_folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	uint64_t size;

	g_assert_true(rota_artifact_write(spec, signer, fd, NULL, &size, &error));
	assert_no_error(error);
	g_assert_cmpint(lseek(fd, 0, SEEK_END), ==, (off_t)size);
	g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
	return fd;
}

/* --- signing --- */

void remote_init(Remote *remote)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *data;

	*remote = (Remote){ .key = EVP_EC_gen("P-256") };
	g_assert_true(PEM_write_bio_PUBKEY(memory, remote->key));
	long size = BIO_get_mem_data(memory, &data);
	remote->public_pem = g_strndup(data, (gsize)size);
	BIO_free(memory);
}

void remote_clear(Remote *remote)
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

bool sign_remotely(const uint8_t digest[32], const void *manifest, size_t manifest_size,
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

RotaArtifactSigner *remote_signer(Remote *remote)
{
	RotaArtifactError *error = NULL;
	RotaArtifactSigner *signer = rota_artifact_signer_new_callback(
		remote->public_pem, strlen(remote->public_pem), sign_remotely, remote, &error);

	assert_no_error(error);
	return signer;
}

/* --- the run --- */

static void remove_folder(void)
{
	g_autoptr(GDir) dir = g_dir_open(testing_folder, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = path_of(name);
		g_unlink(path);
	}
	g_rmdir(testing_folder);
	g_free(testing_folder);
}

int testing_run(int argc, char **argv, void (*add_tests)(void))
{
	g_test_init(&argc, &argv, NULL);
	testing_folder = g_dir_make_tmp("library-XXXXXX", NULL);
	write_text("app.bin", "content of the file");
	write_text("more.bin", "content of the augment");
	write_text("ArtifactInstall_Enter_00", "#!/bin/sh\n");
	add_tests();
	int status = g_test_run();
	remove_folder();
	return status;
}
