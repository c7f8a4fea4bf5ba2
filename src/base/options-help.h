/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/options.h"

/* The texts made from the option tables: what --help says, the man page in scdoc's language, and
 * the script that completes command lines in a shell. */

/* @verb: (nullable): the whole program, or the verbs whose first word is @group */
void help_print(const Program *program, const Verb *verb, const char *group);
void help_print_man(const Program *program);
/* FALSE where the shell is none we know; "bash" is. */
gboolean help_print_completion(const Program *program, const char *shell);
