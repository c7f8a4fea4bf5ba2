/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "crypto/digest.h"
#include "server/database.h"
#include "server/app.h"
#include "server/auth/permissions.h"

/* Who is logged in, in memory: each live token of a user, found by the SHA-256 of its text or by
 * its id. Derivable: read from the store at start, following commits. A log-out, a changed role, a
 * removed user act with the commit that stores them. Any thread. */

/* Kinds of user_tokens. */
#define USER_TOKEN_SESSION "session"
#define USER_TOKEN_ACCESS "access"

/* One live token; immutable once it is in, but for the digest and the time of last use. */
typedef struct {
	gatomicrefcount references;
	char *id; /* jti */
	char *user_id, *email, *tenant;
	PermissionSet permissions;
	gint64 expires_s;         /* 0 = never */
	gboolean is_access_token; /* a personal access token; else a log-in */
	guint8 digest[SHA256_SIZE];
	gboolean has_digest; /* the token's text has been seen and verified */
	gint64 last_used_s;  /* atomic */
} Session;

/* (transfer full): without rights and expiry, for the caller to fill in. */
Session *session_new(const char *id, const char *user_id, const char *email, const char *tenant);
Session *session_ref(Session *session);
void session_unref(Session *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_unref)

Sessions *sessions_load(Database *database, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sessions_free(Sessions *sessions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sessions, sessions_free)

/* (transfer full): NULL: nobody's. */
Session *sessions_find(Sessions *sessions, const guint8 digest[SHA256_SIZE]);
Session *sessions_find_id(Sessions *sessions, const char *id);
/* The token with this digest has been verified and names session @id. */
void sessions_remember(Sessions *sessions, const char *id, const guint8 digest[SHA256_SIZE]);

/* All of it once the transaction is durable. */
void sessions_add_on_commit(
	Sessions *sessions, Transaction *transaction, Session *session); /* takes @session */
void sessions_remove_on_commit(Sessions *sessions, Transaction *transaction, const char *id);
/* All of a user's, but @except (nullable). */
void sessions_remove_user_on_commit(
	Sessions *sessions, Transaction *transaction, const char *user_id, const char *except);
/* A user's rights or e-mail have changed. */
void sessions_change_user_on_commit(Sessions *sessions, Transaction *transaction,
	const char *user_id, const char *email, PermissionSet permissions);
guint sessions_count(Sessions *sessions);
