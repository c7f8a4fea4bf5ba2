/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/slots/boot-loader.h"

/* GRUB with Mender's boot script (client.md 15.8): ENV_DIR of /etc/mender_grubenv.config has two
 * copies of the environment, mender_grubenv1 and mender_grubenv2, each with `env` and `lock`.
 *
 * A copy is good when its lock says editing=0. The boot script reads the first, mends a copy that
 * is not good from the other, and does the second one first. So nothing is ever written but a copy
 * whose lock says that it is being edited, and never while the other one is not good. Blocks are
 * overwritten in place: grub-editenv empties the file first, and on FAT a power cut leaves it so.
 */

gboolean boot_grub_is_there(const BootLoader *loader, const Paths *paths);
gboolean boot_grub_read(const BootLoader *loader, const Paths *paths, BootRecord *ret_record,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean boot_grub_write(const BootLoader *loader, const Paths *paths, const BootRecord *record,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
