/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "image/image.h"

/* Programs that do for us what no library does: mtools and e2fsck. They get the image as a
 * descriptor and never see its name. */

enum { PROGRAM_IMAGE_FD = 3 }; /* where the program finds it: /proc/self/fd/3 */

typedef struct {
	const char *const *arguments; /* the first is the program's name, looked up on PATH */
	const char *package;          /* that has it, for the message where it is missing */
	int image_fd;
	int input_fd;   /* its standard input; -1: none */
	ImageSink sink; /* (nullable): takes its standard output */
	gpointer user_data;
} ProgramCall;

/* Runs it to its end, within ten minutes. FALSE where it could not be run or was killed; its exit
 * status is the caller's to judge. @ret_words: (out)(transfer full)(optional): what it said on
 * its standard error, the first 4 KiB. */
gboolean program_call(const ProgramCall *call, int *ret_status, char **ret_words,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
