/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Signals as things that are asked for, taken where the agent waits, never in a handler.
 *
 * SIGTERM, SIGINT and SIGQUIT ask to stop: every wait ends, the child that runs is ended, and no
 * phase is left: the next start goes on as after a power cut. SIGUSR1 asks for an update check,
 * SIGUSR2 for an inventory report; both are kept until the daemon is idle again. */

/* Blocks the signals and begins to collect them. Call once, before any child is started. */
gboolean signals_setup(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Readable while signals wait to be taken; -1 before signals_setup(). */
int signals_fd(void);
/* Readable for good once stopping was asked for; -1 before signals_setup(). */
int signals_stop_fd(void);

gboolean signals_stop_asked(void);
gboolean signals_take_update_check(void);
gboolean signals_take_inventory(void);

/* Sleeps until @until_us (monotonic) or stopping is asked for; TRUE if the whole time passed. */
gboolean signals_sleep(gint64 until_us);
/* The same, but any signal of the above ends it. */
gboolean signals_sleep_until_asked(gint64 until_us);
