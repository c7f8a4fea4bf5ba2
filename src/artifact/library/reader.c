/* SPDX-License-Identifier: Apache-2.0 */
#include <gio/gunixinputstream.h>
#include "artifact/library/library-private.h"
#include "base/error.h"

struct RotaArtifactFile {
	const ArtifactFile *file;
};

struct RotaArtifactReader {
	ArtifactReader *reader;
	ArtifactRefusal refusal;
	RotaArtifactHeader *header;
	RotaArtifactFile file;
};

void rota_artifact_reader_free(RotaArtifactReader *reader)
{
	if (!reader)
		return;
	g_clear_pointer(&reader->header, library_header_free);
	artifact_reader_free(reader->reader);
	g_free(reader);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RotaArtifactReader, rota_artifact_reader_free)

/* The reader keeps a reference to @in. */
static RotaArtifactReader *open_stream(
	GInputStream *in, const ArtifactPolicy *policy, RotaArtifactError **error)
{
	g_autoptr(RotaArtifactReader) reader = g_new0(RotaArtifactReader, 1);
	GError *failure = NULL;

	reader->reader = artifact_reader_open(in, policy, &reader->refusal, &failure);
	if (!reader->reader) {
		library_set_error(error, failure, &reader->refusal);
		return NULL;
	}
	reader->header = library_header_new(artifact_reader_header(reader->reader));
	return g_steal_pointer(&reader);
}

static RotaArtifactReader *open_fd(int fd, const ArtifactPolicy *policy, RotaArtifactError **error)
{
	if (fd < 0) {
		library_set_error(error,
			g_error_new(ROTA_ERROR, ROTA_ERROR_IO, "%d is no file descriptor", fd),
			NULL);
		return NULL;
	}
	g_autoptr(GInputStream) in = g_unix_input_stream_new(fd, FALSE);
	return open_stream(in, policy, error);
}

RotaArtifactReader *rota_artifact_reader_open_fd(
	int fd, const RotaArtifactPolicy *policy, RotaArtifactError **error)
{
	ArtifactPolicy inner = library_policy(policy);

	return open_fd(fd, &inner, error);
}

RotaArtifactReader *rota_artifact_reader_open(RotaArtifactRead read, void *user_data,
	const RotaArtifactPolicy *policy, RotaArtifactError **error)
{
	g_autoptr(GInputStream) in = library_input_new(read, user_data);
	ArtifactPolicy inner = library_policy(policy);

	return open_stream(in, &inner, error);
}

const RotaArtifactHeader *rota_artifact_reader_header(const RotaArtifactReader *reader)
{
	return reader->header;
}

bool rota_artifact_reader_next_file(
	RotaArtifactReader *reader, const RotaArtifactFile **ret_file, RotaArtifactError **error)
{
	GError *failure = NULL;

	*ret_file = NULL;
	if (!artifact_reader_next_file(reader->reader, &reader->file.file, &failure)) {
		library_set_error(error, failure, &reader->refusal);
		return false;
	}
	if (reader->file.file)
		*ret_file = &reader->file;
	return true;
}

ssize_t rota_artifact_reader_read(
	RotaArtifactReader *reader, void *buffer, size_t size, RotaArtifactError **error)
{
	GError *failure = NULL;
	gssize got = artifact_reader_read(reader->reader, buffer, size, &failure);

	if (got < 0)
		library_set_error(error, failure, &reader->refusal);
	return got;
}

bool rota_artifact_reader_finish(RotaArtifactReader *reader, RotaArtifactError **error)
{
	GError *failure = NULL;

	if (artifact_reader_finish(reader->reader, &failure))
		return true;
	library_set_error(error, failure, &reader->refusal);
	return false;
}

uint64_t rota_artifact_reader_offset(const RotaArtifactReader *reader)
{
	return artifact_reader_offset(reader->reader);
}

bool rota_artifact_validate_fd(int fd, const RotaArtifactPolicy *policy, RotaArtifactError **error)
{
	ArtifactPolicy inner = library_policy(policy);

	inner.show_bad_signature = FALSE; /* showing one is no reason to call it valid */
	g_autoptr(RotaArtifactReader) reader = open_fd(fd, &inner, error);
	if (!reader)
		return false;
	if (rota_artifact_header_signature(reader->header) == ROTA_ARTIFACT_SIGNED_UNCHECKED) {
		library_set_refused(error, 10, ARTIFACT_ERROR_SIGNATURE,
			"the artifact is signed, and no key to verify with was given");
		return false;
	}
	return rota_artifact_reader_finish(reader, error);
}

/* --- payload files --- */

const char *rota_artifact_file_name(const RotaArtifactFile *file)
{
	return file->file->name;
}

uint64_t rota_artifact_file_size(const RotaArtifactFile *file)
{
	return file->file->size;
}

const char *rota_artifact_file_sha256(const RotaArtifactFile *file)
{
	return file->file->sha256;
}

size_t rota_artifact_file_payload(const RotaArtifactFile *file)
{
	return file->file->payload;
}

int64_t rota_artifact_file_modified_s(const RotaArtifactFile *file)
{
	return file->file->modified_s;
}

bool rota_artifact_file_is_augmented(const RotaArtifactFile *file)
{
	return file->file->augmented;
}
