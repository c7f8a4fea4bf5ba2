/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/signature.h"
#include "base/encode.h"

/* Line feeds and blanks at the end are what a text editor leaves; within, base64 is strict. */
static GBytes *decode(GBytes *text, GError **error)
{
	gsize size;
	const char *data = g_bytes_get_data(text, &size);

	while (size > 0 && g_ascii_isspace(data[size - 1]))
		size--;
	return base64_decode_strict(data, size, error);
}

const Key *signature_verify(
	GBytes *text, GBytes *manifest, const GPtrArray *keys, Place *place, GError **error)
{
	g_autoptr(GError) reason = NULL;
	g_autoptr(GBytes) signature = decode(text, &reason);
	gsize size;
	gconstpointer data = g_bytes_get_data(manifest, &size);

	if (!signature || g_bytes_get_size(signature) == 0) {
		place_refuse(place, 10, ARTIFACT_ERROR_SIGNATURE, error, "the signature is %s",
			signature ? "empty" : "not base64");
		return NULL;
	}
	for (guint i = 0; i < keys->len; i++) {
		g_clear_error(&reason);
		if (key_verify_manifest(keys->pdata[i], data, size, signature, &reason))
			return keys->pdata[i];
	}
	if (keys->len == 1)
		place_refuse(place, 10, ARTIFACT_ERROR_SIGNATURE, error, "%s", reason->message);
	else
		place_refuse(place, 10, ARTIFACT_ERROR_SIGNATURE, error,
			"none of the %u keys verifies the signature", keys->len);
	return NULL;
}

char *signature_make(GBytes *manifest, const Key *key, GError **error)
{
	gsize size;
	gconstpointer data = g_bytes_get_data(manifest, &size);
	g_autoptr(GBytes) signature = key_sign_manifest(key, data, size, error);

	if (!signature)
		return NULL;
	data = g_bytes_get_data(signature, &size);
	return g_base64_encode(data, size);
}
