/* SPDX-License-Identifier: Apache-2.0 */
/* The text is read by people and by their scripts: it is that of mender-artifact 4.4, to the byte.
 */
#include "tool/report.h"
#include <string.h>
#include "tool/console.h"

static const char *const signature_texts[] = {
	[ARTIFACT_UNSIGNED] = "no signature",
	[ARTIFACT_SIGNED_UNCHECKED] = ("signed but no key for verification provided; please use "
				       "`-k` option for providing verification key"),
	[ARTIFACT_SIGNED_GOOD] = "signed and verified correctly",
	[ARTIFACT_SIGNED_BAD] = "signed; verification using provided key failed",
};

ArtifactFile *report_copy_file(const ArtifactFile *file)
{
	ArtifactFile *copy = g_memdup2(file, sizeof *file);

	copy->name = g_strdup(file->name);
	copy->sha256 = g_strdup(file->sha256);
	return copy;
}

void report_free_file(gpointer data)
{
	ArtifactFile *file = data;

	g_free(file->name);
	g_free(file->sha256);
	g_free(file);
}

static char *list_of(char **texts)
{
	g_autofree char *joined = texts ? g_strjoinv(", ", texts) : g_strdup("");

	return g_strconcat("[", joined, "]", NULL);
}

static void add_list(GString *text, const char *label, char **texts)
{
	g_autofree char *list = list_of(texts);

	g_string_append_printf(text, "  %s: %s\n", label, list);
}

static void add_scripts(GString *text, const GPtrArray *scripts)
{
	g_string_append(text, scripts->len ? "  State scripts:\n" : "  State scripts: []\n");
	for (guint i = 0; i < scripts->len; i++) {
		const ArtifactScript *script = scripts->pdata[i];

		g_string_append_printf(text, "    - %s\n", script->name);
	}
}

static void add_head(GString *text, const Report *report)
{
	const ArtifactHeader *header = report->header;
	g_autofree char *detached = signatures_to_text(report->signatures);

	g_string_append_printf(text,
		"Mender Artifact:\n  Name: %s\n  Format: mender\n  Version: %d\n  Signature: %s\n",
		header->name, header->version, signature_texts[header->signature]);
	if (header->augmented && header->signature != ARTIFACT_UNSIGNED)
		g_string_append(text, "  " REPORT_AUGMENTED "\n");
	g_string_append(text, detached);
	add_list(text, "Compatible types", header->device_types);
	if (header->version != 2) {
		g_string_append_printf(
			text, "  Provides group: %s\n", header->group ? header->group : "");
		add_list(text, "Depends on one of artifact(s)", header->depends_names);
		add_list(text, "Depends on one of group(s)", header->depends_groups);
	}
	add_scripts(text, header->scripts);
}

static char *provides_value(gpointer value)
{
	return g_strdup(value);
}

static char *depends_value(gpointer value)
{
	char **texts = value;

	return g_strv_length(texts) == 1 ? g_strdup(texts[0]) : list_of(texts);
}

static void add_table(
	GString *text, const char *label, GHashTable *table, char *(*value_text)(gpointer))
{
	g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(table), (GCompareFunc)strcmp);

	g_string_append_printf(text, keys ? "    %s:\n" : "    %s: {}\n", label);
	for (GList *key = keys; key; key = key->next) {
		g_autofree char *value = value_text(g_hash_table_lookup(table, key->data));

		g_string_append_printf(text, "      %s: %s\n", (char *)key->data, value);
	}
}

/* Go's JSON writer escapes what could end a script element. */
static void escape_markup(GString *json)
{
	g_string_replace(json, "<", "\\u003c", 0);
	g_string_replace(json, ">", "\\u003e", 0);
	g_string_replace(json, "&", "\\u0026", 0);
	g_string_replace(json, "\u2028", "\\u2028", 0);
	g_string_replace(json, "\u2029", "\\u2029", 0);
}

static void add_meta_data(GString *text, const json_t *meta_data)
{
	if (json_object_size(meta_data) == 0) {
		g_string_append(text, "    Metadata: {}\n");
		return;
	}
	char *dumped =
		json_dumps(meta_data, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
	GString *json = g_string_new(dumped);
	free(dumped);
	escape_markup(json);
	g_string_replace(json, "\n", "\n      ", 0);
	g_string_append_printf(text, "    Metadata:\n      %s\n", json->str);
	g_string_free(json, TRUE);
}

static void add_files(GString *text, const GPtrArray *files, guint payload)
{
	gsize start = text->len;

	g_string_append(text, "    Files:\n");
	gsize empty = text->len;
	for (guint i = 0; i < files->len; i++) {
		const ArtifactFile *file = files->pdata[i];

		if (file->payload != payload)
			continue;
		g_autoptr(GDateTime) modified = g_date_time_new_from_unix_utc(file->modified_s);
		g_autofree char *time = modified ? g_date_time_format(modified, "%Y-%m-%d %H:%M:%S")
						 : g_strdup("0001-01-01 00:00:00");
		g_string_append_printf(text,
			"      - checksum: %s\n        modified: %s +0000 UTC\n        name: %s\n"
			"        size: %" G_GUINT64_FORMAT "\n",
			file->sha256, time, file->name, file->size);
	}
	if (text->len > empty)
		return;
	g_string_truncate(text, start);
	g_string_append(text, "    Files: []\n");
}

static void add_payload(GString *text, const Report *report, guint index)
{
	const ArtifactPayload *payload = report->header->payloads->pdata[index];
	g_autofree char *clears = list_of(payload->clears_provides);

	/* What an installer will run: an augment's type stands for the base's, as its values do. */
	const char *type = payload->augmented_type ? payload->augmented_type : payload->type;

	g_string_append_printf(text, "  - Type: %s\n", type ? type : "Empty type");
	add_table(text, "Provides", payload->provides, provides_value);
	add_table(text, "Depends", payload->depends, depends_value);
	g_string_append_printf(text, "    Clears Provides: %s\n", clears);
	add_meta_data(text, payload->meta_data);
	add_files(text, report->files, index);
}

void report_warnings(const ArtifactHeader *header)
{
	for (guint i = 0; i < header->warnings->len; i++)
		console_warn(header->warnings->pdata[i]);
}

char *report_to_text(const Report *report)
{
	GString *text = g_string_new(NULL);

	add_head(text, report);
	g_string_append(text, "\nUpdates:\n");
	for (guint i = 0; i < report->header->payloads->len; i++)
		add_payload(text, report, i);
	return g_string_free(text, FALSE);
}
