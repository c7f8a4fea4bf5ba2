/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/life-rows.h"

/* clang-format off */

/* A deployment of the server. A row without .stored is covered by the journal of the row before it. */
static const PhaseRow managed_rows[N_PHASES] = {
	[PHASE_GATE_DOWNLOAD] = {
		.name = "wait for leave to download",
		.step = step_gate, .gate = { "download", UPDATE_DOWNLOADING },
		.next = NEXT(REPORT_DOWNLOADING, REPORT_DOWNLOADING, CLEANUP, CLEANUP),
		.blame = BLAME_FAILED },
	[PHASE_REPORT_DOWNLOADING] = {
		.name = "report downloading",
		.step = step_report, .report = UPDATE_DOWNLOADING,
		.next = NEXT(DOWNLOAD, DOWNLOAD, DOWNLOAD, CLEANUP), .blame = BLAME_FAILED },
	[PHASE_DOWNLOAD] = {
		.name = "download", .stored = "update-store",
		.scripts = "Download", .moments = ENTER | LEAVE | ERROR, .step = step_download,
		.next = NEXT(GATE_INSTALL, CLEANUP, CLEANUP, CLEANUP), .blame = BLAME_FAILED,
		ON_CUT_IF(step_download_may_resume, DOWNLOAD, NOTHING, CLEANUP, FAILED) },
	[PHASE_GATE_INSTALL] = {
		.name = "wait for leave to install",
		.step = step_gate, .gate = { "install", UPDATE_PAUSE_BEFORE_INSTALLING },
		.next = NEXT(REPORT_INSTALLING, REPORT_INSTALLING, CLEANUP, CLEANUP),
		.blame = BLAME_FAILED },
	[PHASE_REPORT_INSTALLING] = {
		.name = "report installing",
		.step = step_report, .report = UPDATE_INSTALLING,
		.next = NEXT(INSTALL, INSTALL, INSTALL, CLEANUP), .blame = BLAME_FAILED },
	[PHASE_INSTALL] = {
		.name = "install", .stored = "update-install",
		.scripts = "ArtifactInstall", .moments = ENTER | LEAVE | ERROR, .step = step_install,
		.next = NEXT(ASK_REBOOT, ASK_REBOOT, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY,
		ON_CUT(ASK_ROLLBACK, DIRTY) },
	[PHASE_ASK_REBOOT] = {
		.name = "ask for a reboot", .step = step_ask_reboot,
		.next = NEXT(GATE_REBOOT, HEALTH, ASK_ROLLBACK, ASK_ROLLBACK),
		.blame = BLAME_DIRTY },
	[PHASE_GATE_REBOOT] = {
		.name = "wait for leave to reboot",
		.step = step_gate, .gate = { "reboot", UPDATE_PAUSE_BEFORE_REBOOTING, "reboot" },
		.next = NEXT(REPORT_REBOOTING, REPORT_REBOOTING, ASK_ROLLBACK, ASK_ROLLBACK),
		.blame = BLAME_DIRTY },
	[PHASE_REPORT_REBOOTING] = {
		.name = "report rebooting",
		.step = step_report, .report = UPDATE_REBOOTING,
		.next = NEXT(REBOOT, REBOOT, REBOOT, ASK_ROLLBACK), .blame = BLAME_DIRTY },
	[PHASE_REBOOT] = {
		.name = "reboot", .stored = "reboot",
		.scripts = "ArtifactReboot", .moments = ENTER | ERROR, .step = step_reboot,
		.next = NEXT(VERIFY_REBOOT, VERIFY_REBOOT, ASK_ROLLBACK, ASK_ROLLBACK),
		.blame = BLAME_DIRTY,
		ON_CUT_IF(step_reboot_is_over, VERIFY_REBOOT, NOTHING, GATE_REBOOT, NOTHING) },
	[PHASE_VERIFY_REBOOT] = {
		.name = "verify the reboot", .stored = "after-reboot",
		.scripts = "ArtifactReboot", .moments = LEAVE | ERROR, .step = step_verify_reboot,
		.next = NEXT(HEALTH, HEALTH, ASK_ROLLBACK, ASK_ROLLBACK),
		.blame = BLAME_DIRTY,
		ON_CUT(ASK_ROLLBACK, DIRTY) },
	[PHASE_HEALTH] = {
		.name = "see whether it is healthy", .step = step_health,
		.next = NEXT(GATE_COMMIT, GATE_COMMIT, ASK_ROLLBACK, ASK_ROLLBACK),
		.blame = BLAME_DIRTY },
	[PHASE_GATE_COMMIT] = {
		.name = "wait for leave to commit",
		.step = step_gate, .gate = { "commit", UPDATE_PAUSE_BEFORE_COMMITTING },
		.next = NEXT(REPORT_COMMITTING, REPORT_COMMITTING, ASK_ROLLBACK, ASK_ROLLBACK),
		.blame = BLAME_DIRTY },
	[PHASE_REPORT_COMMITTING] = {
		.name = "reach the server before commit",
		.step = step_report_anew, .report = UPDATE_INSTALLING, .flags = PHASE_INSISTS,
		.next = NEXT(COMMIT, COMMIT, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY },
	[PHASE_COMMIT] = {
		.name = "commit", .stored = "update-commit",
		.scripts = "ArtifactCommit", .moments = ENTER | ERROR, .step = step_commit,
		.next = NEXT(COMMIT_LEAVE, COMMIT_REST, ASK_ROLLBACK, ASK_ROLLBACK), .blame = BLAME_DIRTY,
		ON_CUT(ASK_ROLLBACK, DIRTY) },
	[PHASE_COMMIT_REST] = {
		.name = "commit the other payloads", .stored = "update-after-first-commit",
		.scripts = "ArtifactCommit", .moments = ERROR, .step = step_commit_rest,
		.next = NEXT(COMMIT_LEAVE, COMMIT_LEAVE, FAILURE, FAILURE), .blame = BLAME_DIRTY,
		ON_CUT(COMMIT_REST, NOTHING) },
	[PHASE_COMMIT_LEAVE] = {
		.name = "leave commit", .stored = "update-after-commit",
		.scripts = "ArtifactCommit", .moments = LEAVE | ERROR,
		.next = NEXT(CLEANUP, CLEANUP, CLEANUP, CLEANUP), .blame = BLAME_DIRTY,
		ON_CUT(COMMIT_LEAVE, NOTHING) },
	[PHASE_ASK_ROLLBACK] = {
		.name = "ask for the way back", .step = step_ask_rollback, .flags = PHASE_GOES_ON,
		.next = NEXT(ROLLBACK, FAILURE, FAILURE, FAILURE), .blame = BLAME_DIRTY },
	[PHASE_ROLLBACK] = {
		.name = "rollback", .stored = "rollback",
		.scripts = "ArtifactRollback", .moments = ENTER | LEAVE, .step = step_rollback,
		.next = NEXT(ASK_ROLLBACK_REBOOT, ASK_ROLLBACK_REBOOT, FAILURE, FAILURE),
		.blame = BLAME_DIRTY,
		.flags = PHASE_GOES_ON | PHASE_LEAVES_ALWAYS | PHASE_CLEARS_BLAME,
		ON_CUT(ROLLBACK, FAILED) },
	[PHASE_ASK_ROLLBACK_REBOOT] = {
		.name = "ask for a reboot on the way back", .step = step_ask_reboot,
		.flags = PHASE_GOES_ON,
		.next = NEXT(GATE_ROLLBACK_REBOOT, FAILURE, FAILURE, FAILURE), .blame = BLAME_DIRTY },
	[PHASE_GATE_ROLLBACK_REBOOT] = {
		.name = "wait for leave to reboot on the way back",
		.step = step_gate,
		.gate = { "rollback-reboot", UPDATE_PAUSE_BEFORE_REBOOTING, "rollback-reboot" },
		.flags = PHASE_GOES_ON,
		.next = NEXT(ROLLBACK_REBOOT, ROLLBACK_REBOOT, ROLLBACK_REBOOT, ROLLBACK_REBOOT),
		.blame = BLAME_NOTHING },
	[PHASE_ROLLBACK_REBOOT] = {
		.name = "reboot on the way back", .stored = "rollback-reboot",
		.scripts = "ArtifactRollbackReboot", .moments = ENTER, .step = step_rollback_reboot,
		.flags = PHASE_GOES_ON,
		.next = NEXT(VERIFY_ROLLBACK_REBOOT, VERIFY_ROLLBACK_REBOOT, VERIFY_ROLLBACK_REBOOT,
			VERIFY_ROLLBACK_REBOOT),
		.blame = BLAME_NOTHING,
		ON_CUT_IF(step_reboot_is_over, VERIFY_ROLLBACK_REBOOT, FAILED,
			GATE_ROLLBACK_REBOOT, FAILED) },
	[PHASE_VERIFY_ROLLBACK_REBOOT] = {
		.name = "verify the reboot on the way back", .stored = "after-rollback-reboot",
		.scripts = "ArtifactRollbackReboot", .moments = LEAVE | ERROR,
		.step = step_verify_rollback_reboot, .flags = PHASE_GOES_ON,
		.next = NEXT(FAILURE, FAILURE, GATE_ROLLBACK_REBOOT, GATE_ROLLBACK_REBOOT),
		.blame = BLAME_NOTHING,
		ON_CUT(VERIFY_ROLLBACK_REBOOT, FAILED) },
	[PHASE_FAILURE] = {
		.name = "tell of the failure", .stored = "update-error",
		.scripts = "ArtifactFailure", .moments = ENTER | LEAVE, .step = step_failure,
		.flags = PHASE_GOES_ON | PHASE_LEAVES_ALWAYS,
		.next = NEXT(CLEANUP, CLEANUP, CLEANUP, CLEANUP), .blame = BLAME_DIRTY,
		ON_CUT(FAILURE, FAILED) },
	[PHASE_CLEANUP] = {
		.name = "clean up", .stored = "cleanup", .also = also_software,
		.step = step_cleanup, .flags = PHASE_GOES_ON,
		.next = NEXT(REPORT_FINAL, REPORT_FINAL, REPORT_FINAL, REPORT_FINAL),
		.blame = BLAME_FAILED,
		ON_CUT(CLEANUP, NOTHING) },
	[PHASE_REPORT_FINAL] = {
		.name = "report the outcome",
		.step = step_report_final, .flags = PHASE_INSISTS | PHASE_GOES_ON,
		.next = NEXT(CLOSE, CLOSE, CLOSE, CLOSE), .blame = BLAME_NOTHING },
	[PHASE_LOOP] = {
		.name = "end a loop", .step = step_loop, .flags = PHASE_GOES_ON,
		.next = NEXT(REPORT_FINAL, REPORT_FINAL, REPORT_FINAL, REPORT_FINAL),
		.blame = BLAME_FAILED },
	[PHASE_CLOSE] = {
		.name = "close the deployment", .step = step_close, .flags = PHASE_GOES_ON,
		.next = NEXT(END, END, END, END), .blame = BLAME_NOTHING },
};

/* clang-format on */

const Life managed_life = {
	.name = "deployment",
	.rows = managed_rows,
	.store_key = STORE_STATE,
	.to_text = update_record_to_state,
	.counts_stores = TRUE,
};
