/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/signing-request.h"
#include <string.h>
#include "artifact/manifest.h"
#include "base/error.h"
#include "base/json.h"
#include "crypto/digest.h"

#define FORMAT "rota-signing-request"
enum { VERSION = 1 };

typedef struct {
	char *format;
	gint64 version;
	char *artifact_name;
	char *manifest_sha256; /* before the manifest: it is what a person looks for */
	char *manifest;
} Document;

static const JsonField document_fields[] = {
	JSON_FIELD(Document, format, JSON_TEXT, REQUIRED),
	JSON_FIELD(Document, version, JSON_NUMBER, REQUIRED),
	JSON_FIELD(Document, artifact_name, JSON_TEXT, REQUIRED),
	JSON_FIELD(Document, manifest_sha256, JSON_TEXT, REQUIRED, SHA256_HEX_SIZE),
	JSON_FIELD(Document, manifest, JSON_TEXT, REQUIRED, ARTIFACT_MANIFEST_SIZE_MAX),
	{ 0 },
};

static const JsonRecord document_record = { sizeof(Document), document_fields };

static void document_free(Document *document)
{
	json_record_free(&document_record, document);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Document, document_free)

char *signing_request_to_text(const ArtifactHeader *header)
{
	gsize size;
	const char *data = g_bytes_get_data(header->manifest_bytes, &size);
	g_autofree char *format = g_strdup(FORMAT);
	g_autofree char *manifest = g_strndup(data, size);
	Document document = { format, VERSION, header->name, header->manifest_digest, manifest };
	g_autoptr(json_t) object = json_record_write(&document_record, &document);
	g_autofree char *text = json_to_text(object);

	return g_strconcat(text, "\n", NULL);
}

static gboolean check_manifest(GBytes *bytes, GError **error)
{
	guint64 position = 0;
	Manifest manifest;
	Place place;

	place_init(&place, &position, NULL);
	place_enter(&place, "manifest", 0, g_bytes_get_size(bytes));
	manifest_init(&manifest);
	gboolean good = manifest_parse(&manifest, bytes, 0, FALSE, &place, error) &&
			manifest_use(&manifest, "version", &place, error) != NULL;
	manifest_clear(&manifest);
	place_clear(&place);
	return good;
}

static gboolean check(const Document *document, GBytes *manifest, GError **error)
{
	g_autofree char *digest = sha256_hex_of(document->manifest, strlen(document->manifest));

	if (!g_str_equal(document->format, FORMAT) || document->version != VERSION) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"not of format " FORMAT ", version %d", VERSION);
		return FALSE;
	}
	if (!g_str_equal(digest, document->manifest_sha256)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"manifest_sha256 is not the digest of its manifest");
		return FALSE;
	}
	return check_manifest(manifest, error);
}

SigningRequest *signing_request_parse(const char *data, gsize size, GError **error)
{
	g_autoptr(Document) document = json_record_parse(&document_record, data, size, error);

	if (!document)
		return NULL;
	g_autoptr(GBytes) manifest = g_bytes_new(document->manifest, strlen(document->manifest));
	if (!check(document, manifest, error))
		return NULL;
	SigningRequest *request = g_new0(SigningRequest, 1);
	request->artifact_name = g_steal_pointer(&document->artifact_name);
	request->manifest_sha256 = g_steal_pointer(&document->manifest_sha256);
	request->manifest = g_steal_pointer(&manifest);
	return request;
}

void signing_request_free(SigningRequest *request)
{
	if (!request)
		return;
	g_free(request->artifact_name);
	g_free(request->manifest_sha256);
	g_bytes_unref(request->manifest);
	g_free(request);
}
