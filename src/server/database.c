/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "base/error.h"
#include "server/job.h"
#include "server/schema.h"

/* Threads, queues and groups.
 *
 *   callers -> queue -> writer:  begin | job | job | job ... | commit -> hooks, answers, in order
 *   callers -> queue -> readers: begin | job | commit -> answer
 *
 * A group is closed when nothing waits any more, when it holds 256 jobs, or after 5 ms. While its
 * commit waits for the disk the next group gathers, so the dearer a sync, the larger the groups;
 * and a group that is smaller than the last one waits a little for those who were just answered.
 *
 * When a job fails, its savepoint is undone and nobody else notices. When it takes the group's
 * transaction down (full disk, I/O error), it alone gets the error; the jobs before it go back to
 * the head of the queue and are run again. Once the commit has been attempted nothing is run again:
 * on a lost connection nobody knows whether it happened, and all of the group are told so. */

#define RECONNECT_FIRST_US 100000
#define RECONNECT_LAST_US 5000000
#define CHECK_US (3600 * (gint64)G_USEC_PER_SEC)
#define CHECK_TEXT_MAX 4000 /* of what is broken, at most */

typedef struct {
	Database *database;
	Connection *connection; /* NULL while there is none */
	gint64 retry_at_us, retry_wait_us;
	ConnectionKind kind;
	GThread *thread;
	/* Of a writer: the last group, by which the next one is gathered. */
	guint last_jobs;
	gint64 last_commit_us;
} Worker;

struct Database {
	const DatabaseEngine *engine;
	char *where;
	JobQueue writes, reads;
	Worker writer;
	Worker *readers;
	guint n_readers;
	GMutex figures_lock;
	DatabaseFigures figures;
};

/* --- Running one job --- */

/* TRUE: the transaction goes on, with or without what this job wrote. */
static gboolean run_in_group(Connection *connection, Job *job)
{
	const DatabaseEngine *engine = connection->engine;
	gboolean again;

	do {
		g_clear_error(&job->error);
		connection->failure = FAILURE_NONE;
		if (!engine->job_begin(connection, &job->error))
			return FALSE;
		if (job_call(connection, job))
			return engine->job_keep(connection, &job->error);
		if (connection->failure == FAILURE_GROUP || connection->failure == FAILURE_LOST)
			return FALSE;
		again = connection->failure == FAILURE_RETRY && job->runs < DATABASE_JOB_RUNS;
		if (!engine->job_undo(connection, NULL))
			return FALSE;
	} while (again);
	return TRUE;
}

static gboolean waited_too_long(JobQueue *queue, Job *job)
{
	if (job->runs || g_get_monotonic_time() - job->queued_us < DATABASE_WAIT_US)
		return FALSE;
	g_set_error(&job->error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT, "waited too long for %s",
		queue->name);
	job_finish(job);
	return TRUE;
}

/* --- Connections --- */

static void disconnect(Worker *worker)
{
	if (worker->connection)
		worker->connection->engine->close(worker->connection);
	worker->connection = NULL;
}

static gboolean connect_worker(Worker *worker, GError **error)
{
	Database *database = worker->database;

	worker->connection = database->engine->open(database->where, worker->kind, error);
	return worker->connection != NULL;
}

/* Between two attempts callers are told at once, rather than after a wait each. */
static gboolean reconnect(Worker *worker, GError **error)
{
	gint64 now = g_get_monotonic_time();

	if (now < worker->retry_at_us) {
		g_set_error(
			error, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "the database does not answer");
		return FALSE;
	}
	if (connect_worker(worker, error)) {
		worker->retry_wait_us = 0;
		g_message("connected to the database again");
		return TRUE;
	}
	worker->retry_wait_us =
		CLAMP(worker->retry_wait_us * 2, RECONNECT_FIRST_US, RECONNECT_LAST_US);
	worker->retry_at_us = g_get_monotonic_time() + worker->retry_wait_us;
	return FALSE;
}

static gboolean begin(Worker *worker, GError **error)
{
	if (!worker->connection && !reconnect(worker, error))
		return FALSE;
	return worker->connection->engine->begin(worker->connection, error);
}

static void end(Worker *worker)
{
	if (worker->connection->failure == FAILURE_LOST) {
		g_warning("the connection to the database is lost");
		disconnect(worker);
	}
}

/* --- The writer --- */

static void count_group(Database *database, GPtrArray *group, gint64 began_us)
{
	guint n_failed = 0;

	for (guint i = 0; i < group->len; i++)
		n_failed += ((Job *)group->pdata[i])->error != NULL;
	g_mutex_lock(&database->figures_lock);
	database->figures.groups++;
	database->figures.jobs_written += group->len - n_failed;
	database->figures.jobs_failed += n_failed;
	database->figures.group_us += (guint64)(g_get_monotonic_time() - began_us);
	g_mutex_unlock(&database->figures_lock);
}

/* All that would have been kept is not, for this reason. */
static void fail_group(GPtrArray *group, const GError *why)
{
	for (guint i = 0; i < group->len; i++) {
		Job *job = group->pdata[i];

		if (!job->error)
			job->error = g_error_copy(why);
	}
}

/* The transaction is gone before its commit was tried. Whoever is not to blame runs again: all but
 * the last job, and that one as well where the connection was lost, which may have had any reason.
 */
static void put_back(Worker *worker, GPtrArray *group)
{
	guint n = worker->connection->failure == FAILURE_LOST ? group->len : group->len - 1;

	while (n-- > 0) {
		Job *job = group->pdata[n];

		if ((job->error && n < group->len - 1) || job->runs >= DATABASE_JOB_RUNS)
			continue;
		job_queue_put_back(&worker->database->writes, job);
		g_ptr_array_remove_index(group, n);
	}
}

static void finish_group(Worker *worker, GPtrArray *group, gint64 began_us)
{
	count_group(worker->database, group, began_us);
	for (guint i = 0; i < group->len; i++)
		job_finish(group->pdata[i]);
}

/* A job that is run again runs in a group of its own, so that it harms nobody a second time. */
static gboolean must_be_alone(const Job *job)
{
	return job->runs > 0;
}

/* When the queue runs dry: whoever was just answered may be about to call again, and a commit costs
 * the same for all. So wait for as many as the last group had, at most half as long as its commit
 * took. */
static Job *next_job(Worker *worker, guint n_gathered, gint64 until_us)
{
	JobQueue *queue = &worker->database->writes;
	Job *job = job_queue_try_take(queue);

	if (job || n_gathered >= worker->last_jobs || g_get_monotonic_time() >= until_us)
		return job;
	job_queue_await(queue, worker->last_jobs - n_gathered, until_us);
	return job_queue_try_take(queue);
}

/* FALSE: the transaction is gone since the group's last job. */
static gboolean gather(Worker *worker, Job *first, GPtrArray *group)
{
	gint64 began_us = g_get_monotonic_time();
	gint64 wait_us = MIN(worker->last_commit_us / 2, DATABASE_GROUP_TIME_US / 2);
	JobQueue *queue = &worker->database->writes;

	for (Job *job = first; job; job = next_job(worker, group->len, began_us + wait_us)) {
		if (must_be_alone(job) && group->len) {
			job_queue_put_back(queue, job);
			return TRUE;
		}
		if (waited_too_long(queue, job))
			continue;
		g_ptr_array_add(group, job);
		if (!run_in_group(worker->connection, job))
			return FALSE;
		if (job->runs > 1 || group->len >= DATABASE_GROUP_JOBS ||
			g_get_monotonic_time() - began_us >= DATABASE_GROUP_TIME_US)
			return TRUE;
	}
	return TRUE;
}

static void commit_group(Worker *worker, GPtrArray *group, GError **why)
{
	const DatabaseEngine *engine = worker->connection->engine;
	gint64 began_us = g_get_monotonic_time();

	if (!group->len) { /* all had waited too long */
		engine->rollback(worker->connection);
		return;
	}
	if (!engine->commit(worker->connection, why))
		return;
	worker->last_commit_us = g_get_monotonic_time() - began_us;
	worker->last_jobs = group->len;
}

/* Sets @why where the jobs that went well are not kept. */
static void run_group(Worker *worker, Job *first, GPtrArray *group, GError **why)
{
	if (!begin(worker, &first->error)) {
		g_ptr_array_add(group, first);
		return;
	}
	if (gather(worker, first, group)) {
		commit_group(worker, group, why);
		return;
	}
	worker->connection->engine->rollback(worker->connection);
	put_back(worker, group);
	g_set_error(why, ROTA_ERROR, ROTA_ERROR_UNAVAILABLE, "the transaction was undone");
}

static void write_group(Worker *worker, Job *first)
{
	g_autoptr(GPtrArray) group = g_ptr_array_new();
	g_autoptr(GError) why = NULL;
	gint64 began_us = g_get_monotonic_time();

	run_group(worker, first, group, &why);
	if (why)
		fail_group(group, why);
	if (worker->connection)
		end(worker);
	finish_group(worker, group, began_us);
}

static gpointer writer_main(gpointer data)
{
	Worker *worker = data;
	Job *job;

	while ((job = job_queue_take(&worker->database->writes)))
		write_group(worker, job);
	return NULL;
}

/* --- Readers --- */

/* FALSE: the connection was lost; the job may be run again on a new one. */
static gboolean try_read(Worker *worker, Job *job)
{
	Connection *connection;
	gboolean lost;

	g_clear_error(&job->error);
	if (!begin(worker, &job->error))
		return TRUE;
	connection = worker->connection;
	if (job_call(connection, job))
		connection->engine->commit(connection, &job->error);
	else
		connection->engine->rollback(connection);
	lost = connection->failure == FAILURE_LOST;
	end(worker);
	return !lost || !job->error || job->runs >= DATABASE_JOB_RUNS;
}

static void read_job(Worker *worker, Job *job)
{
	Database *database = worker->database;

	if (waited_too_long(&database->reads, job))
		return;
	while (!try_read(worker, job))
		continue;
	g_mutex_lock(&database->figures_lock);
	database->figures.jobs_read++;
	g_mutex_unlock(&database->figures_lock);
	job_finish(job);
}

static gpointer reader_main(gpointer data)
{
	Worker *worker = data;
	Job *job;

	while ((job = job_queue_take(&worker->database->reads)))
		read_job(worker, job);
	return NULL;
}

/* --- Opening and closing --- */

static const struct {
	const char *scheme;
	const DatabaseEngine *engine;
	gboolean keeps_scheme;
} engines[] = {
	{ "sqlite:", &sqlite_engine, FALSE },
#ifdef HAVE_POSTGRESQL
	{ "postgresql:", &postgresql_engine, TRUE },
	{ "postgres:", &postgresql_engine, TRUE },
#endif
};

const DatabaseEngine *database_engine_for(const char *url, const char **ret_where, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(engines); i++) {
		if (!g_str_has_prefix(url, engines[i].scheme))
			continue;
		*ret_where = engines[i].keeps_scheme ? url : url + strlen(engines[i].scheme);
		return engines[i].engine;
	}
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_UNSUPPORTED,
		"the database's address begins with none of the schemes this program was built "
		"with");
	return NULL;
}

static gboolean connect_all(Database *database, GError **error)
{
	if (!connect_worker(&database->writer, error))
		return FALSE;
	if (!schema_apply(database->writer.connection, error))
		return FALSE;
	for (guint i = 0; i < database->n_readers; i++) {
		if (!connect_worker(&database->readers[i], error))
			return FALSE;
	}
	return TRUE;
}

static void start_threads(Database *database)
{
	database->writer.thread = g_thread_new("db-writer", writer_main, &database->writer);
	for (guint i = 0; i < database->n_readers; i++)
		database->readers[i].thread =
			g_thread_new("db-reader", reader_main, &database->readers[i]);
}

Database *database_open(const char *url, guint n_readers, GError **error)
{
	const char *where = NULL;
	const DatabaseEngine *engine = database_engine_for(url, &where, error);
	g_autoptr(Database) database = NULL;

	if (!engine)
		return NULL;
	database = g_new0(Database, 1);
	database->engine = engine;
	database->where = g_strdup(where);
	job_queue_init(&database->writes, "the database's writer");
	job_queue_init(&database->reads, "the database's readers");
	g_mutex_init(&database->figures_lock);
	database->n_readers = CLAMP(n_readers, 1, DATABASE_READERS);
	database->readers = g_new0(Worker, database->n_readers);
	database->writer = (Worker){ .database = database, .kind = CONNECTION_WRITER };
	for (guint i = 0; i < database->n_readers; i++)
		database->readers[i] = (Worker){ .database = database, .kind = CONNECTION_READER };
	if (!connect_all(database, error)) {
		g_prefix_error(error, "open the database: ");
		return NULL;
	}
	start_threads(database);
	return g_steal_pointer(&database);
}

void database_free(Database *database)
{
	job_queue_close(&database->writes);
	job_queue_close(&database->reads);
	if (database->writer.thread)
		g_thread_join(database->writer.thread);
	for (guint i = 0; i < database->n_readers; i++) {
		if (database->readers[i].thread)
			g_thread_join(database->readers[i].thread);
		disconnect(&database->readers[i]);
	}
	disconnect(&database->writer); /* last: SQLite then tidies its log away */
	job_queue_clear(&database->writes);
	job_queue_clear(&database->reads);
	g_mutex_clear(&database->figures_lock);
	g_free(database->readers);
	g_free(database->where);
	g_free(database);
}

const char *database_engine(const Database *database)
{
	return database->engine->name;
}

void database_figures(Database *database, DatabaseFigures *ret_figures)
{
	g_mutex_lock(&database->figures_lock);
	*ret_figures = database->figures;
	g_mutex_unlock(&database->figures_lock);
	ret_figures->write_queue = job_queue_length(&database->writes);
	ret_figures->read_queue = job_queue_length(&database->reads);
}

static gboolean gather_findings(Connection *connection, GString *findings, GError **error)
{
	const DatabaseEngine *engine = connection->engine;
	GError *failure = NULL;
	Rows *rows = NULL;

	if (!engine->execute(connection, QUERY_STORE_FINDINGS, NULL, &rows, NULL, error))
		return FALSE;
	while (findings->len < CHECK_TEXT_MAX && engine->rows_next(rows, &failure))
		g_string_append_printf(
			findings, "%s%s", findings->len ? "; " : "", engine->rows_text(rows, 0));
	engine->rows_free(rows);
	if (!failure)
		return TRUE;
	g_propagate_error(error, failure);
	return FALSE;
}

gboolean database_check(Database *database, GError **error)
{
	Connection *connection = database->engine->open(database->where, CONNECTION_CHECKER, error);
	g_autoptr(GString) findings = g_string_new(NULL);
	gboolean ok;

	if (!connection)
		return FALSE;
	connection->deadline_us = g_get_monotonic_time() + CHECK_US;
	ok = database->engine->begin(connection, error) &&
	     gather_findings(connection, findings, error);
	database->engine->rollback(connection);
	database->engine->close(connection);
	if (!ok || !findings->len)
		return ok;
	g_set_error(error, ROTA_ERROR, ROTA_ERROR_CORRUPT, "check the database: %s", findings->str);
	return FALSE;
}

/* --- Handing in --- */

void database_write(Database *database, DatabaseJob job, DatabaseDone done, gpointer data)
{
	job_queue_add(&database->writes, job, done, data, DATABASE_JOB_US);
}

void database_read(Database *database, DatabaseJob job, DatabaseDone done, gpointer data)
{
	job_queue_add(&database->reads, job, done, data, DATABASE_JOB_US);
}

typedef struct {
	DatabaseJob job;
	gpointer data;
	GMutex lock;
	GCond ended;
	gboolean has_ended;
	GError *error;
} Wait;

static gboolean run_waited(Transaction *transaction, gpointer data, GError **error)
{
	Wait *wait = data;

	return wait->job(transaction, wait->data, error);
}

static void end_wait(gpointer data, const GError *error)
{
	Wait *wait = data;

	g_mutex_lock(&wait->lock);
	wait->error = error ? g_error_copy(error) : NULL;
	wait->has_ended = TRUE;
	g_cond_signal(&wait->ended);
	g_mutex_unlock(&wait->lock);
}

static gboolean wait_for(JobQueue *queue, DatabaseJob job, gpointer data, GError **error)
{
	Wait wait = { .job = job, .data = data };

	g_mutex_init(&wait.lock);
	g_cond_init(&wait.ended);
	job_queue_add(queue, run_waited, end_wait, &wait, DATABASE_WAITED_JOB_US);
	g_mutex_lock(&wait.lock);
	while (!wait.has_ended)
		g_cond_wait(&wait.ended, &wait.lock);
	g_mutex_unlock(&wait.lock);
	g_mutex_clear(&wait.lock);
	g_cond_clear(&wait.ended);
	if (!wait.error)
		return TRUE;
	g_propagate_error(error, wait.error);
	return FALSE;
}

gboolean database_write_wait(Database *database, DatabaseJob job, gpointer data, GError **error)
{
	return wait_for(&database->writes, job, data, error);
}

gboolean database_read_wait(Database *database, DatabaseJob job, gpointer data, GError **error)
{
	return wait_for(&database->reads, job, data, error);
}
