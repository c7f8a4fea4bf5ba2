/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* How far each payload file of an update by hand has come, as Mender's client says it: "\rN%" on
 * stderr. Nothing is said until progress_show() was called. */

/* Only where stderr is a terminal: a log or a script wants none of it. */
void progress_show(void);

/* @size_bytes: of the file that begins; may be 0 */
void progress_begin(guint64 size_bytes);
void progress_add(gsize size_bytes);

/* Ends the line, however far the file has come. */
void progress_end(void);
