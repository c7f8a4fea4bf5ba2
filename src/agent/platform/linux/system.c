/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/system.h"
#include "agent/process.h"
#include "agent/signals.h"
#include "base/error.h"
#include "base/file.h"

enum { BOOT_ID_SIZE_MAX = 128, REBOOT_COMMAND_TIMEOUT_S = 60 };

char *system_boot_id(const Paths *paths)
{
	char *id = file_read_text(paths->boot_id, BOOT_ID_SIZE_MAX, NULL);

	return id != NULL ? g_strstrip(id) : NULL;
}

/* With a ROOT of its own an agent must never reboot the machine it runs on: only a command below
 * that ROOT is then taken. */
static char *find_command(const Paths *paths)
{
	static const char *const places[] = { "sbin/reboot", "usr/sbin/reboot" };

	if (paths_is_system(paths))
		return g_find_program_in_path("reboot");
	for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autofree char *path = g_build_filename(paths->root, places[i], NULL);

		if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
			return g_steal_pointer(&path);
	}
	return NULL;
}

gboolean system_reboot(const Paths *paths, GError **error)
{
	g_autofree char *command = find_command(paths);
	const char *arguments[] = { command, NULL };
	ProcessPlan plan = {
		.arguments = arguments,
		.name = "reboot",
		.timeout_s = REBOOT_COMMAND_TIMEOUT_S,
	};
	int status = 0;

	if (command == NULL) {
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_NOT_FOUND, "no reboot command");
		return FALSE;
	}
	if (!process_run(&plan, &status, NULL, error))
		return FALSE;
	if (status == 0)
		return TRUE;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNPROCESSABLE, "reboot: exited with %d", status);
	return FALSE;
}

gboolean system_wait_for_reboot(void)
{
	gint64 until_us = g_get_monotonic_time() + SYSTEM_REBOOT_WAIT_S * G_USEC_PER_SEC;

	return !signals_sleep(until_us);
}
