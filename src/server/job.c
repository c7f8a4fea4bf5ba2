/* SPDX-License-Identifier: Apache-2.0 */
#include "server/job.h"
#include "base/error.h"

void job_drop_hooks(Job *job)
{
	for (guint i = 0; job->hooks && i < job->hooks->len; i++) {
		JobHook *hook = &g_array_index(job->hooks, JobHook, i);

		if (hook->free_data)
			hook->free_data(hook->data);
	}
	g_clear_pointer(&job->hooks, g_array_unref);
}

static void run_hooks(Job *job)
{
	for (guint i = 0; job->hooks && i < job->hooks->len; i++) {
		JobHook *hook = &g_array_index(job->hooks, JobHook, i);

		hook->function(hook->data);
	}
}

void job_finish(Job *job)
{
	if (!job->error)
		run_hooks(job);
	job_drop_hooks(job);
	job->done(job->data, job->error);
	g_clear_error(&job->error);
	g_free(job);
}

void job_queue_init(JobQueue *queue, const char *name)
{
	g_mutex_init(&queue->lock);
	g_cond_init(&queue->filled);
	g_queue_init(&queue->jobs);
	queue->name = name;
}

void job_queue_clear(JobQueue *queue)
{
	g_mutex_clear(&queue->lock);
	g_cond_clear(&queue->filled);
}

void job_queue_add(
	JobQueue *queue, DatabaseJob run, DatabaseDone done, gpointer data, gint64 limit_us)
{
	Job *job = g_new0(Job, 1);
	gboolean full;

	*job = (Job){ .run = run, .done = done, .data = data, .limit_us = limit_us };
	job->queued_us = g_get_monotonic_time();
	g_mutex_lock(&queue->lock);
	full = queue->jobs.length >= DATABASE_QUEUE_JOBS;
	if (!full) {
		g_queue_push_tail(&queue->jobs, job);
		if (queue->jobs.length >= queue->n_awaited)
			g_cond_signal(&queue->filled);
	}
	g_mutex_unlock(&queue->lock);
	if (!full)
		return;
	g_set_error(&job->error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "too many calls wait for %s",
		queue->name);
	job_finish(job);
}

Job *job_queue_try_take(JobQueue *queue)
{
	Job *job;

	g_mutex_lock(&queue->lock);
	job = g_queue_pop_head(&queue->jobs);
	g_mutex_unlock(&queue->lock);
	return job;
}

Job *job_queue_take(JobQueue *queue)
{
	Job *job;

	g_mutex_lock(&queue->lock);
	while (!queue->jobs.length && !queue->closing)
		g_cond_wait(&queue->filled, &queue->lock);
	job = g_queue_pop_head(&queue->jobs);
	g_mutex_unlock(&queue->lock);
	return job;
}

void job_queue_await(JobQueue *queue, guint n, gint64 until_us)
{
	gboolean in_time = TRUE;

	g_mutex_lock(&queue->lock);
	queue->n_awaited = n;
	while (in_time && queue->jobs.length < n && !queue->closing)
		in_time = g_cond_wait_until(&queue->filled, &queue->lock, until_us);
	queue->n_awaited = 1;
	g_mutex_unlock(&queue->lock);
}

void job_queue_put_back(JobQueue *queue, Job *job)
{
	g_mutex_lock(&queue->lock);
	g_queue_push_head(&queue->jobs, job);
	g_mutex_unlock(&queue->lock);
}

void job_queue_close(JobQueue *queue)
{
	g_mutex_lock(&queue->lock);
	queue->closing = TRUE;
	g_cond_broadcast(&queue->filled);
	g_mutex_unlock(&queue->lock);
}

guint job_queue_length(JobQueue *queue)
{
	guint length;

	g_mutex_lock(&queue->lock);
	length = queue->jobs.length;
	g_mutex_unlock(&queue->lock);
	return length;
}
