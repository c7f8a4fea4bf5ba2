/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/repair.h"
#include <string.h>
#include "crypto/digest.h"

enum { BLOCK_SIZE = 512, NAME_SIZE = 100, SIZE_AT = 124, SIZE_SIZE = 12, SUM_AT = 148 };

/* One entry as far as it lies in the archive. */
typedef struct {
	char name[NAME_SIZE + 1];
	guint8 *body;
	gsize size;
} Entry;

typedef void (*TakeEntry)(const Entry *entry, gpointer user_data);

static void repair_header(guint8 *block)
{
	guint sum = 0;

	memset(block + SUM_AT, ' ', 8);
	for (gsize i = 0; i < BLOCK_SIZE; i++)
		sum += block[i];
	g_snprintf((char *)block + SUM_AT, 7, "%06o", sum);
}

static gsize declared_size(const guint8 *block)
{
	char text[SIZE_SIZE + 1] = { 0 };

	memcpy(text, block + SIZE_AT, SIZE_SIZE);
	return (gsize)g_ascii_strtoull(text, NULL, 8);
}

static gboolean is_zero(const guint8 *block)
{
	return block[0] == 0 && memcmp(block, block + 1, BLOCK_SIZE - 1) == 0;
}

static void walk(guint8 *data, gsize size, TakeEntry take, gpointer user_data)
{
	while (size >= BLOCK_SIZE && !is_zero(data)) {
		Entry entry = { .body = data + BLOCK_SIZE };

		repair_header(data);
		memcpy(entry.name, data, NAME_SIZE);
		entry.size = MIN(declared_size(data), size - BLOCK_SIZE);
		if (take)
			take(&entry, user_data);
		gsize taken = BLOCK_SIZE + entry.size;
		taken += (BLOCK_SIZE - taken % BLOCK_SIZE) % BLOCK_SIZE;
		if (taken >= size)
			return;
		data += taken;
		size -= taken;
	}
}

void repair_tar(guint8 *data, gsize size)
{
	walk(data, size, NULL, NULL);
}

/* --- the artifact --- */

typedef struct {
	GHashTable *sums; /* char * to char * in hex */
	Entry manifests[2];
	char payload[sizeof "data/0000"];
} Artifact;

static void take_payload_file(const Entry *entry, gpointer user_data)
{
	Artifact *artifact = user_data;

	g_hash_table_replace(artifact->sums, g_strconcat(artifact->payload, "/", entry->name, NULL),
		sha256_hex_of(entry->body, entry->size));
}

static void take_entry(const Entry *entry, gpointer user_data)
{
	Artifact *artifact = user_data;

	if (g_str_equal(entry->name, "manifest"))
		artifact->manifests[0] = *entry;
	else if (g_str_equal(entry->name, "manifest-augment"))
		artifact->manifests[1] = *entry;
	if (g_str_has_prefix(entry->name, "header") && g_str_has_suffix(entry->name, ".tar"))
		repair_tar(entry->body, entry->size);
	if (g_str_has_prefix(entry->name, "data/") && g_str_has_suffix(entry->name, ".tar")) {
		g_strlcpy(artifact->payload, entry->name, sizeof artifact->payload);
		walk(entry->body, entry->size, take_payload_file, artifact);
	}
	g_hash_table_replace(artifact->sums,
		g_strdup(entry->name), /* after all in it was repaired */
		sha256_hex_of(entry->body, entry->size));
}

static void repair_manifest(const Entry *manifest, GHashTable *sums)
{
	enum { NAME_AT = SHA256_HEX_SIZE + 2 };
	guint8 *line = manifest->body;
	gsize left = manifest->size;

	while (left > NAME_AT) {
		const guint8 *feed = memchr(line, '\n', left);
		gsize size = feed ? (gsize)(feed - line) : left;
		g_autofree char *name =
			size > NAME_AT ? g_strndup((char *)line + NAME_AT, size - NAME_AT) : NULL;
		const char *sum = name ? g_hash_table_lookup(sums, name) : NULL;

		if (sum)
			memcpy(line, sum, SHA256_HEX_SIZE);
		if (!feed)
			return;
		line += size + 1;
		left -= size + 1;
	}
}

void repair_artifact(guint8 *data, gsize size)
{
	Artifact artifact = {
		.sums = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
	};

	walk(data, size, take_entry, &artifact);
	for (gsize i = 0; i < G_N_ELEMENTS(artifact.manifests); i++)
		repair_manifest(&artifact.manifests[i], artifact.sums);
	g_hash_table_unref(artifact.sums);
}
