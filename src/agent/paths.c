/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/paths.h"

/* A place and the folder it lies below. */
typedef struct {
	gsize offset;
	gboolean below_data;
	const char *place;
} PathRow;

/* clang-format off */
static const PathRow path_rows[] = {
	{ G_STRUCT_OFFSET(Paths, rota_config), FALSE, "etc/rota/rota.conf" },
	{ G_STRUCT_OFFSET(Paths, config), FALSE, "etc/mender/mender.conf" },
	{ G_STRUCT_OFFSET(Paths, fallback_config), TRUE, "mender.conf" },
	{ G_STRUCT_OFFSET(Paths, module_folders[0]), FALSE, "usr/share/mender/modules/v3" },
	{ G_STRUCT_OFFSET(Paths, module_folders[1]), FALSE, "usr/share/rota/modules/v3" },
	{ G_STRUCT_OFFSET(Paths, system_scripts), FALSE, "etc/mender/scripts" },
	{ G_STRUCT_OFFSET(Paths, artifact_scripts), TRUE, "scripts" },
	{ G_STRUCT_OFFSET(Paths, identity), FALSE,
		"usr/share/mender/identity/mender-device-identity"                                 },
	{ G_STRUCT_OFFSET(Paths, inventory), FALSE, "usr/share/mender/inventory" },
	{ G_STRUCT_OFFSET(Paths, store), TRUE, "mender-store" },
	{ G_STRUCT_OFFSET(Paths, payloads), TRUE, "modules/v3/payloads" },
	{ G_STRUCT_OFFSET(Paths, device_type), TRUE, "device_type" },
	{ G_STRUCT_OFFSET(Paths, key), TRUE, "mender-agent.pem" },
	{ G_STRUCT_OFFSET(Paths, artifact_info), FALSE, "etc/mender/artifact_info" },
	{ G_STRUCT_OFFSET(Paths, bootstrap), TRUE, "bootstrap.mender" },
	{ G_STRUCT_OFFSET(Paths, daemon_lock), TRUE, "rota-agent.lock" },
	{ G_STRUCT_OFFSET(Paths, update_lock), TRUE, "rota-update.lock" },
	{ G_STRUCT_OFFSET(Paths, gates), FALSE, "etc/rota/gates" },
	{ G_STRUCT_OFFSET(Paths, health), FALSE, "etc/rota/health" },
	{ G_STRUCT_OFFSET(Paths, status), FALSE, "run/rota-agent/status.json" },
	{ G_STRUCT_OFFSET(Paths, consent), FALSE, "run/rota-agent/consent.json" },
	{ G_STRUCT_OFFSET(Paths, boot_id), FALSE, "proc/sys/kernel/random/boot_id" },
};
/* clang-format on */

static char *absolute(const char *path)
{
	return g_canonicalize_filename(path, NULL);
}

static char *default_data(const char *root)
{
	g_autofree char *mender = g_build_filename(root, "var/lib/mender", NULL);

	if (g_file_test(mender, G_FILE_TEST_IS_DIR))
		return g_steal_pointer(&mender);
	return g_build_filename(root, "var/lib/rota", NULL);
}

Paths *paths_new(const char *root, const char *data)
{
	Paths *paths = g_new0(Paths, 1);

	paths->root = absolute(root != NULL ? root : "/");
	paths->data = data != NULL ? absolute(data) : default_data(paths->root);
	for (gsize i = 0; i < G_N_ELEMENTS(path_rows); i++) {
		const PathRow *row = &path_rows[i];
		char **member = (char **)G_STRUCT_MEMBER_P(paths, row->offset);

		*member = g_build_filename(
			row->below_data ? paths->data : paths->root, row->place, NULL);
	}
	return paths;
}

gboolean paths_is_system(const Paths *paths)
{
	return g_str_equal(paths->root, "/");
}

void paths_free(Paths *paths)
{
	if (paths == NULL)
		return;
	for (gsize i = 0; i < G_N_ELEMENTS(path_rows); i++)
		g_free(*(char **)G_STRUCT_MEMBER_P(paths, path_rows[i].offset));
	g_free(paths->root);
	g_free(paths->data);
	g_free(paths);
}

char *paths_find_program(const Paths *paths, const char *name)
{
	static const char *const places[] = { "usr/sbin", "sbin", "usr/bin", "bin" };

	if (paths_is_system(paths))
		return g_find_program_in_path(name);
	for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autofree char *path = g_build_filename(paths->root, places[i], name, NULL);

		if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
			return g_steal_pointer(&path);
	}
	return NULL;
}
