/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/backoff.h"

enum { FIRST_INTERVAL_S = 60, USES_OF_AN_INTERVAL = 3 };

gint64 backoff_next_s(Backoff *backoff, const AgentSettings *settings)
{
	gint64 most_s = settings->retry_poll_s;
	gboolean counted = settings->retry_poll_count > 0;

	if (counted && backoff->tries >= settings->retry_poll_count)
		return -1;
	if (backoff->interval_s == 0)
		backoff->interval_s = MIN(FIRST_INTERVAL_S, most_s);
	if (backoff->uses == USES_OF_AN_INTERVAL && backoff->interval_s < most_s) {
		backoff->interval_s = MIN(2 * backoff->interval_s, most_s);
		backoff->uses = 0;
	}
	if (backoff->uses == USES_OF_AN_INTERVAL && !counted)
		return -1;
	backoff->uses = MIN(backoff->uses + 1, USES_OF_AN_INTERVAL);
	backoff->tries++;
	return backoff->interval_s;
}

void backoff_reset(Backoff *backoff)
{
	*backoff = (Backoff){ 0 };
}
