/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "http/server.h"
#include "server/app.h"
#include "server/call.h"
#include "server/hot.h"
#include "server/auth/permissions.h"
#include "server/auth/sessions.h"

/* Who is asking: found from the token of a request, in memory. */
typedef struct {
	CallerKind kind;    /* CALLER_ANYONE: nobody known */
	const char *tenant; /* id; lives as long as the app */
	HotDevice device;
	char device_id[UUID_TEXT_SIZE];
	Session *session; /* a user's; owned */
} Caller;

/* Time has passed: a user is who he is now, with the rights he has now; ROTA_ERROR_UNAUTHORIZED
 * where the token is dead meanwhile. */
gboolean caller_renew(App *app, Caller *caller, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void caller_clear(Caller *caller);

/**
 * caller_find:
 * Reads "Authorization: Bearer TOKEN" (any case), or the cookie JWT, and finds whose it is. A
 * device is taken as seen. FALSE with ROTA_ERROR_UNAUTHORIZED where there is no token, or it is not
 * good (any more): expired, of a rejected device, logged out, of a suspended tenant, of the other
 * kind.
 */
gboolean caller_find(App *app, HttpRequest *request, CallerKind wanted, Caller *ret_caller,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The token within the headers' values, or NULL; @ret_size: its length. Either header may be NULL.
 */
const char *caller_token(const char *authorization, const char *cookie, gsize *ret_size);
