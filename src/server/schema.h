/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "server/database-engine.h"

/* Brings a database to the schema of this program: the numbered steps of sql/schema/, embedded in
 * the program, forward only, each in a transaction of its own together with the record that it was
 * applied. Several nodes may start at once: the writer's transactions exclude each other.
 *
 * A step reads the same on both engines. Lines between "-- @sqlite" or "-- @postgresql" and the
 * next
 * "-- @both" are for one engine. A line "-- serves-from: NNNN" says that programs older than step
 * NNNN cannot work with the schema from here on; without it, every older one can. */
gboolean schema_apply(Connection *writer, GError **error) G_GNUC_WARN_UNUSED_RESULT;
