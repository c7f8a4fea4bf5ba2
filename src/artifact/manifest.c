/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/manifest.h"
#include <string.h>

static const char *const member_names[] = { "manifest", "manifest-augment" };

static void line_free(gpointer data)
{
	ManifestLine *line = data;

	g_free(line->name);
	g_free(line);
}

void manifest_init(Manifest *manifest)
{
	*manifest = (Manifest){
		.lines = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, line_free),
	};
}

void manifest_clear(Manifest *manifest)
{
	g_clear_pointer(&manifest->lines, g_hash_table_unref);
}

/* Which names a payload file may have is judged where the file is met; here only that a line is one
 * line of text. */
static gboolean well_formed(const char *line, gsize size)
{
	enum { NAME_START = SHA256_HEX_SIZE + 2 };

	if (size <= NAME_START || line[SHA256_HEX_SIZE] != ' ' || line[SHA256_HEX_SIZE + 1] != ' ')
		return FALSE;
	for (gsize i = 0; i < SHA256_HEX_SIZE; i++)
		if (!g_ascii_isdigit(line[i]) && !(line[i] >= 'a' && line[i] <= 'f'))
			return FALSE;
	for (gsize i = NAME_START; i < size; i++)
		if (g_ascii_iscntrl(line[i]))
			return FALSE;
	return g_utf8_validate(line + NAME_START, (gssize)(size - NAME_START), NULL);
}

static gboolean refuse_repeated(
	const ManifestLine *earlier, const ManifestLine *line, Place *place, GError **error)
{
	g_autofree char *shown = place_printable(line->name);

	if (earlier->augmented != line->augmented)
		return place_refuse_at(place, line->offset, 11, ARTIFACT_ERROR_MANIFEST, error,
			"%s is listed by the manifest already, which an augment may not replace",
			shown);
	return place_refuse_at(place, line->offset, 7, ARTIFACT_ERROR_MANIFEST, error,
		"%s is listed twice", shown);
}

static gboolean add_line(Manifest *manifest, const char *text, gsize size, guint64 offset,
	gboolean augmented, Place *place, GError **error)
{
	if (!well_formed(text, size))
		return place_refuse_at(place, offset, 7, ARTIFACT_ERROR_MANIFEST, error,
			"a line that is not 64 lower-case hex digits, two blanks and a name");
	if (g_hash_table_size(manifest->lines) >= MANIFEST_LINES_MAX)
		return place_refuse_at(place, offset, 16, ARTIFACT_ERROR_LIMIT, error,
			"more than %d lines", MANIFEST_LINES_MAX);

	ManifestLine *line = g_new0(ManifestLine, 1);
	memcpy(line->sum, text, SHA256_HEX_SIZE);
	line->name = g_strndup(text + SHA256_HEX_SIZE + 2, size - SHA256_HEX_SIZE - 2);
	line->offset = offset;
	line->augmented = augmented;

	const ManifestLine *earlier = g_hash_table_lookup(manifest->lines, line->name);
	if (earlier) {
		refuse_repeated(earlier, line, place, error);
		line_free(line);
		return FALSE;
	}
	return g_hash_table_insert(manifest->lines, line->name, line);
}

gboolean manifest_parse(Manifest *manifest, GBytes *bytes, guint64 offset, gboolean augmented,
	Place *place, GError **error)
{
	gsize size;
	const char *text = g_bytes_get_data(bytes, &size);

	manifest->start[augmented] = place->start;
	manifest->end[augmented] = place->end;
	while (size > 0) {
		const char *feed = memchr(text, '\n', size);

		if (!feed)
			return place_refuse_at(place, offset, 7, ARTIFACT_ERROR_MANIFEST, error,
				"the last line does not end");
		gsize line_size = (gsize)(feed - text);
		if (line_size > 0 &&
			!add_line(manifest, text, line_size, offset, augmented, place, error))
			return FALSE;
		text += line_size + 1;
		size -= line_size + 1;
		offset += line_size + 1;
	}
	return TRUE;
}

const ManifestLine *manifest_use(Manifest *manifest, const char *name, Place *place, GError **error)
{
	ManifestLine *line = g_hash_table_lookup(manifest->lines, name);

	g_autofree char *shown = place_printable(name);

	if (!line) {
		place_refuse(place, 7, ARTIFACT_ERROR_MANIFEST, error, "%s is not in the manifest",
			shown);
		return NULL;
	}
	if (line->used) {
		place_refuse(place, 6, ARTIFACT_ERROR_STRUCTURE, error, "%s is there twice", shown);
		return NULL;
	}
	line->used = TRUE;
	return line;
}

gboolean manifest_compare(const ManifestLine *line, Sha256 *sum, Place *place, GError **error)
{
	g_autofree char *found = sha256_finish_hex(sum);

	if (!g_str_equal(found, line->sum))
		return place_refuse(place, 9, ARTIFACT_ERROR_CHECKSUM, error,
			"the sum is %s, the manifest says %s", found, line->sum);
	return TRUE;
}

gboolean manifest_finish(const Manifest *manifest, Place *place, GError **error)
{
	GHashTableIter iter;
	gpointer value;
	const ManifestLine *unused = NULL;

	g_hash_table_iter_init(&iter, manifest->lines);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const ManifestLine *line = value;

		if (!line->used && (!unused || line->offset < unused->offset))
			unused = line;
	}
	if (!unused)
		return TRUE;
	g_autofree char *shown = place_printable(unused->name);
	place_enter(place, member_names[unused->augmented], manifest->start[unused->augmented],
		manifest->end[unused->augmented]);
	return place_refuse_at(place, unused->offset, 7, ARTIFACT_ERROR_MANIFEST, error,
		"%s is listed, but not there", shown);
}
