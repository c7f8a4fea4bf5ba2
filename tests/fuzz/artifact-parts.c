/* SPDX-License-Identifier: Apache-2.0 */
/* An artifact whose frame and sums are right, made of parts that are anyone's:
 *
 *     @c gz                      compression of all archives: none, gz, zst
 *     @h header-info             a member of header.tar; its content up to the next line with @
 *     {"payloads":...}
 *     @0 app.bin                 a file of data/0000 (to 3)
 *     @a header-info             a member of header-augment.tar
 *     @A extra.bin               an augmented file of data/0000 (to D)
 *     @v version  @s manifest.sig  @o NAME    instead of the version, a signature, another entry
 *
 * What is accepted hands out the files that went in, and nothing else. */
#include <gio/gio.h>
#include <string.h>
#include "artifact/compress.h"
#include "artifact/reader.h"
#include "artifact/tar-writer.h"
#include "crypto/digest.h"
#include "shared/target.h"

enum { PAYLOADS_MAX = 4, READ_SIZE = 700 };

/* Packing as a true compressor does it would cost a hundred times the reading: bytes are stored. */
typedef struct {
	const char *name;
	ArtifactCompression kind;
	void (*store)(GByteArray *out, const GByteArray *in);
} Store;

typedef struct {
	GByteArray *header, *header_augment, *others;
	GByteArray *payloads[PAYLOADS_MAX]; /* NULL: not there */
	GString *manifest, *manifest_augment;
	GByteArray *version, *signature; /* NULL: the right one, none */
	GHashTable *files;               /* "0/app.bin" to GBytes: the first of a name */
	const Store *store;
} Parts;

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

static void parts_clear(Parts *parts)
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

static GBytes *put_together(Parts *parts)
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

/* --- reading it --- */

static gboolean read_file(Parts *parts, ArtifactReader *reader, const ArtifactFile *file)
{
	g_autofree char *key = g_strdup_printf("%u/%s", file->payload, file->name);
	GBytes *expected = g_hash_table_lookup(parts->files, key);
	g_autoptr(GByteArray) got = g_byte_array_new();
	guint8 buffer[READ_SIZE];
	gssize size;

	g_assert_nonnull(expected);
	while ((size = artifact_reader_read(reader, buffer, sizeof buffer, NULL)) > 0)
		g_byte_array_append(got, buffer, (guint)size);
	if (size < 0)
		return FALSE;
	g_assert_cmpmem(
		got->data, got->len, g_bytes_get_data(expected, NULL), g_bytes_get_size(expected));
	return TRUE;
}

static gboolean read_files(Parts *parts, ArtifactReader *reader)
{
	const ArtifactFile *file;
	guint n_files = 0;

	for (;;) {
		if (!artifact_reader_next_file(reader, &file, NULL))
			return FALSE;
		if (!file)
			break;
		if (!read_file(parts, reader, file))
			return FALSE;
		n_files++;
	}
	if (!artifact_reader_finish(reader, NULL))
		return FALSE;
	g_assert_cmpuint(n_files, ==, g_hash_table_size(parts->files));
	return TRUE;
}

static void read_artifact(Parts *parts, GBytes *bytes, gboolean refuse_augmented)
{
	g_autoptr(GInputStream) in = g_memory_input_stream_new_from_bytes(bytes);
	ArtifactPolicy policy = { .refuse_augmented = refuse_augmented };
	ArtifactRefusal refusal;
	g_autoptr(ArtifactReader) reader = artifact_reader_open(in, &policy, &refusal, NULL);

	if (reader && read_files(parts, reader)) {
		g_assert_cmpuint(artifact_reader_offset(reader), ==, g_bytes_get_size(bytes));
		g_assert_true(!refuse_augmented || !artifact_reader_header(reader)->augmented);
		return;
	}
	g_assert_cmpint(refusal.rule, >=, 1);
	if (!parts->others) /* which may bring sums of their own */
		g_assert_cmpint(refusal.rule, !=, 9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Parts parts = {
		.files = g_hash_table_new_full(
			g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref),
		.store = &stores[0],
	};

	take_apart(&parts, (const char *)data, size);
	g_autoptr(GBytes) bytes = put_together(&parts);
	read_artifact(&parts, bytes, FALSE);
	read_artifact(&parts, bytes, TRUE);
	parts_clear(&parts);
	return 0;
}
