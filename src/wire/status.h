/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* How far a device is with a deployment: the word on the wire and what kind of state it is. */
typedef enum {
	UPDATE_PENDING, /* the server's own: not started */
	UPDATE_DOWNLOADING,
	UPDATE_PAUSE_BEFORE_INSTALLING,
	UPDATE_INSTALLING,
	UPDATE_PAUSE_BEFORE_REBOOTING,
	UPDATE_REBOOTING,
	UPDATE_PAUSE_BEFORE_COMMITTING,
	UPDATE_SUCCESS,
	UPDATE_FAILURE,
	UPDATE_ALREADY_INSTALLED,
	UPDATE_NOARTIFACT,     /* the server's own */
	UPDATE_ABORTED,        /* the server's own */
	UPDATE_DECOMMISSIONED, /* the server's own */
	N_UPDATE_STATUSES,
} UpdateStatus;

const char *update_status_name(UpdateStatus status);
gboolean update_status_from_name(
	const char *name, UpdateStatus *ret_status) G_GNUC_WARN_UNUSED_RESULT;
gboolean update_status_is_finished(UpdateStatus status); /* nothing more will come */
gboolean update_status_is_paused(UpdateStatus status);
gboolean update_status_from_device(UpdateStatus status); /* a device may report it */
