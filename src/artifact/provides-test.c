/* SPDX-License-Identifier: Apache-2.0 */
/* Cases: the table of what remains after an install, row by row; depends by equality, any of a
 * list, all keys; device types; keys that two payloads share; the clears patterns and their
 * corners. */
#include <string.h>
#include "artifact/header-private.h"
#include "artifact/provides.h"
#include "base/error.h"

/* "a=1 b=2" */
static GHashTable *table(const char *text)
{
	GHashTable *provides = artifact_provides_new();
	g_auto(GStrv) pairs = g_strsplit(text, " ", -1);

	for (char **pair = pairs; *pair; pair++) {
		g_auto(GStrv) halves = g_strsplit(*pair, "=", 2);

		if (**pair)
			g_hash_table_replace(provides, g_strdup(halves[0]), g_strdup(halves[1]));
	}
	return provides;
}

static char *text_of(GHashTable *provides)
{
	g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(provides), (GCompareFunc)strcmp);
	GString *text = g_string_new(NULL);

	for (GList *key = keys; key; key = key->next)
		g_string_append_printf(text, "%s%s=%s", text->len ? " " : "", (char *)key->data,
			(char *)g_hash_table_lookup(provides, key->data));
	return g_string_free(text, FALSE);
}

static ArtifactHeader *make_header(const char *provides, const char *clears)
{
	ArtifactHeader *header = artifact_header_new();
	ArtifactPayload *payload = artifact_header_add_payload(header, "raw");

	header->name = g_strdup("n");
	header->device_types = g_strsplit("gw gw2", " ", -1);
	header->depends_names = g_new0(char *, 1);
	header->depends_groups = g_new0(char *, 1);
	g_hash_table_unref(payload->provides);
	payload->provides = table(provides);
	if (clears)
		payload->clears_provides = g_strsplit(clears, " ", *clears ? -1 : 0);
	return header;
}

typedef struct {
	const char *stored, *provides, *clears, *group, *after;
} MergeRow;

static const MergeRow merge_rows[] = {
	{ "a.v=1", "b.v=2", "b.*", NULL, "a.v=1 artifact_name=n b.v=2" },
	{ "rootfs-image.version=1 rootfs-image.app.version=3",
		"rootfs-image.version=2 rootfs-image.checksum=X",
		"artifact_group rootfs_image_checksum rootfs-image.*", NULL,
		"artifact_name=n rootfs-image.checksum=X rootfs-image.version=2" },
	{ "rootfs-image.version=1", "rootfs-image.app.version=3", "rootfs-image.app.*", NULL,
		"artifact_name=n rootfs-image.app.version=3 rootfs-image.version=1" },
	{ "data.app=1 rootfs-image.version=1", "rootfs-image.version=2", "rootfs-image.*", NULL,
		"artifact_name=n data.app=1 rootfs-image.version=2" },
	{ "x=1 artifact_group=g", "y=2", NULL, NULL, "artifact_name=n y=2" },
	{ "x=1", "", "*", NULL, "artifact_name=n" },
	{ "x=1", "", NULL, NULL, "artifact_name=n" },
	{ "x=1", "y=2", "", NULL, "artifact_name=n x=1 y=2" },
	{ "k=1", "", "*.pattern-longer-than-key", NULL, "artifact_name=n k=1" },
	{ "artifact_group=g artifact_name=o", "", "artifact_group", NULL, "artifact_name=n" },
	{ "artifact_group=g artifact_name=o", "", "q", NULL, "artifact_group=g artifact_name=n" },
	{ "artifact_group=g", "", "q", "h", "artifact_group=h artifact_name=n" },
};

static void test_after(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(merge_rows); i++) {
		const MergeRow *row = &merge_rows[i];
		g_autoptr(ArtifactHeader) header = make_header(row->provides, row->clears);
		g_autoptr(GHashTable) stored = table(row->stored);
		header->group = g_strdup(row->group);
		g_autoptr(GHashTable) after = artifact_provides_after(header, stored);
		g_autofree char *text = text_of(after);

		g_assert_cmpstr(text, ==, row->after);
	}
}

static void depend(ArtifactHeader *header, guint payload, const char *key, const char *values)
{
	ArtifactPayload *of = header->payloads->pdata[payload];

	g_hash_table_replace(of->depends, g_strdup(key), g_strsplit(values, "|", -1));
}

typedef struct {
	const char *device_type, *provides;
	const char *reason; /* NULL: it fits */
} FitRow;

static const FitRow fit_rows[] = {
	{ "gw", "artifact_name=r1 hw=B", NULL },
	{ "gw2", "artifact_name=r2 hw=B more=1", NULL },
	{ "gw3", "artifact_name=r1 hw=B", "device type gw3" },
	{ "g*", "artifact_name=r1 hw=B", "device type g*" },
	{ "gw", "hw=B", "does not know" },
	{ "gw", "artifact_name=r3 hw=B", "artifact_name" },
	{ "gw", "artifact_name=r1 hw=C", "hw" },
	{ "gw", "artifact_name=r1", "the device has none" },
};

static void test_fits(void)
{
	g_autoptr(ArtifactHeader) header = make_header("", NULL);

	g_strfreev(header->depends_names);
	header->depends_names = g_strsplit("r1 r2", " ", -1);
	depend(header, 0, "hw", "A|B");
	for (gsize i = 0; i < G_N_ELEMENTS(fit_rows); i++) {
		const FitRow *row = &fit_rows[i];
		g_autoptr(GHashTable) provides = table(row->provides);
		g_autoptr(GError) error = NULL;

		if (artifact_header_fits(header, row->device_type, provides, &error)) {
			g_assert_null(row->reason);
			continue;
		}
		g_assert_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE);
		g_assert_nonnull(row->reason);
		g_assert_nonnull(strstr(error->message, row->reason));
	}
}

static void test_shared_key(void)
{
	g_autoptr(ArtifactHeader) header = make_header("", NULL);
	g_autoptr(GHashTable) b = table("hw=B"), c = table("hw=C");
	const char *unmet;

	artifact_header_add_payload(header, "other");
	depend(header, 0, "hw", "A|B");
	depend(header, 1, "hw", "B|C");
	g_autoptr(GHashTable) depends = artifact_header_depends(header);
	g_assert_true(artifact_depends_met(depends, b, NULL));
	g_assert_false(artifact_depends_met(depends, c, &unmet));
	g_assert_cmpstr(unmet, ==, "hw");
}

static void test_patterns(void)
{
	static const struct {
		const char *pattern, *key;
		gboolean matches;
	} rows[] = {
		{ "rootfs-image.*", "rootfs-image.version", TRUE },
		{ "rootfs-image.*", "rootfs-image", FALSE },
		{ "a*b*c", "abc", TRUE },
		{ "a*b*c", "aXbYc", TRUE },
		{ "a*b*c", "abcd", FALSE },
		{ "a*b*c", "ac", FALSE },
		{ "*", "", TRUE },
		{ "*", "anything", TRUE },
		{ "", "", TRUE },
		{ "", "x", FALSE },
		{ "*ab", "aab", TRUE },
		{ "a*a", "a", FALSE },
		{ "ab*ba", "aba", FALSE },
		{ "*.longer-than-the-key", "k", FALSE },
		{ "**", "k", TRUE },
		{ "a.c", "abc", FALSE },
		{ "a?c", "abc", FALSE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		g_assert_cmpint(artifact_pattern_matches(rows[i].pattern, rows[i].key), ==,
			rows[i].matches);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/provides/after", test_after);
	g_test_add_func("/provides/fits", test_fits);
	g_test_add_func("/provides/shared-key", test_shared_key);
	g_test_add_func("/provides/patterns", test_patterns);
	return g_test_run();
}
