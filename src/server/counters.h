/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/database.h"

/* Numbers given once and never again, from 1. @tenant "": counted for the whole installation. */
gboolean counter_next(Transaction *transaction, const char *tenant, const char *name,
	gint64 *ret_value, GError **error) G_GNUC_WARN_UNUSED_RESULT;
