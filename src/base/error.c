/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include <errno.h>
#include <stdarg.h>

G_DEFINE_QUARK(rota - error - quark, rota_error)

static RotaError code_from_errno(int saved_errno)
{
	switch (saved_errno) {
	case ENOENT:
		return ROTA_ERROR_NOT_FOUND;
	case ENOSPC:
	case EDQUOT:
		return ROTA_ERROR_UNAVAILABLE;
	default:
		return ROTA_ERROR_IO;
	}
}

void rota_set_errno_error(GError **error, int saved_errno, const char *format, ...)
{
	g_autofree char *attempt = NULL;
	va_list arguments;

	va_start(arguments, format);
	attempt = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_set_error(error, ROTA_ERROR, code_from_errno(saved_errno), "%s: %s", attempt,
		g_strerror(saved_errno));
}
