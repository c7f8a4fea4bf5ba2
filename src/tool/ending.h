/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <termios.h>

/* How the program ends before its work is done: a signal, a reader that has gone, a full disk
 * behind the standard output. It says what became of the work, leaves no temporary file, and ends
 * by the same signal as if it had caught none: whoever waits for it sees the truth. */

/* From now on: SIGINT, SIGTERM and SIGHUP (where they were not ignored before) say that nothing was
 * written and remove what ending_remove() named. SIGPIPE and SIGXFSZ become errors of the write. */
void ending_catch_signals(void);

/* @path goes where the program is interrupted; at most ENDING_PATHS_MAX at a time, others are left
 * to the caller. */
enum { ENDING_PATHS_MAX = 8 };
void ending_remove(const char *path);
void ending_keep(const char *path);

/* Where the program is interrupted, the terminal behind the standard input is put back as it was
 * @before, and what was typed and not read yet goes: no other program is to find a passphrase
 * there. NULL: the caller has put it back. */
void ending_restore_terminal(const struct termios *before);

/* Ends the program as a broken pipe does, after its complaint. */
void ending_of_broken_pipe(void) G_GNUC_NORETURN;

/* What was printed is out, or said not to be: @status, or that of a failure. */
int ending_flush_output(int status);
