/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "crypto/key.h"

/* Two keys whose private halves are gone, and what was signed with them before: corpora have those
 * signatures. */
extern const char fuzz_manifest[];
const GPtrArray *fuzz_keys(void); /* of Key *: P-256, RSA with 2048 bits */
