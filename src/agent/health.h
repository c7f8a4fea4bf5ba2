/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/phases.h"

/* Whether the new software is healthy, before it is committed. What has to hold stands in the
 * configuration and in the artifact (meta-data of a payload, "rota_health"), and what the artifact
 * wants is added: it takes nothing away. */

enum { HEALTH_UNITS_MAX = 64, HEALTH_META_DATA_SIZE_MAX = 1024 * 1024 };

typedef struct {
	GPtrArray *units;  /* of char *: of systemd, to be active */
	gint64 stay_s;     /* all of it has to hold for so long, without a break */
	gint64 timeout_s;  /* by then it must have begun to hold */
	gint64 interval_s; /* between two looks */
} HealthWishes;

/* ROTA_ERROR_INVALID: the artifact's wishes cannot be read, which is no health. */
gboolean health_wishes_read(
	const Update *update, HealthWishes *ret_wishes, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void health_wishes_clear(HealthWishes *wishes);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HealthWishes, health_wishes_clear)

/* (transfer full)(nullable): what does not hold now; NULL = all does */
char *health_ask(const Update *update, const HealthWishes *wishes);
