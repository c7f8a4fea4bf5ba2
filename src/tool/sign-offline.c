/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/sign-offline.h"
#include <stdio.h>
#include <string.h>
#include "artifact/signing-request.h"
#include "base/encode.h"
#include "base/error.h"
#include "base/file.h"
#include "tool/console.h"
#include "tool/output-file.h"

static gboolean write_file(const char *path, gconstpointer data, gsize size, GError **error)
{
	g_auto(OutputFile) output = { 0 };

	return output_file_open(&output, path, 0644, error) &&
	       file_write_all(output.fd, data, size, error) && output_file_commit(&output, error);
}

static GBytes *read_file(const char *path, gsize size_max, GError **error)
{
	return file_read(g_str_equal(path, "-") ? "/dev/stdin" : path, size_max, error);
}

gboolean sign_offline_ask(const ArtifactHeader *header, const char *request_path,
	const char *manifest_path, GError **error)
{
	g_autofree char *request = signing_request_to_text(header);
	gsize size;
	gconstpointer manifest = g_bytes_get_data(header->manifest_bytes, &size);

	if (request_path && manifest_path && g_str_equal(request_path, "-") &&
		g_str_equal(manifest_path, "-")) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
			"--digest-out and --manifest-out cannot both be the standard output");
		return FALSE;
	}
	if ((request_path && !write_file(request_path, request, strlen(request), error)) ||
		(manifest_path && !write_file(manifest_path, manifest, size, error)))
		return FALSE;
	console_tell(json_pack("{s:s?, s:s?, s:s, s:s}", "request", request_path, "manifest",
			     manifest_path, "artifact_name", header->name, "manifest_sha256",
			     header->manifest_digest),
		NULL);
	return TRUE;
}

/* --- on the key's machine --- */

static SigningRequest *read_request(const char *path, GError **error)
{
	g_autoptr(GBytes) bytes = read_file(path, SIGNING_REQUEST_SIZE_MAX, error);
	gsize size;

	if (!bytes)
		return NULL;
	const char *data = g_bytes_get_data(bytes, &size);
	SigningRequest *request = signing_request_parse(data, size, error);
	if (!request)
		g_prefix_error(error, "signing request %s: ", path);
	return request;
}

gboolean sign_offline_answer(
	const char *request_path, const Key *key, const char *signature_path, GError **error)
{
	g_autoptr(SigningRequest) request = read_request(request_path, error);
	g_autofree char *id = key_id(key);
	gsize size;

	if (!request)
		return FALSE;
	gconstpointer data = g_bytes_get_data(request->manifest, &size);
	g_autoptr(GBytes) signature = key_sign_manifest(key, data, size, error);
	if (!signature)
		return FALSE;
	fprintf(stderr, "rota-artifact: signed %s, manifest %s, with key %s\n",
		request->artifact_name, request->manifest_sha256, id);
	data = g_bytes_get_data(signature, &size);
	g_autofree char *encoded = g_base64_encode(data, size);
	g_autofree char *text = g_strconcat(encoded, "\n", NULL);
	if (!write_file(signature_path, text, strlen(text), error))
		return FALSE;
	console_tell(json_pack("{s:s, s:s, s:s, s:s}", "signature", signature_path, "artifact_name",
			     request->artifact_name, "manifest_sha256", request->manifest_sha256,
			     "key_id", id),
		NULL);
	return TRUE;
}

/* --- back again --- */

/* NULL where it is not base64 from its first byte to its last but for white space at the end. */
static GBytes *decode(GBytes *bytes)
{
	gsize size;
	const char *data = g_bytes_get_data(bytes, &size);

	while (size > 0 && g_ascii_isspace(data[size - 1]))
		size--;
	return base64_decode_strict(data, size, NULL);
}

GBytes *sign_offline_take(
	const char *signature_path, const Key *key, const ArtifactHeader *header, GError **error)
{
	g_autoptr(GBytes) bytes = read_file(signature_path, ARTIFACT_SIGNATURE_SIZE_MAX, error);
	gsize size;

	if (!bytes)
		return NULL;
	gconstpointer manifest = g_bytes_get_data(header->manifest_bytes, &size);
	g_autoptr(GBytes) decoded = decode(bytes);
	GBytes *signature =
		key_adopt_manifest_signature(key, manifest, size, decoded ? decoded : bytes, error);
	if (!signature)
		g_prefix_error(error, "%s: ", signature_path);
	return signature;
}
