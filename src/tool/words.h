/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <jansson.h>
#include "artifact/compress.h"

/* Words of the command line that several verbs take. All that fail set ROTA_ERROR_INVALID. */

/* @name: (nullable): gzip */
gboolean words_compression(
	const char *name, CompressChoice *ret_choice, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Each KEY:VALUE, split at the first colon, into a table of char * to char *. @pairs: (nullable) */
gboolean words_provides(
	const GPtrArray *pairs, GHashTable *provides, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same into a table of char * to char **. */
gboolean words_depends(
	const GPtrArray *pairs, GHashTable *depends, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A file with one JSON object. @path: (nullable): *ret_value is NULL. */
gboolean words_meta_data(
	const char *path, json_t **ret_value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "5MB", "1.5GiB", "1000": bytes; kB, MB, GB, TB are decimal, KiB to TiB are not. Positive.
 * @option: whose value it is, for the message; @text: (nullable): 0 */
gboolean words_size(const char *option, const char *text, guint64 *ret_bytes,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* SOURCE_DATE_EPOCH, or 0 where it is not set. A broken one is refused: it must not pass unseen. */
gboolean words_source_date(gint64 *ret_time_s, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* (transfer container): NULL-terminated, possibly empty; the texts stay those of @texts. */
char **words_list(const GPtrArray *texts);
