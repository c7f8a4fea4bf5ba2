/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/options.h"

/* The two texts made from the option tables: what --help says, and the man page in scdoc's
 * language. */

/* @verb: (nullable): the whole program, or the verbs whose first word is @group */
void help_print(const Program *program, const Verb *verb, const char *group);
void help_print_man(const Program *program);
