/* SPDX-License-Identifier: Apache-2.0 */
#include "server/status.h"

#include "base/error.h"

enum { RETRY_SOON_S = 2 };

/* A designated array of structs makes clang-format 14 fall over; a macro row does not. */
#define ROW(code, status_code, ours, retry_s)                                                      \
	[ROTA_ERROR_##code] = { .status = status_code, .is_ours = ours, .retry_after_s = retry_s }

static const ErrorStatus statuses[] = {
	ROW(INVALID, 400, FALSE, 0),
	ROW(UNAUTHORIZED, 401, FALSE, 0),
	ROW(FORBIDDEN, 403, FALSE, 0),
	ROW(NOT_FOUND, 404, FALSE, 0),
	ROW(CONFLICT, 409, FALSE, 0),
	ROW(PRECONDITION, 412, FALSE, 0),
	ROW(TOO_LARGE, 413, FALSE, 0),
	ROW(MEDIA_TYPE, 415, FALSE, 0),
	ROW(UNPROCESSABLE, 422, FALSE, 0),
	ROW(TOO_MANY, 429, FALSE, RETRY_SOON_S),
	ROW(TIMED_OUT, 503, FALSE, RETRY_SOON_S),
	ROW(UNAVAILABLE, 503, FALSE, RETRY_SOON_S),
	ROW(UNSUPPORTED, 400, FALSE, 0),
	ROW(CORRUPT, 500, TRUE, 0),
	ROW(IO, 500, TRUE, 0),
	ROW(INTERNAL, 500, TRUE, 0),
};

ErrorStatus error_status(const GError *error)
{
	if (error->domain == ROTA_ERROR && (guint)error->code < G_N_ELEMENTS(statuses))
		return statuses[error->code];
	return statuses[ROTA_ERROR_INTERNAL];
}
