/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/write-command.h"
#include <string.h>
#include "base/error.h"
#include "base/json.h"

typedef struct {
	GPtrArray *words;
	const ArtifactHeader *header;
	const ArtifactPayload *payload;
} Command;

static gboolean cannot_say(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean cannot_say(GError **error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *what = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
		"no write command makes this artifact again: %s", what);
	return FALSE;
}

static void add_word(GPtrArray *words, const char *word)
{
	g_ptr_array_add(words, g_strdup(word));
}

void write_command_add(GPtrArray *words, const char *flag, const char *value)
{
	add_word(words, flag);
	add_word(words, value);
}

static void add_all(GPtrArray *words, const char *flag, char **values)
{
	for (; values && *values; values++)
		write_command_add(words, flag, *values);
}

/* KEY:VALUE is split at the first colon. */
static gboolean add_pair(
	GPtrArray *words, const char *flag, const char *key, const char *value, GError **error)
{
	g_autofree char *pair = g_strconcat(key, ":", value, NULL);

	if (!*key || strchr(key, ':'))
		return cannot_say(error, "the key %s is empty or has a colon", key);
	write_command_add(words, flag, pair);
	return TRUE;
}

static gint compare_keys(gconstpointer a, gconstpointer b)
{
	return strcmp(a, b);
}

static gboolean add_provides(
	GPtrArray *words, const char *flag, GHashTable *provides, GError **error)
{
	g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(provides), compare_keys);

	for (GList *key = keys; key; key = key->next)
		if (!add_pair(words, flag, key->data, g_hash_table_lookup(provides, key->data),
			    error))
			return FALSE;
	return TRUE;
}

static gboolean add_depends(GPtrArray *words, const char *flag, GHashTable *depends, GError **error)
{
	g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(depends), compare_keys);

	for (GList *key = keys; key; key = key->next) {
		char **values = g_hash_table_lookup(depends, key->data);

		if (g_strv_length(values) != 1)
			return cannot_say(error, "it depends on %u values of %s",
				g_strv_length(values), (const char *)key->data);
		if (!add_pair(words, flag, key->data, values[0], error))
			return FALSE;
	}
	return TRUE;
}

/* The payload's own, without what an augmented part has laid over them. */
static GHashTable *base_provides(const ArtifactPayload *payload)
{
	GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	const char *key;
	json_t *value;

	json_object_foreach (json_object_get(payload->type_info, "artifact_provides"), key, value)
		g_hash_table_insert(table, g_strdup(key), g_strdup(json_string_value(value)));
	return table;
}

static char **texts_of(const json_t *value)
{
	GPtrArray *texts = g_ptr_array_new();
	gsize i;
	json_t *item;

	if (json_is_string(value))
		g_ptr_array_add(texts, g_strdup(json_string_value(value)));
	json_array_foreach ((json_t *)(guintptr)value, i, item)
		g_ptr_array_add(texts, g_strdup(json_string_value(item)));
	g_ptr_array_add(texts, NULL);
	return (char **)g_ptr_array_free(texts, FALSE);
}

static GHashTable *base_depends(const ArtifactPayload *payload)
{
	GHashTable *table =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_strfreev);
	const char *key;
	json_t *value;

	json_object_foreach (json_object_get(payload->type_info, "artifact_depends"), key, value)
		g_hash_table_insert(table, g_strdup(key), texts_of(value));
	return table;
}

/* The default of `write` is not said: mender-artifact 3.9 takes the flag, but does not say it. */
static void add_compression(const Command *command)
{
	static const char *const names[] = {
		[ARTIFACT_COMPRESSION_NONE] = "none",
		[ARTIFACT_COMPRESSION_GZIP] = NULL,
		[ARTIFACT_COMPRESSION_XZ] = "lzma",
		[ARTIFACT_COMPRESSION_ZSTD] = "zstd_better",
	};
	const char *name = names[command->header->compression];

	if (name)
		write_command_add(command->words, "--compression", name);
}

static void add_header(const Command *command)
{
	const ArtifactHeader *header = command->header;

	write_command_add(command->words, "--artifact-name", header->name);
	if (header->group)
		write_command_add(command->words, "--provides-group", header->group);
	add_all(command->words, "--artifact-name-depends", header->depends_names);
	add_all(command->words, "--device-type", header->device_types);
	add_all(command->words, "--depends-groups", header->depends_groups);
}

static gboolean add_type_info(const Command *command, GError **error)
{
	const ArtifactPayload *payload = command->payload;
	gboolean has_defaults = payload->type != NULL;
	g_autoptr(GHashTable) provides = base_provides(payload);
	g_autoptr(GHashTable) depends = base_depends(payload);

	/* A list without entries clears nothing; none at all clears everything. */
	if (payload->clears_provides && !payload->clears_provides[0])
		return cannot_say(error, "its list of provides to clear is there and empty");
	if (has_defaults) {
		write_command_add(command->words, "--type", payload->type);
		add_word(command->words, "--no-default-software-version");
	}
	if (!add_provides(command->words, "--provides", provides, error) ||
		!add_depends(command->words, "--depends", depends, error))
		return FALSE;
	if (has_defaults)
		add_word(command->words, "--no-default-clears-provides");
	add_all(command->words, "--clears-provides", payload->clears_provides);
	return TRUE;
}

static gboolean add_augment(const Command *command, GError **error)
{
	const ArtifactPayload *payload = command->payload;

	if (!payload->augmented_provides)
		return TRUE;
	if (payload->augmented_type && *payload->augmented_type)
		write_command_add(command->words, "--augment-type", payload->augmented_type);
	return add_provides(
		       command->words, "--augment-provides", payload->augmented_provides, error) &&
	       add_depends(command->words, "--augment-depends", payload->augmented_depends, error);
}

GPtrArray *write_command_new(const ArtifactHeader *header, GError **error)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
	Command command = { words, header, header->payloads->pdata[0] };

	if (header->payloads->len != 1) {
		cannot_say(error, "it has %u payloads", header->payloads->len);
		return NULL;
	}
	add_word(words, "write");
	add_word(words, command.payload->type ? "module-image" : "bootstrap-artifact");
	add_header(&command);
	if (!add_type_info(&command, error) || !add_augment(&command, error))
		return NULL;
	add_compression(&command);
	return g_steal_pointer(&words);
}

/* --- for a shell --- */

static gboolean is_plain(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-.,:/@%+";

	return *word && strspn(word, plain) == strlen(word);
}

char *write_command_to_shell(const GPtrArray *words)
{
	GString *line = g_string_new(NULL);

	for (guint i = 0; i < words->len; i++) {
		g_autofree char *quoted = g_shell_quote(words->pdata[i]);

		g_string_append_printf(line, "%s%s", i > 0 ? " " : "",
			is_plain(words->pdata[i]) ? (char *)words->pdata[i] : quoted);
	}
	return g_string_free(line, FALSE);
}
