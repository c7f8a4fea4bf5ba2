/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "base/options.h"

/* The two texts made from the option tables: what --help says, and the man page in scdoc's
 * language. */

/* @verb: (nullable): the whole program */
void help_print(const Program *program, const Verb *verb);
void help_print_man(const Program *program);
