/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/provides.h"
#include "artifact/header-private.h"
#include "base/error.h"

static const char name_key[] = "artifact_name", group_key[] = "artifact_group";

static gboolean is_met(char **values, const char *provided)
{
	return provided && g_strv_contains((const char *const *)values, provided);
}

gboolean artifact_depends_met(GHashTable *depends, GHashTable *provides, const char **ret_key)
{
	GHashTableIter iter;
	gpointer key, values;
	const char *unmet = NULL;

	g_hash_table_iter_init(&iter, depends);
	while (g_hash_table_iter_next(&iter, &key, &values))
		if (!is_met(values, g_hash_table_lookup(provides, key)) &&
			(!unmet || g_strcmp0(key, unmet) < 0))
			unmet = key;
	if (ret_key)
		*ret_key = unmet;
	return unmet == NULL;
}

static char **common_values(char **a, char **b)
{
	g_autoptr(GPtrArray) common = g_ptr_array_new();

	for (; *a; a++)
		if (g_strv_contains((const char *const *)b, *a))
			g_ptr_array_add(common, g_strdup(*a));
	g_ptr_array_add(common, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&common), FALSE);
}

static void add_depends(GHashTable *depends, const char *key, char **values)
{
	char **earlier = g_hash_table_lookup(depends, key);

	g_hash_table_replace(depends, g_strdup(key),
		earlier ? common_values(earlier, values) : g_strdupv(values));
}

GHashTable *artifact_header_depends(const ArtifactHeader *header)
{
	GHashTable *depends = artifact_depends_new();

	if (*header->depends_names)
		add_depends(depends, name_key, header->depends_names);
	if (*header->depends_groups)
		add_depends(depends, group_key, header->depends_groups);
	for (guint i = 0; i < header->payloads->len; i++) {
		const ArtifactPayload *payload = header->payloads->pdata[i];
		GHashTableIter iter;
		gpointer key, values;

		g_hash_table_iter_init(&iter, payload->depends);
		while (g_hash_table_iter_next(&iter, &key, &values))
			add_depends(depends, key, values);
	}
	return depends;
}

gboolean artifact_header_fits(
	const ArtifactHeader *header, const char *device_type, GHashTable *provides, GError **error)
{
	g_autoptr(GHashTable) depends = artifact_header_depends(header);
	const char *unmet;

	if (!g_strv_contains((const char *const *)header->device_types, device_type)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"artifact %s is not made for device type %s", header->name, device_type);
		return FALSE;
	}
	if (!g_hash_table_contains(provides, name_key)) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
			"the device does not know which artifact it runs");
		return FALSE;
	}
	if (artifact_depends_met(depends, provides, &unmet))
		return TRUE;
	const char *provided = g_hash_table_lookup(provides, unmet);
	g_autofree char *wanted = g_strjoinv(", ", g_hash_table_lookup(depends, unmet));
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE,
		"artifact %s depends on %s being one of [%s], the device has %s", header->name,
		unmet, wanted, provided ? provided : "none");
	return FALSE;
}

/* No payload names any clears: the artifact is of the old kind, and all that was there goes. */
static gboolean clears_all(const ArtifactHeader *header)
{
	for (guint i = 0; i < header->payloads->len; i++) {
		const ArtifactPayload *payload = header->payloads->pdata[i];

		if (payload->clears_provides)
			return FALSE;
	}
	return TRUE;
}

static gboolean clears_key(const ArtifactHeader *header, const char *key)
{
	for (guint i = 0; i < header->payloads->len; i++) {
		const ArtifactPayload *payload = header->payloads->pdata[i];
		char **pattern = payload->clears_provides;

		for (; pattern && *pattern; pattern++)
			if (artifact_pattern_matches(*pattern, key))
				return TRUE;
	}
	return FALSE;
}

static void add_provides(GHashTable *provides, GHashTable *more)
{
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, more);
	while (g_hash_table_iter_next(&iter, &key, &value))
		g_hash_table_replace(provides, g_strdup(key), g_strdup(value));
}

GHashTable *artifact_provides_after(const ArtifactHeader *header, GHashTable *stored)
{
	GHashTable *provides = artifact_provides_new();
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, stored);
	while (!clears_all(header) && g_hash_table_iter_next(&iter, &key, &value))
		if (!clears_key(header, key))
			g_hash_table_replace(provides, g_strdup(key), g_strdup(value));
	for (guint i = 0; i < header->payloads->len; i++) {
		const ArtifactPayload *payload = header->payloads->pdata[i];

		add_provides(provides, payload->provides);
	}
	g_hash_table_replace(provides, g_strdup(name_key), g_strdup(header->name));
	if (header->group)
		g_hash_table_replace(provides, g_strdup(group_key), g_strdup(header->group));
	return provides;
}
