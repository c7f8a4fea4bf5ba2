/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/call.h"
#include "server/campaigns/progress.h"

/* The handlers that campaigns/routes.c names, by the file they are in. */

/* next.c: a device asks (RUN_LOOP) */
gboolean next_by_query(Call *call, GError **error);
gboolean next_by_flat_body(Call *call, GError **error);
gboolean next_by_provides(Call *call, GError **error);

/* report.c: a device reports (RUN_WRITE) */
gboolean report_status(Call *call, GError **error);
gboolean report_log(Call *call, GError **error);

/* create.c (RUN_WRITE) */
gboolean create_campaign(Call *call, GError **error);
gboolean create_group_campaign(Call *call, GError **error);
extern const JsonRecord new_campaign_record;

/* manage.c: users read and stop campaigns */
gboolean list_campaigns(Call *call, GError **error); /* RUN_READ */
gboolean list_campaigns_v2(Call *call, GError **error);
gboolean get_campaign(Call *call, GError **error);
gboolean get_statistics(Call *call, GError **error);
gboolean list_statistics(Call *call, GError **error);
gboolean change_status(Call *call, GError **error); /* RUN_WRITE */
extern const JsonRecord statistics_request_record;
extern const JsonRecord status_change_record;

/* devices.c: users read and stop what single devices do */
gboolean list_campaign_devices(Call *call, GError **error); /* RUN_READ */
gboolean page_campaign_devices(Call *call, GError **error);
gboolean list_target_ids(Call *call, GError **error);
gboolean get_device_log(Call *call, GError **error);
gboolean list_device_history(Call *call, GError **error);
gboolean abort_device(Call *call, GError **error); /* RUN_WRITE */
gboolean forget_device_history(Call *call, GError **error);

/* For all of these: the rules' view of a call on the writer. */
Progress progress_of(const Call *call);
