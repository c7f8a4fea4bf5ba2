/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/database.h"

/* The two ends of reading rows that every store.c meets. */

/* After rows_next() said FALSE: TRUE at the end of the rows; else FALSE with @failure ((transfer
 * full)) as @error. */
gboolean rows_ended(GError *failure, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For at most one row. FALSE with @error when it failed; else @ret_found says whether there is one.
 */
gboolean rows_first(Rows *rows, gboolean *ret_found, GError **error) G_GNUC_WARN_UNUSED_RESULT;
