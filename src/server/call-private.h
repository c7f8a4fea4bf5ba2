/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/buffer.h"
#include "server/call.h"
#include "server/auth/caller.h"
#include "server/layer.h"
#include "server/route.h"
#include "server/stream.h"

/* The inside of a call, shared by the files of the generic layer alone.
 *
 * A call lives until the engine said that its request is gone and no thread works on it any more.
 * Both are seen on the request's loop only, so no lock is needed: .away is set on the loop before
 * the call leaves it and cleared there when it comes back. */

typedef struct {
	char *name, *value;
} AnswerHeader;

typedef struct {
	guint status;    /* 0 = not said */
	GArray *headers; /* of AnswerHeader; NULL = none */
	const char *content_type;
	GBytes *body;
	int fd; /* -1 = none */
	guint64 offset, length;
	json_t *error_detail;
	json_t *error_json;
} Answer;

/* An answer as it stood when a handler began. */
typedef struct {
	guint status, n_headers;
	const char *content_type;
	GBytes *body;
	json_t *error_detail, *error_json; /* copies */
	GError *refusal;
} AnswerMark;

typedef struct {
	const char *action;
	char *object_type, *object_id;
	json_t *details;
} AuditNote;

struct Call {
	App *app;
	Layer *layer;
	HttpRequest *request;
	RouteMatch match;
	char request_id[REQUEST_ID_MAX + 1];
	Caller caller;
	char *client_certificate; /* asked on the loop, where the connection is; NULL = none */
	GArray *query;            /* of QueryPair */
	Buffer body;
	gsize held; /* bytes of it counted in the layer */
	GBytes *body_bytes;
	gpointer body_record;
	json_t *body_json;
	BodyStream *stream; /* RUN_STREAM */

	/* What runs, and what was asked to run after it. */
	RunMode mode, next_mode;
	CallHandler handler, next_handler;
	Transaction *transaction;
	AnswerMark mark; /* for a handler that the store runs again */
	guint n_runs;    /* of the handler, in the store */
	gboolean away;   /* another thread has the call */
	gboolean gone;   /* the engine has let go of the request */
	gboolean answered;
	GError *refusal; /* call_set_refusal() */
	GError *error;   /* what the last handler, or its commit, failed with */

	Answer answer;
	AuditNote audit;
	gpointer data;
	GDestroyNotify free_data;
	GArray *owned; /* of Owned: freed with the call, last first */
};

/* call-id.c */
void call_set_request_id(Call *call);

/* call-own.c */
void call_free_owned(Call *call);
void audit_note_clear(AuditNote *note);

/* call-body.c */
gboolean call_check_body_head(Call *call, GError **error);
/* On the loop: runs the first handler once the body is there. */
void call_take_body(Call *call);

/* call-run.c: on the loop; the call may be answered, and freed, inside. */
void call_run(Call *call, RunMode mode, CallHandler handler);

/* answer.c: on the loop; the call may be freed inside. */
void call_answer(Call *call);
void call_answer_error(Call *call, const GError *error);
void answer_clear(Answer *answer);
/* The store may undo a handler and run it again: what the first run said of the answer is void. */
void answer_mark(Call *call);
void answer_rewind(Call *call);
void answer_mark_clear(AnswerMark *mark);

/* call.c */
gboolean call_check_permission(const Call *call, GError **error);
void call_free(Call *call);

/* call.c: what the engine calls. */
void call_begin(HttpRequest *request, gpointer app);
void call_gone(HttpRequest *request, gpointer app);
