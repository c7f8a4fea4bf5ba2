/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/system.h"

/* A machine that only counts how often it was told to reboot. */
void fake_system_boot(const char *id); /* (transfer none): from now on it is this boot */
guint fake_system_reboots(void);       /* since then */
