/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/slots/boot-loader.h"

/* U-Boot with two environments of its own script: ROOT/etc/rota/fw_env_1.config and fw_env_2.config
 * name them, one each, in the form of fw_env.config. The boot script takes the first, or, where its
 * sum is wrong, the second. So the second is written first, and one that cannot be read before
 * either. (A U-Boot built with redundant environments needs none of this: fw_setenv does it.) */

gboolean boot_uboot_is_there(const BootLoader *loader, const Paths *paths);
gboolean boot_uboot_read(const BootLoader *loader, const Paths *paths, BootRecord *ret_record,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean boot_uboot_write(const BootLoader *loader, const Paths *paths, const BootRecord *record,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
