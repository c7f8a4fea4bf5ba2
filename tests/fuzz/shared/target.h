/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* What every target is: called once for each input, by the fuzzing engine or by replay.c. Returns
 * 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
