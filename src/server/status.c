/* SPDX-License-Identifier: Apache-2.0 */
#include "server/status.h"

#include "base/error.h"

enum { RETRY_SOON_S = 2 };

static const ErrorStatus statuses[] = {
	[ROTA_ERROR_INVALID] = { 400 },
	[ROTA_ERROR_UNAUTHORIZED] = { 401 },
	[ROTA_ERROR_FORBIDDEN] = { 403 },
	[ROTA_ERROR_NOT_FOUND] = { 404 },
	[ROTA_ERROR_CONFLICT] = { 409 },
	[ROTA_ERROR_PRECONDITION] = { 412 },
	[ROTA_ERROR_TOO_LARGE] = { 413 },
	[ROTA_ERROR_MEDIA_TYPE] = { 415 },
	[ROTA_ERROR_UNPROCESSABLE] = { 422 },
	[ROTA_ERROR_TOO_MANY] = { 429, .retry_after_s = RETRY_SOON_S },
	[ROTA_ERROR_TIMED_OUT] = { 503, .retry_after_s = RETRY_SOON_S },
	[ROTA_ERROR_UNAVAILABLE] = { 503, .retry_after_s = RETRY_SOON_S },
	[ROTA_ERROR_UNSUPPORTED] = { 400 },
	[ROTA_ERROR_CORRUPT] = { 500, .is_ours = TRUE },
	[ROTA_ERROR_IO] = { 500, .is_ours = TRUE },
	[ROTA_ERROR_INTERNAL] = { 500, .is_ours = TRUE },
};

ErrorStatus error_status(const GError *error)
{
	if (error->domain == ROTA_ERROR && (guint)error->code < G_N_ELEMENTS(statuses))
		return statuses[error->code];
	return statuses[ROTA_ERROR_INTERNAL];
}
