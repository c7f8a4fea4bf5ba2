/* SPDX-License-Identifier: Apache-2.0 */
#include "server/auth/sessions.h"

#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "server/rows.h"

struct Sessions {
	GRWLock lock;
	GHashTable *by_id;     /* owns: id to Session */
	GHashTable *by_digest; /* digest of 32 bytes to Session, borrowed from by_id */
};

/* --- One session --- */

Session *session_ref(Session *session)
{
	g_atomic_ref_count_inc(&session->references);
	return session;
}

void session_unref(Session *session)
{
	if (!g_atomic_ref_count_dec(&session->references))
		return;
	g_free(session->id);
	g_free(session->user_id);
	g_free(session->email);
	g_free(session->tenant);
	g_free(session);
}

Session *session_new(const char *id, const char *user_id, const char *email, const char *tenant)
{
	Session *session = g_new0(Session, 1);

	g_atomic_ref_count_init(&session->references);
	session->id = g_strdup(id);
	session->user_id = g_strdup(user_id);
	session->email = g_strdup(email);
	session->tenant = g_strdup(tenant);
	return session;
}

/* --- All of them --- */

static guint digest_hash(gconstpointer digest)
{
	guint hash;

	memcpy(&hash, digest, sizeof hash);
	return hash;
}

static gboolean digest_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, SHA256_SIZE) == 0;
}

void sessions_free(Sessions *sessions)
{
	if (!sessions)
		return;
	g_hash_table_unref(sessions->by_digest);
	g_hash_table_unref(sessions->by_id);
	g_rw_lock_clear(&sessions->lock);
	g_free(sessions);
}

static void remove_locked(Sessions *sessions, const char *id)
{
	Session *session = g_hash_table_lookup(sessions->by_id, id);

	if (!session)
		return;
	if (session->has_digest)
		g_hash_table_remove(sessions->by_digest, session->digest);
	g_hash_table_remove(sessions->by_id, id);
}

static void add_locked(Sessions *sessions, Session *session)
{
	remove_locked(sessions, session->id);
	g_hash_table_insert(sessions->by_id, session->id, session);
	if (session->has_digest)
		g_hash_table_insert(sessions->by_digest, session->digest, session);
}

static Session *find(Sessions *sessions, GHashTable *table, gconstpointer key)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&sessions->lock);
	Session *session = g_hash_table_lookup(table, key);

	return session ? session_ref(session) : NULL;
}

Session *sessions_find(Sessions *sessions, const guint8 digest[SHA256_SIZE])
{
	return find(sessions, sessions->by_digest, digest);
}

Session *sessions_find_id(Sessions *sessions, const char *id)
{
	return find(sessions, sessions->by_id, id);
}

void sessions_remember(Sessions *sessions, const char *id, const guint8 digest[SHA256_SIZE])
{
	Session *session;

	g_rw_lock_writer_lock(&sessions->lock);
	session = g_hash_table_lookup(sessions->by_id, id);
	if (session && !session->has_digest) {
		memcpy(session->digest, digest, SHA256_SIZE);
		session->has_digest = TRUE;
		g_hash_table_insert(sessions->by_digest, session->digest, session);
	}
	g_rw_lock_writer_unlock(&sessions->lock);
}

guint sessions_count(Sessions *sessions)
{
	g_autoptr(GRWLockReaderLocker) locker = g_rw_lock_reader_locker_new(&sessions->lock);

	return g_hash_table_size(sessions->by_id);
}

/* --- Following commits --- */

typedef struct {
	Sessions *sessions;
	Session *session; /* owned */
	char *id, *user_id, *except, *email;
	PermissionSet permissions;
} Change;

static void change_free(gpointer data)
{
	Change *change = data;

	g_clear_pointer(&change->session, session_unref);
	g_free(change->id);
	g_free(change->user_id);
	g_free(change->except);
	g_free(change->email);
	g_free(change);
}

/* (transfer container): the user's sessions, with the lock held. */
static GPtrArray *sessions_of(Sessions *sessions, const char *user_id)
{
	GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)session_unref);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, sessions->by_id);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (g_str_equal(((Session *)value)->user_id, user_id))
			g_ptr_array_add(found, session_ref(value));
	return found;
}

/* The rows of a user's ended log-ins go with a new one; so do they here. */
static void forget_ended(Sessions *sessions, const char *user_id)
{
	g_autoptr(GPtrArray) found = sessions_of(sessions, user_id);
	gint64 now_s = clock_now_us() / G_USEC_PER_SEC;

	for (guint i = 0; i < found->len; i++) {
		const Session *session = found->pdata[i];

		if (session->expires_s && session->expires_s <= now_s)
			remove_locked(sessions, session->id);
	}
}

static void apply_add(gpointer data)
{
	Change *change = data;

	g_rw_lock_writer_lock(&change->sessions->lock);
	forget_ended(change->sessions, change->session->user_id);
	add_locked(change->sessions, session_ref(change->session));
	g_rw_lock_writer_unlock(&change->sessions->lock);
}

static void apply_remove(gpointer data)
{
	Change *change = data;

	g_rw_lock_writer_lock(&change->sessions->lock);
	remove_locked(change->sessions, change->id);
	g_rw_lock_writer_unlock(&change->sessions->lock);
}

static void apply_remove_user(gpointer data)
{
	Change *change = data;
	g_autoptr(GPtrArray) found = NULL;

	g_rw_lock_writer_lock(&change->sessions->lock);
	found = sessions_of(change->sessions, change->user_id);
	for (guint i = 0; i < found->len; i++) {
		const Session *session = found->pdata[i];

		if (g_strcmp0(session->id, change->except) != 0)
			remove_locked(change->sessions, session->id);
	}
	g_rw_lock_writer_unlock(&change->sessions->lock);
}

/* A session is read without a lock by whoever found it, so a changed one is a new one. */
static Session *changed_copy(const Session *session, const Change *change)
{
	Session *copy = session_new(session->id, session->user_id, change->email, session->tenant);

	copy->permissions = change->permissions;
	copy->expires_s = session->expires_s;
	copy->is_access_token = session->is_access_token;
	copy->has_digest = session->has_digest;
	memcpy(copy->digest, session->digest, SHA256_SIZE);
	copy->last_used_s = __atomic_load_n(&session->last_used_s, __ATOMIC_RELAXED);
	return copy;
}

static void apply_change_user(gpointer data)
{
	Change *change = data;
	g_autoptr(GPtrArray) found = NULL;

	g_rw_lock_writer_lock(&change->sessions->lock);
	found = sessions_of(change->sessions, change->user_id);
	for (guint i = 0; i < found->len; i++)
		add_locked(change->sessions, changed_copy(found->pdata[i], change));
	g_rw_lock_writer_unlock(&change->sessions->lock);
}

static void on_commit(Transaction *transaction, void (*apply)(gpointer data), const Change *change)
{
	transaction_on_commit(transaction, apply, g_memdup2(change, sizeof *change), change_free);
}

void sessions_add_on_commit(Sessions *sessions, Transaction *transaction, Session *session)
{
	on_commit(transaction, apply_add, &(Change){ .sessions = sessions, .session = session });
}

void sessions_remove_on_commit(Sessions *sessions, Transaction *transaction, const char *id)
{
	on_commit(transaction, apply_remove, &(Change){ .sessions = sessions, .id = g_strdup(id) });
}

void sessions_remove_user_on_commit(
	Sessions *sessions, Transaction *transaction, const char *user_id, const char *except)
{
	on_commit(transaction, apply_remove_user,
		&(Change){ .sessions = sessions,
			.user_id = g_strdup(user_id),
			.except = g_strdup(except) });
}

void sessions_change_user_on_commit(Sessions *sessions, Transaction *transaction,
	const char *user_id, const char *email, PermissionSet permissions)
{
	on_commit(transaction, apply_change_user,
		&(Change){ .sessions = sessions,
			.user_id = g_strdup(user_id),
			.email = g_strdup(email),
			.permissions = permissions });
}

/* --- Start --- */

static gboolean read_session(Sessions *sessions, Rows *rows, GError **error)
{
	g_autoptr(Session) session = session_new(
		rows_text(rows, 1), rows_text(rows, 2), rows_text(rows, 3), rows_text(rows, 0));
	g_auto(GStrv) roles = roles_from_text(rows_text(rows, 4), error);

	if (!roles)
		return FALSE;
	session->permissions = roles_permissions(roles);
	session->is_access_token = g_str_equal(rows_text(rows, 5), USER_TOKEN_ACCESS);
	session->expires_s = rows_int(rows, 6) / G_USEC_PER_SEC;
	session->last_used_s = rows_int(rows, 7) / G_USEC_PER_SEC;
	add_locked(sessions, g_steal_pointer(&session));
	return TRUE;
}

static gboolean read_sessions(Transaction *transaction, gpointer data, GError **error)
{
	g_autoptr(Rows) rows = transaction_query(transaction, error, QUERY_USER_TOKENS_ALL, DB_END);
	GError *failure = NULL;

	if (!rows)
		return FALSE;
	while (rows_next(rows, &failure))
		if (!read_session(data, rows, error))
			return FALSE;
	return rows_ended(failure, error);
}

Sessions *sessions_load(Database *database, GError **error)
{
	g_autoptr(Sessions) sessions = g_new0(Sessions, 1);

	g_rw_lock_init(&sessions->lock);
	sessions->by_id =
		g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)session_unref);
	sessions->by_digest = g_hash_table_new(digest_hash, digest_equal);
	if (!database_read_wait(database, read_sessions, sessions, error))
		return NULL;
	return g_steal_pointer(&sessions);
}
