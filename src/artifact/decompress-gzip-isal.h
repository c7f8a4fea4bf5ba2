/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <glib.h>
#include <isa-l/igzip_lib.h>

/* All input is used, all output given, and the next bit begins a block. */
gboolean inflate_is_between_blocks(const struct inflate_state *state);
