/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/phases.h"

/* What happens in a phase. A step decides nothing about what comes next: it says how it went. */

/* download.c */
PhaseOutcome step_download(Update *update, GError **error); /* fetch, open and feed */
PhaseOutcome step_open(Update *update, GError **error);     /* reads the header, checks it */
PhaseOutcome step_feed(Update *update, GError **error);     /* NO: an artifact without payload */
gboolean step_download_may_resume(Update *update);

/* gate.c */
PhaseOutcome step_gate(Update *update, GError **error); /* waits until all gates are open */

/* health.c */
PhaseOutcome step_health(Update *update, GError **error); /* waits until the new software is well */

/* install.c */
PhaseOutcome step_install(Update *update, GError **error);

/* reboot.c */
PhaseOutcome step_ask_reboot(Update *update, GError **error); /* NO: none is wanted */
PhaseOutcome step_reboot(Update *update, GError **error);
PhaseOutcome step_verify_reboot(Update *update, GError **error);
PhaseOutcome step_rollback_reboot(Update *update, GError **error);
PhaseOutcome step_verify_rollback_reboot(Update *update, GError **error);
gboolean step_reboot_is_over(Update *update); /* FALSE: the system is to reboot and has not yet */

/* commit.c */
PhaseOutcome step_ask_commit(Update *update, GError **error);
PhaseOutcome step_commit(Update *update, GError **error); /* NO: there are more payloads */
PhaseOutcome step_commit_rest(Update *update, GError **error);

/* rollback.c */
PhaseOutcome step_ask_rollback(Update *update, GError **error); /* NO: a module cannot */
PhaseOutcome step_rollback(Update *update, GError **error);

/* failure.c */
PhaseOutcome step_failure(Update *update, GError **error);
PhaseOutcome step_loop(Update *update, GError **error);

/* cleanup.c */
PhaseOutcome step_cleanup(Update *update, GError **error);
PhaseOutcome step_close(Update *update, GError **error);
gboolean also_software(Update *update, StoreChanges *changes, GError **error);
gboolean also_software_by_hand(Update *update, StoreChanges *changes, GError **error);

/* report.c */
PhaseOutcome step_report(Update *update, GError **error);
PhaseOutcome step_report_anew(Update *update, GError **error); /* authenticates anew first */
PhaseOutcome step_report_final(Update *update, GError **error);

/* Calls Cleanup and removes the trees. */
PhaseOutcome cleanup_modules(Update *update, GError **error);

/* Shared. Zero where the journal names no payload: it may be a damaged one, and a crash at each
 * start would be worse than what it asks for. */
guint count_modules(const Update *update);
/* One call on every module, in order; the first error ends it, or with @all the last is
 * kept. */
PhaseOutcome call_modules(Update *update, const char *state, gboolean all, GError **error);
