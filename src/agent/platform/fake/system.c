/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/fake/system.h"

static const char *current_boot = "boot-1";
static guint reboots;

void fake_system_boot(const char *id)
{
	current_boot = id;
	reboots = 0;
}

guint fake_system_reboots(void)
{
	return reboots;
}

char *system_boot_id(const Paths *paths)
{
	return g_strdup(current_boot);
}

gboolean system_reboot(const Paths *paths, GError **error)
{
	reboots++;
	return TRUE;
}

gboolean system_wait_for_reboot(void)
{
	return TRUE;
}
