/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/error.h"
#include "artifact/header.h"
#include "crypto/key.h"

/* Signing a file that is there, in two steps, because the key may be on another machine. */

/**
 * artifact_sign_check:
 * @fd: a regular file; read from its start
 * @ret_refusal: (nullable): as artifact_reader_open() fills it
 * Returns: (transfer full): what the artifact says, its manifest above all, after all of it was
 * verified: what is broken is not signed.
 */
ArtifactHeader *artifact_sign_check(
	int fd, ArtifactRefusal *ret_refusal, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * artifact_sign_put:
 * @in_fd: the same file, unchanged
 * @signature: as key_sign_manifest() gives it
 * @replace: an artifact that is signed already gets the new signature instead of
 * ROTA_ERROR_CONFLICT
 * @out_fd: written front to back
 *
 * Copies the artifact with the signature in it; every other entry stays as it is, to the byte.
 * ROTA_ERROR_CONFLICT also where the manifest is no longer the one that was checked.
 */
gboolean artifact_sign_put(int in_fd, const ArtifactHeader *checked, GBytes *signature,
	gboolean replace, int out_fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
