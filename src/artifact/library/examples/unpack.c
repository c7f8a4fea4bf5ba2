/* SPDX-License-Identifier: Apache-2.0 */
/* unpack ARTIFACT FOLDER [PUBLIC_KEY...]: tells what an artifact says and puts its payload files
 * into FOLDER.
 *
 *     cc unpack.c -o unpack $(pkg-config --cflags --libs rota-artifact)
 *
 * Files appear under their names only when the whole artifact is verified: until then each is a
 * hidden part that is removed on failure. With keys one of them must have signed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <rota-artifact/librota-artifact.h>

enum { FILES_MAX = 4096, NAME_SIZE = 300, BUFFER_SIZE = 64 * 1024 };

typedef struct {
	char name[NAME_SIZE];
	char part[NAME_SIZE + 8];
} File;

static File files[FILES_MAX];
static int n_files;

static int fail(RotaArtifactError *error)
{
	fprintf(stderr, "unpack: %s\n", rota_artifact_error_message(error));
	rota_artifact_error_free(error);
	return 1;
}

static void show(const RotaArtifactHeader *header)
{
	const char *const *type = rota_artifact_header_device_types(header);
	size_t count;

	printf("name: %s\n", rota_artifact_header_name(header));
	for (; *type; type++)
		printf("for: %s\n", *type);
	if (rota_artifact_header_signature(header) == ROTA_ARTIFACT_SIGNED_GOOD)
		printf("signed by: %s\n", rota_artifact_header_signer_key_id(header));
	for (size_t i = 0; i < rota_artifact_header_payload_count(header); i++) {
		const RotaArtifactPayload *payload = rota_artifact_header_payload(header, i);
		const char *module = rota_artifact_payload_type(payload);
		const RotaArtifactProvides *provides =
			rota_artifact_payload_provides(payload, &count);

		printf("installed by: %s\n", module ? module : "nothing");
		for (size_t k = 0; k < count; k++)
			printf("provides: %s=%s\n", provides[k].key, provides[k].value);
	}
}

/* The names of payload files have no slash, so they cannot leave the folder. */
static bool copy_file(RotaArtifactReader *reader, const RotaArtifactFile *file, int folder,
	RotaArtifactError **error)
{
	static char buffer[BUFFER_SIZE];
	const char *name = rota_artifact_file_name(file);
	const char *part = files[n_files].part;
	ssize_t got;

	snprintf(files[n_files].name, sizeof files->name, "%s", name);
	snprintf(files[n_files].part, sizeof files->part, ".%s.part", name);
	n_files++;
	int fd = openat(folder, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0) {
		perror(part);
		exit(1);
	}
	while ((got = rota_artifact_reader_read(reader, buffer, sizeof buffer, error)) > 0)
		if (write(fd, buffer, (size_t)got) != got) {
			perror(part);
			exit(1);
		}
	close(fd);
	return got == 0;
}

static bool copy_files(RotaArtifactReader *reader, int folder, RotaArtifactError **error)
{
	const RotaArtifactFile *file;

	while (n_files < FILES_MAX) {
		if (!rota_artifact_reader_next_file(reader, &file, error))
			return false;
		if (!file)
			break;
		if (!copy_file(reader, file, folder, error))
			return false;
	}
	return rota_artifact_reader_finish(reader, error); /* only now all of it is good */
}

static void settle(int folder, bool good)
{
	for (int i = 0; i < n_files; i++) {
		if (!good)
			unlinkat(folder, files[i].part, 0);
		else if (renameat(folder, files[i].part, folder, files[i].name) < 0)
			perror(files[i].name);
	}
}

int main(int argc, char **argv)
{
	RotaArtifactError *error = NULL;

	if (argc < 3) {
		fprintf(stderr, "usage: unpack ARTIFACT FOLDER [PUBLIC_KEY...]\n");
		return 2;
	}
	RotaArtifactPolicy *policy = rota_artifact_policy_new();
	for (int i = 3; i < argc; i++)
		if (!rota_artifact_policy_add_key_file(policy, argv[i], &error)) {
			rota_artifact_policy_free(policy);
			return fail(error);
		}
	int in = open(argv[1], O_RDONLY | O_CLOEXEC);
	int folder = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	RotaArtifactReader *reader = rota_artifact_reader_open_fd(in, policy, &error);
	bool good = reader != NULL && folder >= 0;
	if (good) {
		show(rota_artifact_reader_header(reader));
		good = copy_files(reader, folder, &error);
		settle(folder, good);
	}
	rota_artifact_reader_free(reader);
	rota_artifact_policy_free(policy);
	close(in);
	close(folder);
	if (good)
		return 0;
	return error ? fail(error) : 1;
}
