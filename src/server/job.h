/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/database-engine.h"

/* Jobs of the store, and the queues they wait in: the writer's and the readers'. Used by
 * database.c and transaction.c only. */

typedef struct {
	void (*function)(gpointer data);
	gpointer data;
	GDestroyNotify free_data;
} JobHook;

typedef struct {
	DatabaseJob run;
	DatabaseDone done;
	gpointer data;
	gint64 queued_us, limit_us;
	guint runs;
	GError *error;
	GArray *hooks; /* of JobHook; NULL while there is none */
} Job;

typedef struct {
	GMutex lock;
	GCond filled; /* when there are as many jobs as are awaited */
	guint n_awaited;
	GQueue jobs; /* of Job */
	gboolean closing;
	const char *name; /* for messages */
} JobQueue;

/* Runs the job's function on @connection, with its time limit: what it means for the transaction
 * is the caller's. FALSE: the job's error is set. */
gboolean job_call(Connection *connection, Job *job) G_GNUC_WARN_UNUSED_RESULT;
/* The end of every job: its hooks where it went well, then its owner is told. Frees it. */
void job_finish(Job *job);
void job_drop_hooks(Job *job);

void job_queue_init(JobQueue *queue, const char *name);
void job_queue_clear(JobQueue *queue);
void job_queue_add(
	JobQueue *queue, DatabaseJob run, DatabaseDone done, gpointer data, gint64 limit_us);
/* NULL: nothing waits. */
Job *job_queue_try_take(JobQueue *queue);
/* NULL: the store is closing, and nothing waits any more. */
Job *job_queue_take(JobQueue *queue);
/* Waits until @n jobs are there, but not past @until_us. */
void job_queue_await(JobQueue *queue, guint n, gint64 until_us);
void job_queue_put_back(JobQueue *queue, Job *job);
void job_queue_close(JobQueue *queue);
guint job_queue_length(JobQueue *queue);
