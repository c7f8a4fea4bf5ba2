/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of manifest and, after a NUL, of manifest-augment. */
#include <string.h>
#include "artifact/manifest.h"
#include "shared/target.h"

static gboolean parse_both(Manifest *manifest, const char *text, gsize size, Place *place)
{
	const char *nul = memchr(text, '\0', size);
	gsize base_size = nul ? (gsize)(nul - text) : size;
	g_autoptr(GBytes) base = g_bytes_new_static(text, base_size);

	if (!manifest_parse(manifest, base, 0, FALSE, place, NULL))
		return FALSE;
	if (!nul)
		return TRUE;
	g_autoptr(GBytes) augment = g_bytes_new_static(nul + 1, size - base_size - 1);
	return manifest_parse(manifest, augment, base_size + 1, TRUE, place, NULL);
}

/* Each line can be used once, and then none is left. */
static void use_all(Manifest *manifest, Place *place)
{
	g_autoptr(GList) lines = g_hash_table_get_values(manifest->lines);

	g_assert_true((lines == NULL) == manifest_finish(manifest, place, NULL));
	for (GList *item = lines; item; item = item->next) {
		const ManifestLine *line = item->data;

		g_assert_cmpuint(strspn(line->sum, "0123456789abcdef"), ==, SHA256_HEX_SIZE);
		g_assert_true(manifest_use(manifest, line->name, place, NULL) == line);
		g_assert_null(manifest_use(manifest, line->name, place, NULL));
	}
	g_assert_true(manifest_finish(manifest, place, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	guint64 position = 0;
	Manifest manifest;
	Place place;

	place_init(&place, &position, NULL);
	place_enter(&place, "manifest", 0, size);
	manifest_init(&manifest);
	if (parse_both(&manifest, (const char *)data, size, &place))
		use_all(&manifest, &place);
	manifest_clear(&manifest);
	place_clear(&place);
	return 0;
}
