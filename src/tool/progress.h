/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* A bar on stderr while something long goes on, drawn by a thread of its own a few times a second:
 * what is watched pays nothing for it. There is none, and all of this does nothing, where stderr is
 * no terminal or --no-progress was said. One bar at a time; starting one ends the one before, and
 * the console ends it before it prints. */

/* Counts what progress_add() is told. @total_bytes: 0: not known, and only the bytes are shown. */
void progress_start(const char *what, guint64 total_bytes);

/* Follows how far a regular file has been read: nothing else has to tell. @fd: borrowed until the
 * bar has ended. */
void progress_watch(const char *what, int fd);

/* @unused: so that it fits where a callback with data is wanted. */
void progress_add(gsize size_bytes, gpointer unused);

/* Draws a last time and clears the line. */
void progress_end(void);
