/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>
#include "base/json.h"
#include "http/server.h"
#include "server/app.h"
#include "server/database.h"

/* One call of the API, and the tables that say what calls there are.
 *
 * The generic layer (call.c) does for every call, from its row: find the route, who is asking, may
 * they, the body limit and its JSON table, run the handler where its mode says, audit, error body. A
 * handler does its own business only: it reads what it is given, uses its transaction, and sets the
 * answer; a GError becomes the one error shape through the table in status.c. */
typedef struct Call Call;

typedef enum {
	CALLER_ANYONE, /* log-in, authentication requests, signed links, health */
	CALLER_DEVICE, /* an accepted device's token */
	CALLER_USER,   /* a user's token, with .permission */
} CallerKind;

typedef enum {
	RUN_LOOP,   /* on the event loop: memory only, never blocks; call_transaction() is NULL */
	RUN_READ,   /* on a reader: may query */
	RUN_WRITE,  /* on the writer: may query and write; answered after the commit is durable */
	RUN_STREAM, /* on the loop, owns the request's body and its answer: uploads and downloads */
} RunMode;

typedef gboolean (*CallHandler)(Call *call, GError **error);

typedef struct {
	HttpMethod method;
	const char *path;         /* "/api/management/v1/inventory/devices/{id}/tags" */
	CallerKind caller;
	const char *permission;   /* for CALLER_USER: "inventory.read"; every user route has one */
	RunMode mode;
	const char *audit;        /* for changing user calls: "create deployment"; NULL = changes nothing of note */
	gsize body_max;           /* 0: no body is taken; else bytes */
	const JsonRecord *body;   /* (nullable): how the body is read; then call_body() is the struct */
	CallHandler handler;
} Route;

/* --- What came --- */
App *call_app(Call *call);
Transaction *call_transaction(Call *call);
const char *call_tenant(Call *call);                       /* id of the tenant all queries must name */
const char *call_parameter(Call *call, const char *name);  /* from {name} in the path, decoded */
const char *call_query(Call *call, const char *name);      /* decoded, first of that name; or NULL */
char **call_query_all(Call *call, const char *name);       /* (transfer full): all of that name, in order */
/* Names and values in order of appearance, for routes that take any key. */
typedef struct { char *name, *value; } QueryPair;
const GArray *call_query_pairs(Call *call);
const char *call_header(Call *call, const char *name);
gconstpointer call_body(Call *call);                       /* the struct of Route.body */
GBytes *call_body_bytes(Call *call);                       /* the raw body; borrowed */
json_t *call_body_json(Call *call, GError **error);        /* (transfer none): parsed strictly on first use */
const char *call_request_id(Call *call);
HttpRequest *call_request(Call *call);                     /* for RUN_LOOP and RUN_STREAM */

/* Who is asking. */
const char *call_user_id(Call *call);
const char *call_user_email(Call *call);
const char *call_device_id(Call *call);

/* Memory that lives as long as the call: handlers free nothing they take from here. */
char *call_strdup(Call *call, const char *text);
char *call_strdup_printf(Call *call, const char *format, ...) G_GNUC_PRINTF(2, 3);
gpointer call_own(Call *call, gpointer data, GDestroyNotify free_data); /* returns @data */

/* --- The answer; the default is 204 without a body --- */
void call_set_status(Call *call, guint status);
void call_set_header(Call *call, const char *name, const char *value);
void call_set_json(Call *call, json_t *value);             /* (transfer full); status 200 unless set */
void call_set_text(Call *call, const char *content_type, const char *text);
/* Members beside "error" and "request_id" in the error body (metadata of a conflict). */
void call_set_error_detail(Call *call, const char *name, json_t *value);

/* @length bytes of @fd from @offset (takes the descriptor; opened where blocking is allowed). */
void call_set_file(Call *call, const char *content_type, int fd, guint64 offset, guint64 length);

/* --- Going on elsewhere ---
 * A handler that finds it needs more than its mode gives hands the call over: @next runs where @mode
 * says (RUN_READ or RUN_WRITE), with all that the call has, and the answer and audit follow as if the
 * route had named it. RUN_LOOP: from the handler, which then returns TRUE at once. RUN_STREAM: such a
 * call ends with exactly one call_continue() or call_fail(), from any thread, be the connection lost
 * meanwhile or not; until then the call stays in memory. */
void call_continue(Call *call, RunMode mode, CallHandler next);
/* Ends a RUN_STREAM call with the answer for @error (borrowed). */
void call_fail(Call *call, const GError *error);
/* RUN_STREAM: called once, on the loop, if the connection is lost before the call was ended. */
void call_on_gone(Call *call, void (*function)(Call *call, gpointer data), gpointer data);

/* --- Paging (server-api.md section 0.4) --- */
typedef struct { gint64 page, per_page; } Paging;
gboolean call_paging(Call *call, Paging *ret_paging, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Link headers; @total -1 = unknown, then @more says whether another page exists. Sets X-Total-Count when known. */
void call_set_paging(Call *call, const Paging *paging, gint64 total, gboolean more);

/* What the audit row of this call says beside the actor: what kind of object, which, and details. */
void call_audit(Call *call, const char *object_type, const char *object_id, json_t *details);
