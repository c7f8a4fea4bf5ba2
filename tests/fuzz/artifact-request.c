/* SPDX-License-Identifier: Apache-2.0 */
/* A signing request, as it is and with the digest of its manifest put right. What is accepted is a
 * manifest: a key that signs artifacts signs nothing else. */
#include "artifact/signing-request.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "shared/target.h"

static void read_request(const char *text, gsize size)
{
	g_autoptr(SigningRequest) request = signing_request_parse(text, size, NULL);

	if (!request)
		return;
	gsize manifest_size;
	const char *manifest = g_bytes_get_data(request->manifest, &manifest_size);
	g_autofree char *digest = sha256_hex_of(manifest, manifest_size);
	g_assert_cmpstr(digest, ==, request->manifest_sha256);
	g_assert_nonnull(g_strstr_len(manifest, (gssize)manifest_size, "  version"));
	g_assert_true(g_utf8_validate(manifest, (gssize)manifest_size, NULL));
}

static void read_repaired(const char *text, gsize size)
{
	g_autoptr(json_t) object = json_parse_strict(text, size, NULL);
	const json_t *manifest = json_object_get(object, "manifest");

	if (!json_is_string(manifest))
		return;
	g_autofree char *digest =
		sha256_hex_of(json_string_value(manifest), json_string_length(manifest));
	json_object_set_new(object, "manifest_sha256", json_string(digest));
	g_autofree char *repaired = json_to_text(object);
	read_request(repaired, strlen(repaired));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_request((const char *)data, size);
	read_repaired((const char *)data, size);
	return 0;
}
