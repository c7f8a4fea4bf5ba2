/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/paths.h"
#include "agent/settings.h"
#include "artifact/header.h"

/* State scripts: small programs the vehicle (Idle, Sync, Download) or the artifact (the others)
 * brings, run around each state in the order of their names. Exit 21 asks to be tried again. */

typedef enum {
	SCRIPTS_ENTER = 1 << 0,
	SCRIPTS_LEAVE = 1 << 1,
	SCRIPTS_ERROR = 1 << 2,
} ScriptMoment;

enum { SCRIPT_RETRY_STATUS = 21, SCRIPTS_MAX = 1000 };

/**
 * scripts_run:
 * @state: "ArtifactInstall"
 *
 * Runs the scripts of this state and moment one after the other. The first that fails ends the
 * group; in Idle and at the moment Error all run and failures are only logged. A folder that is
 * there and cannot be listed fails as a script does.
 */
gboolean scripts_run(const Paths *paths, const AgentSettings *settings, const char *state,
	ScriptMoment moment, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Replaces the artifact's scripts by those of @header, and says their version. */
gboolean scripts_unpack(
	const Paths *paths, const ArtifactHeader *header, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Both folders must hold version 3 or none: an update that brings scripts of another kind may not
 * be committed. */
gboolean scripts_check_versions(const Paths *paths, GError **error) G_GNUC_WARN_UNUSED_RESULT;
