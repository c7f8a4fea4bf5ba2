/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/app.h"
#include "server/campaigns/store.h"

/* How a device's part in a campaign changes, and what follows from it: counts, the end of the
 * campaign, the memory of who may have something to do. In a transaction of the writer. */

/* Everything the rules are asked with. */
typedef struct {
	App *app;
	Transaction *transaction;
	const char *tenant;
	gint64 now_us;
} Progress;

/**
 * progress_begin:
 * The device asks for the first time, or anew after its history was reset.
 * @status: what it is from now on
 * Returns: (transfer full): its part
 */
CampaignDevice *progress_begin(const Progress *progress, const Campaign *campaign,
	const char *device, guint32 number, UpdateStatus status,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets the status and all that follows from it; a failure with attempts left becomes pending again.
 * @substate: (nullable). @device is changed to what is stored. */
gboolean progress_set_status(const Progress *progress, CampaignDevice *device, UpdateStatus status,
	const char *substate, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The artifact is chosen; @size_bytes are given out. */
gboolean progress_choose(const Progress *progress, CampaignDevice *device, const char *artifact,
	gint64 size_bytes, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What the device said when it asked. */
gboolean progress_keep_request(const Progress *progress, CampaignDevice *device,
	const char *request, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All that @device is at work with, or might be given, ends as @status. */
gboolean progress_end_device(const Progress *progress, const char *device, guint32 number,
	UpdateStatus status, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The campaign ends at once; who is at work with it hears of it at the next report. */
gboolean progress_abort(const Progress *progress, const Campaign *campaign,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
