/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/parts.h"
#include <string.h>
#include "artifact/compress.h"
#include "artifact/tar-writer.h"
#include "crypto/digest.h"

enum { PAYLOADS_MAX = 4 };

/* Packing as a true compressor does it would cost a hundred times the reading: bytes are stored. */
typedef struct {
	const char *name;
	ArtifactCompression kind;
	void (*store)(GByteArray *out, const GByteArray *in);
} Store;

struct Parts {
	GByteArray *header, *header_augment, *others;
	GByteArray *payloads[PAYLOADS_MAX]; /* NULL: not there */
	GString *manifest, *manifest_augment;
	GByteArray *version, *signature; /* NULL: the right one, none */
	GHashTable *files;               /* "0/app.bin" to GBytes: the first of a name */
	const Store *store;
};

/* --- storing --- */

static void append(GByteArray *out, gconstpointer data, gsize size)
{
	g_byte_array_append(out, data, (guint)size);
}

static void append_le(GByteArray *out, guint32 number, gsize size)
{
	number = GUINT32_TO_LE(number);
	append(out, &number, size);
}

static void store_none(GByteArray *out, const GByteArray *in)
{
	append(out, in->data, in->len);
}

static void store_gzip(GByteArray *out, const GByteArray *in)
{
	append(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
	for (guint at = 0; at < in->len; at += 0xffff) {
		guint size = MIN(in->len - at, 0xffffU);

		append_le(out, at + size == in->len, 1);
		append_le(out, size | ~size << 16, 4);
		append(out, in->data + at, size);
	}
	append_le(out, deflate_crc(0, in->data, in->len), 4);
	append_le(out, in->len, 4);
}

static void store_zstd(GByteArray *out, const GByteArray *in)
{
	enum { BLOCK_SIZE_MAX = 128 * 1024 };

	append(out, "\x28\xb5\x2f\xfd\xa0", 5); /* one segment, its size in four bytes */
	append_le(out, in->len, 4);
	for (guint at = 0; at < in->len; at += BLOCK_SIZE_MAX) {
		guint size = MIN(in->len - at, (guint)BLOCK_SIZE_MAX);

		append_le(out, size << 3 | (at + size == in->len), 3);
		append(out, in->data + at, size);
	}
}

static const Store stores[] = {
	{ "none", ARTIFACT_COMPRESSION_NONE, store_none },
	{ "gz", ARTIFACT_COMPRESSION_GZIP, store_gzip },
	{ "zst", ARTIFACT_COMPRESSION_ZSTD, store_zstd },
};

/* --- taking the input apart --- */

static void add_member(GByteArray **archive, const char *name, const char *body, gsize size)
{
	TarHeader header = { name, size, 0600, 0 };

	if (!*archive)
		*archive = g_byte_array_new();
	(void)!tar_append(*archive, &header, body, NULL); /* a name too long is left out */
}

static void add_line(
	GString **manifest, const char *folder, const char *name, gconstpointer data, gsize size)
{
	g_autofree char *sum = sha256_hex_of(data, size);

	if (!*manifest)
		*manifest = g_string_new(NULL);
	g_string_append_printf(*manifest, "%s  %s%s\n", sum, folder, name);
}

static void add_file(Parts *parts, guint payload, gboolean augmented, const char *name,
	const char *body, gsize size)
{
	g_autofree char *folder = g_strdup_printf("data/%04u/", payload);
	char *key = g_strdup_printf("%u/%s", payload, name);

	add_member(&parts->payloads[payload], name, body, size);
	add_line(augmented ? &parts->manifest_augment : &parts->manifest, folder, name, body, size);
	if (g_hash_table_contains(parts->files, key))
		g_free(key);
	else
		g_hash_table_insert(parts->files, key, g_bytes_new(body, size));
}

static void set_text(GByteArray **text, const char *body, gsize size)
{
	if (!*text)
		*text = g_byte_array_new();
	g_byte_array_append(*text, (const guint8 *)body, (guint)size);
}

static void set_store(Parts *parts, const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(stores); i++)
		if (g_str_equal(name, stores[i].name))
			parts->store = &stores[i];
}

static void take_part(Parts *parts, char kind, const char *name, const char *body, gsize size)
{
	switch (kind) {
	case 'c':
		return set_store(parts, name);
	case 'h':
		return add_member(&parts->header, name, body, size);
	case 'a':
		return add_member(&parts->header_augment, name, body, size);
	case 'o':
		return add_member(&parts->others, name, body, size);
	case 'v':
		return set_text(&parts->version, body, size);
	case 's':
		return set_text(&parts->signature, body, size);
	case '0' ... '3':
		return add_file(parts, (guint)(kind - '0'), FALSE, name, body, size);
	case 'A' ... 'D':
		return add_file(parts, (guint)(kind - 'A'), TRUE, name, body, size);
	default:
		return;
	}
}

static void take_apart(Parts *parts, const char *text, gsize size)
{
	while (size > 3 && text && text[0] == '@') {
		const char *next = memmem(text, size, "\n@", 2);
		gsize length = next ? (gsize)(next - text) : size;
		const char *feed = memchr(text, '\n', length);
		gsize head = feed ? (gsize)(feed - text) : length;
		g_autofree char *name = g_strndup(text + 3, MAX(head, 3) - 3);
		gsize body_at = feed ? head + 1 : length;

		take_part(parts, text[1], name, text + body_at, length - body_at);
		if (!next)
			return;
		text += length + 1;
		size -= length + 1;
	}
}

void parts_free(Parts *parts)
{
	GByteArray **arrays[] = { &parts->header, &parts->header_augment, &parts->others,
		&parts->version, &parts->signature };

	for (gsize i = 0; i < G_N_ELEMENTS(arrays); i++)
		g_clear_pointer(arrays[i], g_byte_array_unref);
	for (guint i = 0; i < PAYLOADS_MAX; i++)
		g_clear_pointer(&parts->payloads[i], g_byte_array_unref);
	if (parts->manifest)
		g_string_free(parts->manifest, TRUE);
	if (parts->manifest_augment)
		g_string_free(parts->manifest_augment, TRUE);
	g_hash_table_unref(parts->files);
	g_free(parts);
}

/* --- putting the artifact together --- */

static void add_archive(
	Parts *parts, GByteArray *out, GString **manifest, const char *stem, GByteArray *archive)
{
	if (!archive)
		return;
	g_autofree char *name = g_strconcat(stem, compression_suffix(parts->store->kind), NULL);
	g_autoptr(GByteArray) packed = g_byte_array_new();

	tar_append_end(archive);
	parts->store->store(packed, archive);
	add_member(&out, name, (const char *)packed->data, packed->len);
	if (manifest)
		add_line(manifest, "", name, packed->data, packed->len);
}

static void add_text(GByteArray *out, const char *name, const char *text, gsize size)
{
	add_member(&out, name, text, size);
}

GBytes *parts_to_artifact(Parts *parts)
{
	static const char version[] = "{\"format\":\"mender\",\"version\":3}";
	g_autoptr(GByteArray) headers = g_byte_array_new();
	GByteArray *out = g_byte_array_new();

	if (!parts->version)
		set_text(&parts->version, version, strlen(version));
	add_line(&parts->manifest, "", "version", parts->version->data, parts->version->len);
	add_archive(parts, headers, &parts->manifest, "header.tar", parts->header);
	add_archive(parts, headers, &parts->manifest_augment, "header-augment.tar",
		parts->header_augment);
	add_text(out, "version", (const char *)parts->version->data, parts->version->len);
	add_text(out, "manifest", parts->manifest->str, parts->manifest->len);
	if (parts->signature)
		add_text(out, "manifest.sig", (const char *)parts->signature->data,
			parts->signature->len);
	if (parts->manifest_augment)
		add_text(out, "manifest-augment", parts->manifest_augment->str,
			parts->manifest_augment->len);
	if (parts->others)
		g_byte_array_append(out, parts->others->data, parts->others->len);
	g_byte_array_append(out, headers->data, headers->len);
	for (guint i = 0; i < PAYLOADS_MAX; i++) {
		g_autofree char *stem = g_strdup_printf("data/%04u.tar", i);

		add_archive(parts, out, NULL, stem, parts->payloads[i]);
	}
	tar_append_end(out);
	return g_byte_array_free_to_bytes(out);
}

Parts *parts_new(const uint8_t *data, size_t size)
{
	Parts *parts = g_new0(Parts, 1);

	parts->files = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
	parts->store = &stores[0];
	take_apart(parts, (const char *)data, size);
	return parts;
}

GHashTable *parts_files(const Parts *parts)
{
	return parts->files;
}

gboolean parts_bring_sums(const Parts *parts)
{
	return parts->others != NULL;
}
