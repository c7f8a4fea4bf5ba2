/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/words.h"
#include <string.h>
#include "artifact/header.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

typedef struct {
	const char *name;
	CompressChoice choice;
} CompressionName;

static const CompressionName compression_names[] = {
	{ "none", { ARTIFACT_COMPRESSION_NONE, 0 } },
	{ "gzip", { ARTIFACT_COMPRESSION_GZIP, 0 } },
	{ "lzma", { ARTIFACT_COMPRESSION_XZ, 0 } },
	{ "zstd_fastest", { ARTIFACT_COMPRESSION_ZSTD, 1 } },
	{ "zstd_fast", { ARTIFACT_COMPRESSION_ZSTD, 3 } },
	{ "zstd_better", { ARTIFACT_COMPRESSION_ZSTD, 7 } },
	{ "zstd_best", { ARTIFACT_COMPRESSION_ZSTD, 15 } },
};

gboolean words_compression(const char *name, CompressChoice *ret_choice, GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(compression_names); i++) {
		if (g_strcmp0(name ? name : "gzip", compression_names[i].name) != 0)
			continue;
		*ret_choice = compression_names[i].choice;
		return TRUE;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID,
		"--compression %s: none, gzip, lzma, zstd_fastest, zstd_fast, zstd_better or "
		"zstd_best",
		name);
	return FALSE;
}

static gboolean split_pair(const char *text, char **ret_key, char **ret_value, GError **error)
{
	const char *colon = strchr(text, ':');

	if (!colon || colon == text) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s: not of the form KEY:VALUE",
			text);
		return FALSE;
	}
	*ret_key = g_strndup(text, (gsize)(colon - text));
	*ret_value = g_strdup(colon + 1);
	return TRUE;
}

gboolean words_provides(const GPtrArray *pairs, GHashTable *provides, GError **error)
{
	for (guint i = 0; pairs && i < pairs->len; i++) {
		char *key, *value;

		if (!split_pair(pairs->pdata[i], &key, &value, error))
			return FALSE;
		g_hash_table_replace(provides, key, value);
	}
	return TRUE;
}

gboolean words_depends(const GPtrArray *pairs, GHashTable *depends, GError **error)
{
	for (guint i = 0; pairs && i < pairs->len; i++) {
		char *key, *value;

		if (!split_pair(pairs->pdata[i], &key, &value, error))
			return FALSE;
		char **values = g_new0(char *, 2);
		values[0] = value;
		g_hash_table_replace(depends, key, values);
	}
	return TRUE;
}

gboolean words_meta_data(const char *path, json_t **ret_value, GError **error)
{
	*ret_value = NULL;
	if (!path)
		return TRUE;
	g_autoptr(GBytes) bytes = file_read(path, ARTIFACT_JSON_SIZE_MAX, error);
	if (!bytes)
		return FALSE;
	gsize size;
	const char *data = g_bytes_get_data(bytes, &size);
	*ret_value = json_parse_strict(data, size, error);
	if (!*ret_value)
		g_prefix_error(error, "%s: ", path);
	return *ret_value != NULL;
}

typedef struct {
	const char *name;
	guint64 bytes;
} SizeUnit;

static const SizeUnit size_units[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "K", G_GUINT64_CONSTANT(1000) },
	{ "KB", G_GUINT64_CONSTANT(1000) },
	{ "KiB", G_GUINT64_CONSTANT(1) << 10 },
	{ "M", G_GUINT64_CONSTANT(1000000) },
	{ "MB", G_GUINT64_CONSTANT(1000000) },
	{ "MiB", G_GUINT64_CONSTANT(1) << 20 },
	{ "G", G_GUINT64_CONSTANT(1000000000) },
	{ "GB", G_GUINT64_CONSTANT(1000000000) },
	{ "GiB", G_GUINT64_CONSTANT(1) << 30 },
	{ "T", G_GUINT64_CONSTANT(1000000000000) },
	{ "TB", G_GUINT64_CONSTANT(1000000000000) },
	{ "TiB", G_GUINT64_CONSTANT(1) << 40 },
};

gboolean words_size(const char *option, const char *text, guint64 *ret_bytes, GError **error)
{
	*ret_bytes = 0;
	if (!text)
		return TRUE;
	gsize digits = strspn(text, "0123456789.");
	g_autofree char *number = g_strndup(text, digits);
	const char *unit = text + digits + strspn(text + digits, " ");
	char *end;
	double value = g_ascii_strtod(number, &end);

	for (gsize i = 0; i < G_N_ELEMENTS(size_units) && digits > 0 && !*end; i++) {
		double bytes = value * (double)size_units[i].bytes;

		if (g_ascii_strcasecmp(unit, size_units[i].name) != 0)
			continue;
		if (bytes < 1 || bytes >= (double)G_MAXINT64)
			break;
		*ret_bytes = (guint64)bytes;
		return TRUE;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_INVALID, "%s %s: not a size such as 5MB", option,
		text);
	return FALSE;
}

gboolean words_source_date(gint64 *ret_time_s, GError **error)
{
	const char *text = g_getenv("SOURCE_DATE_EPOCH");

	*ret_time_s = 0;
	if (!text || !*text ||
		g_ascii_string_to_signed(
			text, 10, 0, G_MAXINT32 * G_GINT64_CONSTANT(4), ret_time_s, error))
		return TRUE;
	g_prefix_error(error, "SOURCE_DATE_EPOCH: ");
	return FALSE;
}

char **words_list(const GPtrArray *texts)
{
	char **list = g_new0(char *, (texts ? texts->len : 0) + 1);

	for (guint i = 0; texts && i < texts->len; i++)
		list[i] = texts->pdata[i];
	return list;
}
