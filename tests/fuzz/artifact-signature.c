/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.sig and public keys. "s" and the text of a signature, looked at with an RSA and a P-256
 * key: what verifies does so for this manifest only. "k" and a public key in PEM: what is accepted
 * is written the same way ever after. */
#include <string.h>
#include "artifact/signature.h"
#include "shared/keys.h"
#include "shared/target.h"

static const char other_text[] = "the manifest that is signed.\n";

static const Key *verify(GBytes *text, const char *manifest, Place *place)
{
	g_autoptr(GBytes) bytes = g_bytes_new_static(manifest, strlen(manifest));

	return signature_verify(text, bytes, fuzz_keys(), place, NULL);
}

static void read_signature(const uint8_t *data, size_t size)
{
	g_autoptr(GBytes) text = g_bytes_new_static(data, size);
	guint64 position = 0;
	Place place;

	place_init(&place, &position, NULL);
	place_enter(&place, "manifest.sig", 0, size + 1);
	if (verify(text, fuzz_manifest, &place))
		g_assert_null(verify(text, other_text, &place));
	place_clear(&place);
}

static void read_key(const uint8_t *data, size_t size)
{
	g_autoptr(Key) key = key_parse_public((const char *)data, size, NULL);

	if (!key)
		return;
	g_autofree char *pem = key_public_pem(key);
	g_autofree char *id = key_id(key);
	g_autoptr(Key) again = key_parse_public(pem, strlen(pem), NULL);
	g_assert_nonnull(again);
	g_autofree char *id_again = key_id(again);
	g_assert_cmpstr(id, ==, id_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == 's')
		read_signature(data + 1, size - 1);
	if (size > 0 && data[0] == 'k')
		read_key(data + 1, size - 1);
	return 0;
}
