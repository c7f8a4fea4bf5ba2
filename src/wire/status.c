/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/status.h"
#include <string.h>

typedef enum {
	FINISHED = 1 << 0,
	PAUSED = 1 << 1,
	FROM_DEVICE = 1 << 2,
} StatusFlags;

static const struct {
	const char *name;
	StatusFlags flags;
} statuses[N_UPDATE_STATUSES] = {
	[UPDATE_PENDING] = { "pending", 0 },
	[UPDATE_DOWNLOADING] = { "downloading", FROM_DEVICE },
	[UPDATE_PAUSE_BEFORE_INSTALLING] = { "pause_before_installing", FROM_DEVICE | PAUSED },
	[UPDATE_INSTALLING] = { "installing", FROM_DEVICE },
	[UPDATE_PAUSE_BEFORE_REBOOTING] = { "pause_before_rebooting", FROM_DEVICE | PAUSED },
	[UPDATE_REBOOTING] = { "rebooting", FROM_DEVICE },
	[UPDATE_PAUSE_BEFORE_COMMITTING] = { "pause_before_committing", FROM_DEVICE | PAUSED },
	[UPDATE_SUCCESS] = { "success", FROM_DEVICE | FINISHED },
	[UPDATE_FAILURE] = { "failure", FROM_DEVICE | FINISHED },
	[UPDATE_ALREADY_INSTALLED] = { "already-installed", FROM_DEVICE | FINISHED },
	[UPDATE_NOARTIFACT] = { "noartifact", FINISHED },
	[UPDATE_ABORTED] = { "aborted", FINISHED },
	[UPDATE_DECOMMISSIONED] = { "decommissioned", FINISHED },
};

const char *update_status_name(UpdateStatus status)
{
	return statuses[status].name;
}

gboolean update_status_from_name(const char *name, UpdateStatus *ret_status)
{
	for (guint i = 0; i < N_UPDATE_STATUSES; i++) {
		if (strcmp(statuses[i].name, name) == 0) {
			*ret_status = (UpdateStatus)i;
			return TRUE;
		}
	}
	return FALSE;
}

gboolean update_status_is_finished(UpdateStatus status)
{
	return (statuses[status].flags & FINISHED) != 0;
}

gboolean update_status_is_paused(UpdateStatus status)
{
	return (statuses[status].flags & PAUSED) != 0;
}

gboolean update_status_from_device(UpdateStatus status)
{
	return (statuses[status].flags & FROM_DEVICE) != 0;
}
