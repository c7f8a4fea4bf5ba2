/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* What can go wrong, said once for the whole project.
 *
 * A code names the kind of trouble; the message names what was wrong with what, in lower case,
 * without a full stop and without secrets. The server turns a code into an HTTP status in one table
 * (server/status.c), the agent into the outcome of a step. An expected outcome ("no deployment for
 * you") is a value, never an error. */
typedef enum {
	ROTA_ERROR_INVALID,       /* the input is malformed or contradicts itself */
	ROTA_ERROR_UNAUTHORIZED,  /* who is asking is not known */
	ROTA_ERROR_FORBIDDEN,     /* who is asking is known and may not */
	ROTA_ERROR_NOT_FOUND,     /* what is named does not exist */
	ROTA_ERROR_CONFLICT,      /* it exists already, or its state forbids the act */
	ROTA_ERROR_PRECONDITION,  /* a condition the caller set (If-Match) does not hold */
	ROTA_ERROR_TOO_LARGE,     /* past a named maximum */
	ROTA_ERROR_MEDIA_TYPE,    /* a body of another kind than the call takes */
	ROTA_ERROR_UNPROCESSABLE, /* well formed, but refused by a rule of the domain */
	ROTA_ERROR_TOO_MANY,      /* a rate limit */
	ROTA_ERROR_TIMED_OUT,     /* a deadline passed */
	ROTA_ERROR_UNAVAILABLE,   /* a part we rely on does not answer; trying again may help */
	ROTA_ERROR_UNSUPPORTED,   /* valid, but not something this build or version does */
	ROTA_ERROR_CORRUPT,       /* what was stored is not what was written */
	ROTA_ERROR_IO,            /* the system refused: errno is in the message */
	ROTA_ERROR_INTERNAL,      /* a fault of ours */
} RotaError;

#define ROTA_ERROR (rota_error_quark())
GQuark rota_error_quark(void);

/**
 * rota_set_errno_error:
 * @saved_errno: the value of errno right after the call that failed
 * @format: what was attempted, with the path or name: "open %s"
 *
 * Sets ROTA_ERROR_IO (ENOENT: NOT_FOUND; ENOSPC, EDQUOT: UNAVAILABLE) as "WHAT: reason".
 */
void rota_set_errno_error(GError **error, int saved_errno, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
