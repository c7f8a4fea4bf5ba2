/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "artifact/header.h"
#include "crypto/key.h"

/* Signing with a key on another machine: a request goes there, a signature comes back, and the
 * artifact stays here. A path "-" is the standard output or input. */

/* Writes the request, and the bare manifest for whoever signs with other programs; each path may be
 * NULL. */
gboolean sign_offline_ask(const ArtifactHeader *header, const char *request_path,
	const char *manifest_path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* On the key's machine: reads the request, says on stderr what is signed, writes the signature as
 * base64. */
gboolean sign_offline_answer(const char *request_path, const Key *key, const char *signature_path,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The signature that came back, base64 or bytes, r and s or DER, in the form that artifacts carry;
 * NULL unless it verifies with @key. (transfer full) */
GBytes *sign_offline_take(const char *signature_path, const Key *key, const ArtifactHeader *header,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
