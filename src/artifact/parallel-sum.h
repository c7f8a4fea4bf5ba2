/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "crypto/digest.h"

/* Takes a sum beside the work that makes the bytes: unpacking and hashing then need two cores
 * instead of twice the time. Bytes are lent, not copied: what an update was given must stay as it
 * is until PARALLEL_SUM_DEPTH more updates were made, or parallel_sum_wait() returned. */
enum { PARALLEL_SUM_DEPTH = 2 };

typedef struct ParallelSum ParallelSum;

/* NULL where a thread would not help or cannot be had. @sum is the thread's until the next wait. */
ParallelSum *parallel_sum_new(Sha256 *sum);
void parallel_sum_update(ParallelSum *parallel, gconstpointer data, gsize size);
void parallel_sum_wait(ParallelSum *parallel); /* all updates are in the sum */
void parallel_sum_free(ParallelSum *parallel);
