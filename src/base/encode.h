/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Bytes as text and back, strictly: GLib's own decoder skips what it does not know, ours refuses
 * it. */

/* (transfer full): lower-case hex digits. */
char *hex_encode(const guint8 *data, gsize size);

/* Decodes exactly 2 × @size lower-case hex digits into @ret_data; FALSE on anything else. */
gboolean hex_decode(
	const char *text, gsize length, guint8 *ret_data, gsize size) G_GNUC_WARN_UNUSED_RESULT;

/**
 * base64_decode_strict:
 * Standard alphabet with padding (RFC 4648 section 4); no white space, no bits left over.
 * Returns: (transfer full): the bytes, or NULL with ROTA_ERROR_INVALID.
 */
GBytes *base64_decode_strict(
	const char *text, gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* base64url without padding (RFC 7515 section 2), as JWTs and signed links use it. */
char *base64url_encode(const guint8 *data, gsize size);
GBytes *base64url_decode(const char *text, gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Compares two secrets of the same length without telling where they differ. */
gboolean secret_equal(gconstpointer a, gconstpointer b, gsize size) G_GNUC_WARN_UNUSED_RESULT;
