/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/parallel-sum.h"

typedef struct {
	gconstpointer data;
	gsize size;
} Update;

struct ParallelSum {
	Sha256 *sum;
	GThread *thread;
	GMutex lock;
	GCond changed;
	Update updates[PARALLEL_SUM_DEPTH]; /* a ring */
	guint64 n_given, n_done;
	gboolean ending;
	gboolean thread_waits, giver_waits; /* nobody is woken who is not asleep */
};

static void sleep_on(ParallelSum *parallel, gboolean *waits)
{
	*waits = TRUE;
	g_cond_wait(&parallel->changed, &parallel->lock);
	*waits = FALSE;
}

static gpointer take_sums(gpointer data)
{
	ParallelSum *parallel = data;

	g_mutex_lock(&parallel->lock);
	for (;;) {
		while (parallel->n_done == parallel->n_given && !parallel->ending)
			sleep_on(parallel, &parallel->thread_waits);
		if (parallel->n_done == parallel->n_given)
			break;
		Update update = parallel->updates[parallel->n_done % PARALLEL_SUM_DEPTH];
		g_mutex_unlock(&parallel->lock);
		sha256_update(parallel->sum, update.data, update.size);
		g_mutex_lock(&parallel->lock);
		parallel->n_done++;
		if (parallel->giver_waits)
			g_cond_broadcast(&parallel->changed);
	}
	g_mutex_unlock(&parallel->lock);
	return NULL;
}

ParallelSum *parallel_sum_new(Sha256 *sum)
{
	if (g_get_num_processors() < 2)
		return NULL;
	ParallelSum *parallel = g_new0(ParallelSum, 1);
	parallel->sum = sum;
	g_mutex_init(&parallel->lock);
	g_cond_init(&parallel->changed);
	parallel->thread = g_thread_try_new("artifact-sum", take_sums, parallel, NULL);
	if (parallel->thread)
		return parallel;
	parallel_sum_free(parallel);
	return NULL;
}

void parallel_sum_update(ParallelSum *parallel, gconstpointer data, gsize size)
{
	g_mutex_lock(&parallel->lock);
	while (parallel->n_given - parallel->n_done == PARALLEL_SUM_DEPTH)
		sleep_on(parallel, &parallel->giver_waits);
	parallel->updates[parallel->n_given++ % PARALLEL_SUM_DEPTH] = (Update){ data, size };
	if (parallel->thread_waits)
		g_cond_broadcast(&parallel->changed);
	g_mutex_unlock(&parallel->lock);
}

void parallel_sum_wait(ParallelSum *parallel)
{
	g_mutex_lock(&parallel->lock);
	while (parallel->n_done < parallel->n_given)
		sleep_on(parallel, &parallel->giver_waits);
	g_mutex_unlock(&parallel->lock);
}

void parallel_sum_free(ParallelSum *parallel)
{
	if (!parallel)
		return;
	g_mutex_lock(&parallel->lock);
	parallel->ending = TRUE;
	g_cond_broadcast(&parallel->changed);
	g_mutex_unlock(&parallel->lock);
	if (parallel->thread)
		g_thread_join(parallel->thread);
	g_mutex_clear(&parallel->lock);
	g_cond_clear(&parallel->changed);
	g_free(parallel);
}
