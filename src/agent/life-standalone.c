/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/life-rows.h"

/* clang-format off */

/* An install by hand: no reports, no reboots, and it waits for `commit` or `rollback`. */
static const PhaseRow standalone_rows[N_PHASES] = {
	[PHASE_OPEN] = {
		.name = "open", .step = step_open,
		.next = NEXT(DOWNLOAD, DOWNLOAD, END, END), .blame = BLAME_FAILED },
	[PHASE_DOWNLOAD] = {
		.name = "download",
		.scripts = "Download", .moments = ENTER | LEAVE | ERROR, .step = step_feed,
		.next = NEXT(INSTALL, CLEANUP, CLEANUP, CLEANUP), .blame = BLAME_FAILED },
	[PHASE_INSTALL] = {
		.name = "install", .stored = "ArtifactInstall_Enter", .stop_name = "ArtifactInstall_Enter",
		.scripts = "ArtifactInstall", .moments = ENTER | LEAVE | ERROR, .step = step_install,
		.flags = PHASE_PAUSES,
		.next = NEXT(ASK_REBOOT, ASK_REBOOT, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY,
		ON_CUT(ASK_ROLLBACK, DIRTY) },
	[PHASE_ASK_REBOOT] = {
		.name = "ask for a reboot", .step = step_ask_reboot,
		.next = NEXT(ASK_COMMIT, ASK_COMMIT, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY },
	[PHASE_ASK_COMMIT] = {
		.name = "ask for the way back", .step = step_ask_commit,
		.next = NEXT(COMMIT, COMMIT, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY },
	[PHASE_COMMIT] = {
		.name = "commit", .stored = "ArtifactCommit_Enter", .stop_name = "ArtifactCommit_Enter",
		.scripts = "ArtifactCommit", .moments = ENTER | ERROR, .step = step_commit,
		.flags = PHASE_PAUSES,
		.next = NEXT(COMMIT_LEAVE, COMMIT_REST, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY,
		ON_CUT(ASK_ROLLBACK, DIRTY) },
	[PHASE_COMMIT_REST] = {
		.name = "commit the other payloads", .stored = "ArtifactCommit_Rest",
		.step = step_commit_rest,
		.next = NEXT(COMMIT_LEAVE, COMMIT_LEAVE, FAILURE, FAILURE), .blame = BLAME_DIRTY,
		ON_CUT(COMMIT_REST, NOTHING) },
	[PHASE_COMMIT_LEAVE] = {
		.name = "leave commit", .stored = "ArtifactCommit_Leave",
		.stop_name = "ArtifactCommit_Leave",
		.scripts = "ArtifactCommit", .moments = LEAVE, .flags = PHASE_PAUSES,
		.next = NEXT(CLEANUP, CLEANUP, CLEANUP, CLEANUP), .blame = BLAME_DIRTY,
		ON_CUT(COMMIT_LEAVE, NOTHING) },
	[PHASE_ASK_ROLLBACK] = {
		.name = "ask for the way back", .step = step_ask_rollback, .flags = PHASE_GOES_ON,
		.next = NEXT(ROLLBACK, FAILURE, FAILURE, FAILURE), .blame = BLAME_DIRTY },
	[PHASE_ROLLBACK] = {
		.name = "rollback", .stored = "ArtifactRollback_Enter",
		.stop_name = "ArtifactRollback_Enter",
		.scripts = "ArtifactRollback", .moments = ENTER | LEAVE, .step = step_rollback,
		.next = NEXT(FAILURE, FAILURE, FAILURE, FAILURE), .blame = BLAME_DIRTY,
		.flags = PHASE_GOES_ON | PHASE_LEAVES_ALWAYS | PHASE_CLEARS_BLAME,
		ON_CUT(ROLLBACK, FAILED) },
	[PHASE_FAILURE] = {
		.name = "tell of the failure", .stored = "ArtifactFailure_Enter",
		.stop_name = "ArtifactFailure_Enter",
		.scripts = "ArtifactFailure", .moments = ENTER | LEAVE, .step = step_failure,
		.flags = PHASE_GOES_ON | PHASE_LEAVES_ALWAYS,
		.next = NEXT(CLEANUP, CLEANUP, CLEANUP, CLEANUP), .blame = BLAME_DIRTY,
		ON_CUT(FAILURE, FAILED) },
	[PHASE_CLEANUP] = {
		.name = "clean up", .stored = "Cleanup", .stop_name = "Cleanup",
		.also = also_software_by_hand,
		.step = step_cleanup, .flags = PHASE_GOES_ON,
		.next = NEXT(CLOSE, CLOSE, CLOSE, CLOSE), .blame = BLAME_FAILED,
		ON_CUT(CLEANUP, NOTHING) },
	[PHASE_CLOSE] = {
		.name = "close the update", .step = step_close, .flags = PHASE_GOES_ON,
		.next = NEXT(END, END, END, END), .blame = BLAME_DIRTY },
};

/* clang-format on */

const Life standalone_life = {
	.name = "update by hand",
	.rows = standalone_rows,
	.store_key = STORE_STANDALONE,
	.to_text = update_record_to_standalone,
};
