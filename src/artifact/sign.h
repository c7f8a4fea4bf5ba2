/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include "crypto/key.h"

/**
 * artifact_sign:
 * @in_fd: a regular file; read twice
 * @replace: an artifact that is signed already gets a new signature instead of ROTA_ERROR_CONFLICT
 * @out_fd: written front to back
 *
 * Copies an artifact with a signature over its manifest; every other entry stays as it is, to the
 * byte. The whole artifact is verified first: what is broken is not signed.
 */
gboolean artifact_sign(int in_fd, const Key *key, gboolean replace, int out_fd,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
