/* SPDX-License-Identifier: Apache-2.0 */
/* An upload: one streaming pass from the connection to the disk.
 *
 *   body -> multipart -> UploadInput -> artifact reader (parses, verifies)
 *                            `-> blob writer (hashes, stores)
 *
 * The reader pulls; each byte of the file passes UploadInput once, which hands a copy to the blob.
 * Only when the reader has judged the whole artifact good is the blob given its name, in the very
 * job that stores the row. Whatever happens before leaves nothing. */
#include <string.h>
#include "artifact/reader.h"
#include "base/clock.h"
#include "base/error.h"
#include "server/artifacts/handlers.h"
#include "server/artifacts/store.h"
#include "server/artifacts/upload-form.h"
#include "server/blob/blob.h"
#include "server/hot.h"

#define UPLOAD_TYPE_INPUT (upload_input_get_type())
G_DECLARE_FINAL_TYPE(UploadInput, upload_input, UPLOAD, INPUT, GInputStream)

struct _UploadInput {
	GInputStream parent;
	UploadForm *form;   /* borrowed */
	BlobWriter *writer; /* borrowed */
	GError *failure;    /* why the input itself failed: not the artifact's fault */
};

G_DEFINE_FINAL_TYPE(UploadInput, upload_input, G_TYPE_INPUT_STREAM)

static gssize upload_input_read(
	GInputStream *stream, void *buffer, gsize size, GCancellable *cancellable, GError **error)
{
	UploadInput *input = UPLOAD_INPUT(stream);
	gssize taken = upload_form_read(input->form, buffer, size, &input->failure);

	if (taken > 0 && !blob_writer_write(input->writer, buffer, (gsize)taken, &input->failure))
		taken = -1;
	if (taken < 0)
		g_propagate_error(error, g_error_copy(input->failure));
	return taken;
}

static void upload_input_finalize(GObject *object)
{
	g_clear_error(&UPLOAD_INPUT(object)->failure);
	G_OBJECT_CLASS(upload_input_parent_class)->finalize(object);
}

static void upload_input_class_init(UploadInputClass *class)
{
	G_INPUT_STREAM_CLASS(class)->read_fn = upload_input_read;
	G_OBJECT_CLASS(class)->finalize = upload_input_finalize;
}

static void upload_input_init(UploadInput *input)
{
}

/* What the first step of the call leaves for the second. */
typedef struct {
	BlobWriter *writer;
	Artifact *artifact;
} Upload;

static void upload_free(gpointer data)
{
	Upload *upload = data;

	blob_writer_end(upload->writer);
	artifact_free(upload->artifact);
	g_free(upload);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Upload, upload_free)

/* Reads all payload files. @files: an array of files a payload. */
static gboolean read_files(ArtifactReader *reader, json_t *files, GError **error)
{
	const ArtifactFile *file;
	guint8 buffer[64 * 1024];
	gssize size;

	for (;;) {
		if (!artifact_reader_next_file(reader, &file, error))
			return FALSE;
		if (file == NULL)
			return artifact_reader_finish(reader, error);
		json_array_append_new(
			json_array_get(files, file->payload), artifact_file_to_json(file));
		while ((size = artifact_reader_read(reader, buffer, sizeof buffer, error)) > 0)
			;
		if (size < 0)
			return FALSE;
	}
}

static void take_header(Artifact *artifact, const ArtifactHeader *header, json_t *files)
{
	artifact->name = g_strdup(header->name);
	artifact->manifest_digest = g_strdup(header->manifest_digest);
	artifact->is_signed = header->signature != ARTIFACT_UNSIGNED;
	artifact->document = artifact_make_document(header, files);
}

static gboolean read_artifact(
	GInputStream *input, Artifact *artifact, ArtifactRefusal *ret_refusal, GError **error)
{
	g_autoptr(ArtifactReader) reader = artifact_reader_open(input, NULL, ret_refusal, error);
	g_autoptr(json_t) files = json_array();
	const ArtifactHeader *header;

	if (reader == NULL)
		return FALSE;
	header = artifact_reader_header(reader);
	for (guint i = 0; i < header->payloads->len; i++)
		json_array_append_new(files, json_array());
	if (!read_files(reader, files, error))
		return FALSE;
	take_header(artifact, header, files);
	return TRUE;
}

/* Says to the caller which rule of the format was broken where. */
static void refuse_artifact(
	Call *call, const ArtifactRefusal *refusal, const GError *reason, GError **error)
{
	if (refusal->rule > 0) {
		call_set_error_detail(call, "rule", json_integer(refusal->rule));
		call_set_error_detail(call, "member", json_string(refusal->member));
		call_set_error_detail(call, "offset", json_integer((json_int_t)refusal->offset));
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "reading artifact error: %s",
		reason->message);
}

static gboolean receive(Call *call, UploadForm *form, Upload *upload, GError **error)
{
	g_autoptr(UploadInput) input = g_object_new(UPLOAD_TYPE_INPUT, NULL);
	g_autoptr(GError) reason = NULL;
	ArtifactRefusal refusal = { 0 };

	input->form = form;
	input->writer = upload->writer;
	if (read_artifact(G_INPUT_STREAM(input), upload->artifact, &refusal, &reason))
		return upload_form_finish(form, error);
	if (input->failure != NULL)
		g_propagate_error(error, g_steal_pointer(&input->failure));
	else
		refuse_artifact(call, &refusal, reason, error);
	return FALSE;
}

/* The caller may choose the id, so that an upload can be tried again without a double. */
static char *choose_id(const UploadForm *form, GError **error)
{
	const char *given = upload_form_artifact_id(form);
	char text[UUID_TEXT_SIZE];
	Uuid uuid;

	if (given == NULL)
		return g_uuid_string_random();
	if (!uuid_parse(given, &uuid)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "artifact_id: not a UUID");
		return NULL;
	}
	uuid_format(&uuid, text);
	return g_strdup(text);
}

static gboolean refuse_double(Call *call, const Artifact *other, const char *what, GError **error)
{
	g_autoptr(json_t) conflict = json_pack("{s:s, s:s, s:O}", "artifact_id", other->id,
		"artifact_name", other->name, "depends", artifact_depends(other));

	call_set_error_detail(call, "metadata", json_pack("{s:O}", "conflict", conflict));
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CONFLICT, "%s", what);
	return FALSE;
}

static gboolean check_doubles(Call *call, const Artifact *artifact, GError **error)
{
	Transaction *transaction = call_transaction(call);
	const char *tenant = call_tenant(call);
	g_autoptr(GError) failure = NULL;
	g_autoptr(Artifact) same_id = artifact_find(transaction, tenant, artifact->id, &failure);
	g_autoptr(Artifact) same_bytes = NULL;
	g_autoptr(GPtrArray) named = NULL;

	if (failure == NULL)
		same_bytes =
			artifact_find_by_digest(transaction, tenant, artifact->digest, &failure);
	if (failure == NULL)
		named = artifacts_named(transaction, tenant, artifact->name, &failure);
	if (failure != NULL) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return FALSE;
	}
	if (same_id != NULL)
		return refuse_double(
			call, same_id, "an artifact with this id exists already", error);
	if (same_bytes != NULL)
		return refuse_double(call, same_bytes, "the same artifact exists already", error);
	for (guint i = 0; i < named->len; i++)
		if (artifacts_overlap(artifact, g_ptr_array_index(named, i)))
			return refuse_double(call, g_ptr_array_index(named, i),
				"an artifact with this name and overlapping dependencies exists "
				"already",
				error);
	return TRUE;
}

/* RUN_WRITE: the row and the blob's name in one. */
static gboolean store_artifact(Call *call, GError **error)
{
	Upload *upload = call_data(call);
	Artifact *artifact = upload->artifact;

	artifact->modified_us = clock_now_us();
	if (!check_doubles(call, artifact, error) ||
		!artifact_insert(call_transaction(call), call_tenant(call), artifact, error) ||
		!blob_writer_publish(upload->writer, error))
		return FALSE;
	call_audit(call, "artifact", artifact->id,
		json_pack("{s:s, s:s}", "name", artifact->name, "checksum", artifact->digest));
	call_set_status(call, 201);
	call_set_header(
		call, "Location", call_strdup_printf(call, "%s/%s", call_path(call), artifact->id));
	return TRUE;
}

gboolean upload_artifact(Call *call, GError **error)
{
	g_autoptr(Upload) upload = g_new0(Upload, 1);
	g_autoptr(UploadForm) form =
		upload_form_new(call_header(call, "Content-Type"), call_body_stream(call), error);
	Artifact *artifact = upload->artifact = g_new0(Artifact, 1);

	if (form == NULL || !upload_form_read_fields(form, error))
		return FALSE;
	artifact->id = choose_id(form, error);
	if (artifact->id == NULL)
		return FALSE;
	artifact->description = g_strdup(upload_form_description(form));
	upload->writer = blobs_begin(app_blobs(call_app(call)), error);
	if (upload->writer == NULL || !receive(call, form, upload, error) ||
		!blob_writer_finish(upload->writer, &artifact->digest, error))
		return FALSE;
	artifact->size_bytes = (gint64)upload_form_size(form);
	call_set_data(call, g_steal_pointer(&upload), upload_free);
	return call_continue(call, RUN_WRITE, store_artifact);
}
