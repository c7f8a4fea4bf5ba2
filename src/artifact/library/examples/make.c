/* SPDX-License-Identifier: Apache-2.0 */
/* make OUTPUT NAME DEVICE_TYPE UPDATE_MODULE FILE [PUBLIC_KEY SIGN_COMMAND]: writes an artifact,
 * signed by a program that has the key where this one has not.
 *
 *     cc make.c -o make $(pkg-config --cflags --libs rota-artifact)
 *
 * SIGN_COMMAND gets the digest of what is to be signed, in hex, as an argument and prints the raw
 * signature: a script around a cloud key store, for example. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <rota-artifact/librota-artifact.h>

enum { PEM_SIZE_MAX = 16 * 1024, COMMAND_SIZE_MAX = 1024 };

static bool sign_by_command(const uint8_t digest[32], const void *manifest, size_t manifest_size,
	uint8_t *signature, size_t *size, void *user_data)
{
	char command[COMMAND_SIZE_MAX];
	int length = snprintf(command, sizeof command - 65, "%s ", (const char *)user_data);

	(void)manifest;
	(void)manifest_size;
	if (length < 0 || length >= (int)sizeof command - 65)
		return false;
	for (int i = 0; i < 32; i++)
		sprintf(command + length + 2 * i, "%02x", digest[i]);
	FILE *pipe = popen(command, "r");
	if (!pipe)
		return false;
	*size = fread(signature, 1, *size, pipe);
	return pclose(pipe) == 0;
}

static RotaArtifactSigner *open_signer(
	const char *public_key, char *command, RotaArtifactError **error)
{
	static char pem[PEM_SIZE_MAX];
	FILE *file = fopen(public_key, "r");
	size_t size = file ? fread(pem, 1, sizeof pem, file) : 0;

	if (file)
		fclose(file);
	return rota_artifact_signer_new_callback(pem, size, sign_by_command, command, error);
}

static RotaArtifactSpec *describe(char **words)
{
	RotaArtifactSpec *spec = rota_artifact_spec_new(words[0]);
	char version[300];

	rota_artifact_spec_add_device_type(spec, words[1]);
	rota_artifact_spec_set_payload_type(spec, words[2]);
	rota_artifact_spec_add_file(spec, words[3]);
	/* What the tools add by themselves. */
	snprintf(version, sizeof version, "rootfs-image.%s.version", words[2]);
	rota_artifact_spec_add_provides(spec, version, words[0]);
	snprintf(version, sizeof version, "rootfs-image.%s.*", words[2]);
	rota_artifact_spec_add_clears_provides(spec, version);
	return spec;
}

int main(int argc, char **argv)
{
	RotaArtifactError *error = NULL;
	RotaArtifactSigner *signer = NULL;
	uint64_t size;

	if (argc != 6 && argc != 8) {
		fprintf(stderr, "usage: make OUTPUT NAME DEVICE_TYPE UPDATE_MODULE FILE "
				"[PUBLIC_KEY SIGN_COMMAND]\n");
		return 2;
	}
	if (argc == 8)
		signer = open_signer(argv[6], argv[7], &error);
	RotaArtifactSpec *spec = describe(argv + 2);
	int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool good = !error && rota_artifact_write(spec, signer, fd, NULL, &size, &error);
	rota_artifact_spec_free(spec);
	rota_artifact_signer_free(signer);
	if (fd >= 0)
		close(fd);
	if (!good) {
		fprintf(stderr, "make: %s\n", rota_artifact_error_message(error));
		rota_artifact_error_free(error);
		unlink(argv[1]);
		return 1;
	}
	printf("%s: %llu bytes\n", argv[1], (unsigned long long)size);
	return 0;
}
