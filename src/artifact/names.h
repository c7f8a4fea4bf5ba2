/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>

/* Which names and texts an artifact may carry (R12, R17). */
enum {
	NAME_FILE_SIZE_MAX = 255,       /* of a payload file */
	NAME_SCRIPT_TAIL_SIZE_MAX = 64, /* the description after ArtifactInstall_Enter_00_ */
};

/* Is every part between slashes a name: not empty, not "." or "..", without a backslash and control
 * characters? */
gboolean name_is_plain_path(const char *name);

/* A payload file: letters, digits and _ - . , but not "." and "..". */
gboolean name_is_payload_file(const char *name);

/* ArtifactInstall_Enter_00_check: an artifact's state script. */
gboolean name_is_script(const char *name);

/* A payload type names an update module, a program in a folder. */
gboolean name_is_payload_type(const char *name);

/* At most @size_max bytes of letters, marks, numbers, punctuation, symbols and the ASCII blank. */
gboolean text_is_printable(const char *text, gsize size_max);
