/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Taking rights away from the process that talks to the network.
 *
 * After sandbox_enter() it can use the sockets and descriptors it has, make TCP and UDP sockets,
 * and open files for reading (names are looked up in files). It cannot open anything for writing,
 * create, rename or remove anything, reach a local socket, run what it wrote, start a program,
 * signal or trace another process, or gain rights; and it is never root. */

enum {
	SANDBOX_FILES_MAX = 64,                     /* open descriptors */
	SANDBOX_ADDRESSES_MAX = 1024 * 1024 * 1024, /* bytes; each thread's heap reserves 128 MiB */
	SANDBOX_MEMORY_MAX = 64 * 1024 * 1024,      /* bytes that can be written to */
	SANDBOX_NOBODY = 65534,                     /* user and group where root would remain */
};

/* Another user than root, limits, no core dumps (they would hold keys), no new rights, death with
 * the parent. First of all. */
gboolean sandbox_limit(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The system call filter. Once everything is loaded, before the first byte from the network. */
gboolean sandbox_enter(GError **error) G_GNUC_WARN_UNUSED_RESULT;
