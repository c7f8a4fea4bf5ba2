/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "agent/paths.h"
#include <jansson.h>

/* Who the device is, and what it tells of itself: lines KEY=VALUE printed by programs of the
 * vehicle. */

enum { IDENTITY_TIMEOUT_S = 300, LINES_MAX = 10000 };

/* (transfer full): the identity as JSON text with sorted keys; a key printed twice becomes a list.
 */
char *identity_read(const Paths *paths, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Adds the lines of @text to the object @values. @source: for messages. */
gboolean identity_add_lines(json_t *values, const char *source, const char *text,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
