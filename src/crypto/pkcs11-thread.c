/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "crypto/pkcs11-private.h"

typedef enum {
	THREAD_IDLE,
	THREAD_ASKED, /* a step waits or runs */
	THREAD_DONE,  /* its result waits */
	THREAD_STUCK, /* nobody waits for it any more */
	THREAD_ENDING,
} ThreadState;

struct Pkcs11Thread {
	GThread *thread;
	GMutex mutex;
	GCond changed;
	ThreadState state;
	Pkcs11Step step;
	gpointer data;
	gboolean result;
	GError *failure;
	gboolean ended; /* the thread has come to its end, late or not */
	gboolean left;  /* nobody knows of it any more: the thread itself frees what is here */
};

static void destroy(Pkcs11Thread *thread)
{
	g_mutex_clear(&thread->mutex);
	g_cond_clear(&thread->changed);
	g_clear_error(&thread->failure);
	g_free(thread);
}

static gpointer serve(gpointer data)
{
	Pkcs11Thread *thread = data;
	gboolean left;

	g_mutex_lock(&thread->mutex);
	while (thread->state != THREAD_ENDING) {
		GError *failure = NULL;
		gboolean result;

		if (thread->state != THREAD_ASKED) {
			g_cond_wait(&thread->changed, &thread->mutex);
			continue;
		}
		g_mutex_unlock(&thread->mutex);
		result = thread->step(thread->data, &failure);
		g_mutex_lock(&thread->mutex);
		thread->result = result;
		thread->failure = failure;
		if (thread->state == THREAD_STUCK)
			break;
		thread->state = THREAD_DONE;
		g_cond_broadcast(&thread->changed);
	}
	thread->ended = TRUE;
	left = thread->left;
	g_mutex_unlock(&thread->mutex);
	if (left)
		destroy(thread);
	return NULL;
}

Pkcs11Thread *pkcs11_thread_new(void)
{
	Pkcs11Thread *thread = g_new0(Pkcs11Thread, 1);

	g_mutex_init(&thread->mutex);
	g_cond_init(&thread->changed);
	thread->thread = g_thread_new("pkcs11", serve, thread);
	return thread;
}

/* The mutex is held. FALSE: the deadline passed. */
static gboolean wait_for_result(Pkcs11Thread *thread, guint deadline_s)
{
	gint64 end = g_get_monotonic_time() + deadline_s * G_TIME_SPAN_SECOND;

	while (thread->state == THREAD_ASKED) {
		if (!g_cond_wait_until(&thread->changed, &thread->mutex, end) &&
			thread->state == THREAD_ASKED)
			return FALSE;
	}
	return TRUE;
}

gboolean pkcs11_thread_run(
	Pkcs11Thread *thread, Pkcs11Step step, gpointer data, guint deadline_s, GError **error)
{
	gboolean result = FALSE;

	g_mutex_lock(&thread->mutex);
	if (thread->state == THREAD_IDLE) {
		thread->step = step;
		thread->data = data;
		thread->state = THREAD_ASKED;
		g_cond_broadcast(&thread->changed);
	}
	if (thread->state == THREAD_STUCK || !wait_for_result(thread, deadline_s)) {
		thread->state = THREAD_STUCK;
		g_set_error(error, ROTA_ERROR, ROTA_ERROR_TIMED_OUT,
			"the token did not answer within %u seconds", deadline_s);
	} else {
		thread->state = THREAD_IDLE;
		result = thread->result;
		if (thread->failure != NULL)
			g_propagate_error(error, g_steal_pointer(&thread->failure));
	}
	g_mutex_unlock(&thread->mutex);
	return result;
}

gboolean pkcs11_thread_is_stuck(const Pkcs11Thread *thread)
{
	return thread->state == THREAD_STUCK;
}

void pkcs11_thread_free(Pkcs11Thread *thread)
{
	g_mutex_lock(&thread->mutex);
	if (thread->state == THREAD_STUCK && !thread->ended) {
		thread->left = TRUE;
		g_thread_unref(thread->thread);
		g_mutex_unlock(&thread->mutex);
		return;
	}
	thread->state = THREAD_ENDING;
	g_cond_broadcast(&thread->changed);
	g_mutex_unlock(&thread->mutex);
	g_thread_join(thread->thread);
	destroy(thread);
}
