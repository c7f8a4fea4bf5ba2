/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <gio/gio.h>
#include <jansson.h>
#include "base/json.h"
#include "http/server.h"
#include "server/app.h"
#include "server/database.h"

/* One call of the API, and the tables that say what calls there are.
 *
 * The generic layer (call.c) does for every call, from its row: find the route, who is asking, may
 * they, the body limit and its JSON table, run the handler where its mode says, audit, error body.
 * A handler does its own business only: it reads what it is given, uses its transaction, and sets
 * the answer; a GError becomes the one error shape through the table in status.c.
 *
 * A call is on one thread at a time, and handed from thread to thread by the layer alone: what a
 * handler starts elsewhere must not touch the call. */
typedef struct Call Call;

typedef enum {
	CALLER_ANYONE, /* log-in, authentication requests, signed links, health */
	CALLER_DEVICE, /* an accepted device's token */
	CALLER_USER,   /* a user's token, with .permission */
} CallerKind;

/* Where a handler runs. */
typedef enum {
	RUN_LOOP,  /* on the event loop: memory only, never blocks; call_transaction() is NULL */
	RUN_READ,  /* on a reader of the store: may query */
	RUN_WRITE, /* on the writer: may query and write; answered after the commit is durable. Keep
		    * it short: all writing waits for it. On an error all it wrote is undone */
	RUN_WORKER, /* on one of a few threads for slow work without the store: password hashes,
		       files */
	RUN_STREAM, /* on a thread of the call's own, started once the head has come: reads the body
		     * as it comes from call_body_stream(), as slowly as it likes; no transaction */
} RunMode;

/* FALSE with @error: the call is answered with the error, and nothing it wrote stays. */
typedef gboolean (*CallHandler)(Call *call, GError **error);

typedef struct {
	HttpMethod method; /* HTTP_GET rows serve HEAD as well */
	const char *path;  /* "/api/management/v1/inventory/devices/{id}/tags"; a {name} is one
			      segment, not empty */
	CallerKind caller;
	const char *permission; /* for CALLER_USER: one of auth/permissions.c; every user route has
				   one */
	RunMode mode;
	const char *audit; /* for changing user calls: the action, "create"; NULL = changes nothing
			      of note */
	gsize body_max; /* 0: a body is not looked at; else bytes, beyond which the answer is 413 */
	const JsonRecord *body; /* (nullable): how the body is read; then call_body() is the struct,
				   and a missing body is 400 */
	CallHandler handler;
} Route;

/**
 * call_continue:
 * Says, from within a handler, that the call is not done: once this handler returns TRUE, @handler
 * runs as @mode says (a poll escalates to the writer only where something may be pending; a log-in
 * hashes on a worker, then writes). What was set so far stays set. From RUN_WRITE: continues after
 * the commit. Returns: TRUE, so that a handler can end with `return call_continue(...)`.
 */
gboolean call_continue(Call *call, RunMode mode, CallHandler handler);

/* What one handler leaves for the next one of the same call; freed with the call. */
void call_set_data(Call *call, gpointer data, GDestroyNotify free_data);
gpointer call_data(const Call *call);

/* --- What came --- */
App *call_app(const Call *call);
const Route *call_route(const Call *call);
Transaction *call_transaction(const Call *call); /* in RUN_READ and RUN_WRITE; else NULL */
const char *call_tenant(
	const Call *call); /* id of the tenant all queries must name; NULL for CALLER_ANYONE */
const char *call_path(const Call *call); /* as it came, without the query */
const char *call_parameter(
	const Call *call, const char *name); /* from {name} in the path, decoded */
const char *call_query(
	const Call *call, const char *name); /* decoded, first of that name; or NULL */
char **call_query_all(
	const Call *call, const char *name); /* (transfer full): all of that name, in order */
/* Names and values in order of appearance, for routes that take any key. */
typedef struct {
	char *name, *value;
} QueryPair;
const GArray *call_query_pairs(const Call *call);
const char *call_header(const Call *call, const char *name);
const char *call_peer(const Call *call); /* the caller's address */
/* SHA-256 (hex) of the client's certificate where its chain was judged good, else NULL. */
const char *call_client_certificate(const Call *call);
gconstpointer call_body(const Call *call); /* the struct of Route.body */
GBytes *call_body_bytes(
	const Call *call); /* the raw body, borrowed; never NULL but in RUN_STREAM */
json_t *call_body_json(
	Call *call, GError **error); /* (transfer none): parsed strictly on first use */
/* RUN_STREAM: blocking; ends with ROTA_ERROR_INVALID where the client broke off,
 * ROTA_ERROR_TOO_LARGE past body_max. */
GInputStream *call_body_stream(Call *call);
const char *call_request_id(const Call *call);

/* Who is asking. */
const char *call_user_id(const Call *call);
const char *call_user_email(const Call *call);
const char *call_session_id(const Call *call); /* the token the user came with */
gboolean call_user_may(const Call *call, const char *permission);
const char *call_device_id(const Call *call);
guint32 call_device_row(const Call *call); /* the device's row number (hot.h) */

/* Memory that lives as long as the call: handlers free nothing they take from here. */
char *call_strdup(Call *call, const char *text);
char *call_strdup_printf(Call *call, const char *format, ...) G_GNUC_PRINTF(2, 3);
gpointer call_own(Call *call, gpointer data, GDestroyNotify free_data); /* returns @data */

/* --- The answer; the default is 204 without a body --- */
void call_set_status(Call *call, guint status);
void call_set_header(Call *call, const char *name, const char *value);
void call_set_json(Call *call, json_t *value); /* (transfer full); status 200 unless set */
void call_set_text(Call *call, const char *content_type, const char *text);
/* Takes @fd and sends @length bytes of it from @offset; status 200 unless set (206, Content-Range
 * and the like are the handler's). */
void call_set_file(Call *call, const char *content_type, int fd, guint64 offset, guint64 length);
/* Members beside "error" and "request_id" in the error body (metadata of a conflict). */
void call_set_error_detail(Call *call, const char *name, json_t *value);
/* The call succeeds, its changes are kept, and yet the answer is that error (a new device is
 * stored, and told that it is not let in). */
void call_set_refusal(Call *call, gint code, const char *message);
/* Answers an error with @value instead of the error shape; only where a client expects it
 * (preauthorise: the device). */
void call_set_error_json(Call *call, json_t *value);

/* --- Paging (server-api.md section 0.4) --- */
enum { PAGING_DEFAULT = 20, PAGING_MAX = 500 };
typedef struct {
	gint64 page, per_page;
} Paging;
gboolean call_paging(Call *call, Paging *ret_paging, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for lists of artifacts and releases: there a size of 0 or above the maximum means the
 * usual one, as clients know it. */
gboolean call_paging_forgiving(
	Call *call, Paging *ret_paging, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Link headers; @total -1 = unknown, then @more says whether another page exists. Sets
 * X-Total-Count when known. */
void call_set_paging(Call *call, const Paging *paging, gint64 total, gboolean more);

/* What the audit entry of this call says beside the actor: what kind of object, which, and details
 * ((transfer full)(nullable)). A route with .audit must say it in each RUN_WRITE handler that
 * succeeds; the entry is written in that handler's transaction. Not said: nothing changed, no
 * entry. */
void call_audit(Call *call, const char *object_type, const char *object_id, json_t *details);
/* The action, where it is known only while handling ("accept" or "reject"). */
void call_audit_action(Call *call, const char *action);
