/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/settings.h"

/* How long to wait after a failure: from 60 s on, each wait three times, then twice as long, up to
 * RetryPollIntervalSeconds. After three waits of the longest, or after RetryPollCount tries, it
 * gives up. */
typedef struct {
	gint64 interval_s;
	gint64 uses; /* of this interval */
	gint64 tries;
} Backoff;

/* The next wait in seconds; -1 = give up. */
gint64 backoff_next_s(Backoff *backoff, const AgentSettings *settings);
void backoff_reset(Backoff *backoff);
